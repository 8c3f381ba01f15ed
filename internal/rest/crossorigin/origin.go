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

// Policy rejects requests that a web page sends from a user's browser without the user's knowledge. A page needs no
// credential where the identity does not depend on the request: without authentication, and behind the aggregation
// layer, which kubectl proxy and proxies with cookies lead to. Clients other than browsers send no Origin, so their
// requests are not affected.
type Policy struct {
	anyone  bool            // no authentication: Host is checked
	hosts   map[string]bool // accepted host names without a port, in addition to loopback
	origins map[string]bool // accepted, in addition to loopback
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

// CheckHost returns the error for a request with a host that is not accepted without authentication.
func (p *Policy) CheckHost(r *http.Request) error {
	if !p.anyone || p.servesHost(r.Host) {
		return nil
	}
	return wire.NewDetailError(http.StatusMisdirectedRequest, fmt.Sprintf("The host %.256q is not served: use localhost or 127.0.0.1, or add the host to --rest-allowed-hosts.", r.Host))
}

// checkPage returns the error for a request that changes data, or opens a websocket, if the web page is not allowed,
// or if the page could send the request without a preflight.
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

// simple reports whether a browser can send the request without a preflight, or whether the request has a body,
// whose type is then checked.
func simple(r *http.Request) bool { return r.Method == http.MethodPost || r.ContentLength != 0 }

// CheckToken returns the error for a page that requests a CSRF token. A page on a loopback address must be listed
// like any other, because the token protects against such pages.
func (p *Policy) CheckToken(r *http.Request, proxied bool) error {
	for _, origin := range r.Header.Values(headerOrigin) {
		if !sameOrigin(origin, r) && !p.listed(origin) && !p.anyPage(proxied) {
			return wire.NewDetailError(http.StatusForbidden, textTokenOrigin)
		}
	}
	return nil
}

// foreign reports whether a web page of an origin that is not allowed sends the request. Browsers that omit Origin
// send the site of the page in Sec-Fetch-Site.
func (p *Policy) foreign(r *http.Request) bool {
	origins := r.Header.Values(headerOrigin)
	if len(origins) == 0 {
		site := r.Header.Get("Sec-Fetch-Site")
		return site == "cross-site" || site == "same-site"
	}
	return len(origins) > 1 || !p.allowed(origins[0], r)
}

// allowed reports whether pages of the origin can read responses and change runs.
func (p *Policy) allowed(origin string, r *http.Request) bool {
	return p.listed(origin) || loopbackOrigin(origin) || sameOrigin(origin, r)
}

func (p *Policy) listed(origin string) bool { return p.origins[normalOrigin(origin)] }

// anyPage reports whether every page can read responses, because none gets data without a token. Behind the
// aggregation layer, pages need no token.
func (p *Policy) anyPage(proxied bool) bool { return p.origins[anyOrigin] && !proxied }

// servesHost reports whether the Host of a request is a loopback name or listed. Another name can be that of a web
// page's own host, resolved to this machine (DNS rebinding).
func (p *Policy) servesHost(host string) bool {
	name := hostName(host)
	return loopbackName(name) || p.hosts[name]
}

// loopbackOrigin reports whether the origin is that of a page on this machine.
func loopbackOrigin(origin string) bool {
	u, err := parseOrigin(origin)
	return err == nil && loopbackName(hostName(u.Host))
}

// sameOrigin reports whether the page is from the server itself. The scheme is not compared, because the server does
// not know it behind a proxy that terminates TLS.
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

// loopbackName reports whether the name always means this machine.
func loopbackName(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// IsLoopback reports whether an address, host:port, is reachable only from this machine.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackName(normalHost(host))
}
