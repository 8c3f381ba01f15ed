package crossorigin

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/ws"
)

// anyOrigin is the entry of --rest-cors-origins that means every web page.
const anyOrigin = "*"

const (
	headerOrigin      = "Origin"
	headerAllowOrigin = "Access-Control-Allow-Origin"
)

// Responses to requests of web pages that are not allowed.
const (
	textForeignOrigin = "Requests of web pages from other origins are not allowed: add the origin of the page to --rest-cors-origins."
	textNotJSON       = "A request with the header Origin must have the header Content-Type: application/json."
	textTokenOrigin   = "Web pages from other origins cannot get a CSRF token: add the origin of the page to --rest-cors-origins." //nolint:gosec // no credential
)

// Policy rejects requests that a web page sends from the browser of a user without the knowledge of the user. A page
// needs no credential where the identity of the caller does not depend on what the caller sends: without
// authentication, and behind the aggregation layer, which kubectl proxy and the cookies of other proxies lead to.
// Clients other than browsers send no Origin. Their requests are not affected.
type Policy struct {
	anyone  bool            // no authentication: the Host is checked
	hosts   map[string]bool // accepted host names without a port, in addition to loopback
	origins map[string]bool // accepted in addition to loopback
}

// NewPolicy returns the policy of a server whose callers are authenticated or not.
func NewPolicy(o *Options, authenticated bool) *Policy {
	p := &Policy{anyone: !authenticated, hosts: map[string]bool{}, origins: map[string]bool{}}
	for _, host := range o.AllowedHosts {
		p.hosts[normalHost(host)] = true
	}
	for _, origin := range o.CORSOrigins {
		p.origins[normalOrigin(origin)] = true
	}
	return p
}

// Check returns the error for a request that is rejected before its route is known.
func (p *Policy) Check(r *http.Request, proxied bool) error {
	if err := p.CheckHost(r); err != nil {
		return err
	}
	if !p.anyone && !proxied {
		return nil // a page has no token
	}
	if ws.IsUpgrade(r) || changes(r.Method) {
		return p.checkPage(r)
	}
	return nil
}

// CheckHost returns the error for a request of another host than those that are served
// without authentication.
func (p *Policy) CheckHost(r *http.Request) error {
	if !p.anyone || p.servesHost(r.Host) {
		return nil
	}
	return wire.NewDetailError(http.StatusMisdirectedRequest, fmt.Sprintf("The host %.256q is not served: use localhost or 127.0.0.1, or add the host to --rest-allowed-hosts.", r.Host))
}

// checkPage returns the error for a request that changes something, or opens a
// websocket, if a web page sends it that is not allowed or needs no preflight to.
func (p *Policy) checkPage(r *http.Request) error {
	contentType := r.Header.Get("Content-Type")
	switch {
	case p.foreign(r):
		return wire.NewDetailError(http.StatusForbidden, textForeignOrigin)
	case ws.IsUpgrade(r), len(r.Header.Values(headerOrigin)) == 0, !simple(r):
		return nil
	case contentType == "", !wire.IsJSON(contentType):
		return wire.NewDetailError(http.StatusUnsupportedMediaType, textNotJSON)
	default:
		return nil
	}
}

// simple reports whether a browser may send the request without a preflight, or
// whether the request has a body, whose type counts.
func simple(r *http.Request) bool { return r.Method == http.MethodPost || r.ContentLength != 0 }

// CheckToken returns the error for a page that asks for a CSRF token. A page on a
// loopback address needs to be listed as any other: the token protects from it.
func (p *Policy) CheckToken(r *http.Request, proxied bool) error {
	for _, origin := range r.Header.Values(headerOrigin) {
		if !sameOrigin(origin, r) && !p.listed(origin) && !p.anyPage(proxied) {
			return wire.NewDetailError(http.StatusForbidden, textTokenOrigin)
		}
	}
	return nil
}

// foreign reports whether a web page of an origin that is not allowed sends the
// request. Browsers that leave the Origin out say by Sec-Fetch-Site where the page
// is from.
func (p *Policy) foreign(r *http.Request) bool {
	origins := r.Header.Values(headerOrigin)
	if len(origins) == 0 {
		site := r.Header.Get("Sec-Fetch-Site")
		return site == "cross-site" || site == "same-site"
	}
	return len(origins) > 1 || !p.allowed(origins[0], r)
}

// allowed reports whether pages of the origin may read responses and change runs.
func (p *Policy) allowed(origin string, r *http.Request) bool {
	return p.listed(origin) || loopbackOrigin(origin) || sameOrigin(origin, r)
}

func (p *Policy) listed(origin string) bool { return p.origins[normalOrigin(origin)] }

// anyPage reports whether every page may read responses, for none of them is of use
// without a token. The aggregation layer needs none.
func (p *Policy) anyPage(proxied bool) bool { return p.origins[anyOrigin] && !proxied }

// servesHost reports whether the Host of a request is one of loopback or listed.
// Another one is the name of a web page's own host, which its owner has pointed at
// this machine (DNS rebinding).
func (p *Policy) servesHost(host string) bool {
	name := hostName(host)
	return loopbackName(name) || p.hosts[name]
}

// loopbackOrigin reports whether the origin is that of a page on this machine.
func loopbackOrigin(origin string) bool {
	u, err := parseOrigin(origin)
	return err == nil && loopbackName(hostName(u.Host))
}

// sameOrigin reports whether the page is from the server itself. The scheme does
// not count: behind a proxy that ends TLS, the server does not know it.
func sameOrigin(origin string, r *http.Request) bool {
	u, err := parseOrigin(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// parseOrigin parses scheme://host[:port].
func parseOrigin(origin string) (*url.URL, error) {
	u, err := url.Parse(normalOrigin(origin))
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", strings.Contains(u.Host, "*"), u.Scheme+"://"+u.Host != normalOrigin(origin):
		return nil, errors.New("not an origin")
	default:
		return u, nil
	}
}

func normalOrigin(origin string) string { return strings.TrimSuffix(strings.ToLower(origin), "/") }

// hostName returns the name in host[:port], in lower case and without brackets.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return normalHost(host)
}

func normalHost(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(host), "["), "]"), ".")
}

// loopbackName reports whether the name cannot be that of another machine.
func loopbackName(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// IsLoopback reports whether only this machine reaches an address, host:port.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackName(normalHost(host))
}
