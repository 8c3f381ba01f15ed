package rest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
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
	textSayJSON       = "A request with the header Origin must have the header Content-Type: application/json."
	textTokenOrigin   = "Web pages from other origins cannot get a CSRF token: add the origin of the page to --rest-cors-origins." //nolint:gosec // no credential
)

// browserGuard rejects requests that a web page makes in its user's browser without
// the user's knowledge. A page needs no credential where the identity of the caller
// does not depend on what the caller sends: without authentication, and behind the
// aggregation layer, which kubectl proxy and cookies of other proxies lead to.
// Clients other than browsers send no Origin, and nothing changes for them.
type browserGuard struct {
	anyone  bool            // no authentication: the Host is checked
	hosts   map[string]bool // host names without a port, beside those of loopback
	origins map[string]bool // allowed beside those of loopback
}

func newBrowserGuard(o *Options, authenticated bool) *browserGuard {
	g := &browserGuard{anyone: !authenticated, hosts: map[string]bool{}, origins: map[string]bool{}}
	for _, host := range o.AllowedHosts {
		g.hosts[normalHost(host)] = true
	}
	for _, origin := range o.CORSOrigins {
		g.origins[normalOrigin(origin)] = true
	}
	return g
}

// check returns the error for a request that is rejected before its route is known.
func (g *browserGuard) check(r *http.Request, proxied bool) error {
	if err := g.checkHost(r); err != nil {
		return err
	}
	if !g.anyone && !proxied {
		return nil // a page has no token
	}
	if ws.IsUpgrade(r) || changes(r.Method) {
		return g.checkPage(r)
	}
	return nil
}

// checkHost returns the error for a request of another host than those that are served
// without authentication.
func (g *browserGuard) checkHost(r *http.Request) error {
	if !g.anyone || g.servesHost(r.Host) {
		return nil
	}
	return wire.NewDetailError(http.StatusMisdirectedRequest, fmt.Sprintf("The host %.256q is not served: use localhost or 127.0.0.1, or add the host to --rest-allowed-hosts.", r.Host))
}

// checkPage returns the error for a request that changes something, or opens a
// websocket, if a web page sends it that is not allowed or needs no preflight to.
func (g *browserGuard) checkPage(r *http.Request) error {
	contentType := r.Header.Get("Content-Type")
	switch {
	case g.foreign(r):
		return wire.NewDetailError(http.StatusForbidden, textForeignOrigin)
	case ws.IsUpgrade(r), len(r.Header.Values(headerOrigin)) == 0, !simple(r):
		return nil
	case contentType == "", !wire.IsJSON(contentType):
		return wire.NewDetailError(http.StatusUnsupportedMediaType, textSayJSON)
	default:
		return nil
	}
}

// simple reports whether a browser may send the request without a preflight, or
// whether the request has a body, whose type counts.
func simple(r *http.Request) bool { return r.Method == http.MethodPost || r.ContentLength != 0 }

// checkToken returns the error for a page that asks for a CSRF token. A page on a
// loopback address needs to be listed as any other: the token protects from it.
func (g *browserGuard) checkToken(r *http.Request, proxied bool) error {
	for _, origin := range r.Header.Values(headerOrigin) {
		if !sameOrigin(origin, r) && !g.listed(origin) && !g.anyPage(proxied) {
			return wire.NewDetailError(http.StatusForbidden, textTokenOrigin)
		}
	}
	return nil
}

// foreign reports whether a web page of an origin that is not allowed sends the
// request. Browsers that leave the Origin out say by Sec-Fetch-Site where the page
// is from.
func (g *browserGuard) foreign(r *http.Request) bool {
	origins := r.Header.Values(headerOrigin)
	if len(origins) == 0 {
		site := r.Header.Get("Sec-Fetch-Site")
		return site == "cross-site" || site == "same-site"
	}
	return len(origins) > 1 || !g.allowed(origins[0], r)
}

// allowed reports whether pages of the origin may read responses and change runs.
func (g *browserGuard) allowed(origin string, r *http.Request) bool {
	return g.listed(origin) || loopbackOrigin(origin) || sameOrigin(origin, r)
}

func (g *browserGuard) listed(origin string) bool { return g.origins[normalOrigin(origin)] }

// anyPage reports whether every page may read responses, for none of them is of use
// without a token. The aggregation layer needs none.
func (g *browserGuard) anyPage(proxied bool) bool { return g.origins[anyOrigin] && !proxied }

// servesHost reports whether the Host of a request is one of loopback or listed.
// Another one is the name of a web page's own host, which its owner has pointed at
// this machine (DNS rebinding).
func (g *browserGuard) servesHost(host string) bool {
	name := hostName(host)
	return loopbackName(name) || g.hosts[name]
}

// mark adds what lets a page of an allowed origin read the response.
func (g *browserGuard) mark(answer response, r *http.Request, proxied bool) response {
	origin := r.Header.Get(headerOrigin)
	switch {
	case origin == "":
		return answer
	case g.anyPage(proxied):
		return answer.with(headerAllowOrigin, anyOrigin)
	case g.foreign(r):
		return answer.with("Vary", headerOrigin)
	default:
		return answer.with(headerAllowOrigin, origin).with("Vary", headerOrigin)
	}
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

// checkHosts rejects what the Host of a request cannot be without its port.
func checkHosts(name string, hosts []string) error {
	for _, host := range hosts {
		if net.ParseIP(normalHost(host)) == nil && strings.ContainsAny(host, "/:*@ ") {
			return fmt.Errorf("%s: %q must be a host name or an IP address, without scheme and port", name, host)
		}
	}
	return nil
}

// checkOrigins rejects what the Origin of a request cannot be.
func checkOrigins(name string, origins []string) error {
	for _, origin := range origins {
		if _, err := parseOrigin(origin); err != nil && origin != anyOrigin {
			return fmt.Errorf("%s: %q must be a scheme and a host such as https://example.com:8443, or *", name, origin)
		}
	}
	return nil
}

// listFlag returns a function for flag.Func that sets a comma-separated list.
func listFlag(to *[]string) func(string) error {
	return func(text string) error {
		*to = nil
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				*to = append(*to, item)
			}
		}
		return nil
	}
}

// checkAnyOrigin rejects --rest-cors-origins=* where a page needs no token.
func (o *Options) checkAnyOrigin(authenticated bool) error {
	if !authenticated && slices.Contains(o.CORSOrigins, anyOrigin) {
		return errors.New("--rest-cors-origins: with * every web page could do everything, because requests are not authenticated: " +
			"list the origins of the pages, such as http://localhost:3000, or choose --authentication=kubernetes")
	}
	return nil
}
