package rest

import (
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/crossorigin"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
)

// Guard requires authorization for handlers outside of REST, such as metrics: callers need the verb
// get on the non-resource path.
func Guard(reviewer Reviewer, behind http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := authorizeRequest(reviewer, r); err != nil {
			resp, _ := errorResponse(err, nil, nil)
			_ = resp.write(w, r) // an error means that the client has disconnected
			return
		}
		behind.ServeHTTP(w, r)
	})
}

// GuardHost checks the Host header of requests to handlers without authentication, such as metrics.
// A web page that resolves its own host name to this machine (DNS rebinding) gets no response.
// hosts are accepted in addition to loopback names.
func GuardHost(hosts []string, behind http.Handler) http.Handler {
	policy := crossorigin.NewPolicy(&crossorigin.Options{AllowedHosts: hosts}, false)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := policy.CheckHost(r); err != nil {
			resp, _ := errorResponse(err, nil, nil)
			_ = resp.write(w, r) // an error means that the client has disconnected
			return
		}
		behind.ServeHTTP(w, r)
	})
}

func authorizeRequest(reviewer Reviewer, r *http.Request) error {
	token, err := bearer(r.Header)
	if err != nil {
		return err
	}
	ctx := authn.WithAddress(r.Context(), limiter.AddressOf(r.RemoteAddr))
	caller, err := reviewer.Authenticate(ctx, token)
	if err != nil {
		return err
	}
	return reviewer.Authorize(ctx, caller, authn.Access{Verb: "get", Path: r.URL.Path})
}
