package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/limiter"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Reviewer authenticates and authorizes callers. It returns the errors of authn.
type Reviewer interface {
	// Authenticate returns the caller of the token.
	Authenticate(ctx context.Context, token string) (authn.Caller, error)
	// Authorize returns nil if the caller has the permission.
	Authorize(ctx context.Context, caller authn.Caller, access authn.Access) error
}

// Proxy identifies the caller of a request that the Kubernetes API server forwards.
type Proxy interface {
	// Caller returns the caller of the API server. ok is false if the request does not
	// come from the API server; then its headers do not identify a caller.
	Caller(r *http.Request) (caller authn.Caller, ok bool, err error)
}

const (
	textUnauthorized = "Unauthorized" // a prefix that the SDK recognizes (contract §5)
	textForbidden    = "Forbidden"
)

// The error texts for requests without credentials that can be reviewed.
const (
	textShowToken = "send a ServiceAccount token as \"Authorization: Bearer …\"; the Prefect client does with PREFECT_API_KEY"
	textNoBasic   = "user names and passwords (PREFECT_API_AUTH_STRING) are not supported: " +
		"set PREFECT_API_KEY to a ServiceAccount token instead"
	textProxyOnly = "this path is for requests that the Kubernetes API server forwards"
)

// authError rejects a caller.
type authError struct {
	status int
	text   string // what the caller can do
}

func (e *authError) Error() string { return e.text }

func unauthorized(text string) error { return &authError{http.StatusUnauthorized, text} }

// identified is a caller with its token.
type identified struct {
	authn.Caller

	token string // "": the API server authenticated the caller
}

// identify returns the caller of a request, an empty one without authentication.
func (s *Server) identify(r *http.Request, at target) (identified, error) {
	switch {
	case s.reviewer == nil:
		return identified{}, nil
	case at.proxied:
		return s.identifyProxied(r)
	}
	token, err := bearer(r.Header)
	if err != nil {
		return identified{}, err
	}
	caller, err := s.reviewer.Authenticate(r.Context(), token)
	return identified{caller, token}, err
}

func (s *Server) identifyProxied(r *http.Request) (identified, error) {
	caller, ok, err := s.proxy.Caller(r)
	switch {
	case err != nil:
		return identified{}, err
	case !ok:
		return identified{}, unauthorized(textProxyOnly)
	default:
		return identified{Caller: caller}, nil
	}
}

// bearer returns the token in the headers of a request.
func bearer(h http.Header) (string, error) {
	scheme, credentials, _ := strings.Cut(h.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(credentials) != "":
		return strings.TrimSpace(credentials), nil
	case strings.EqualFold(scheme, "Basic"):
		return "", unauthorized(textNoBasic)
	default:
		return "", unauthorized(textShowToken)
	}
}

// authorize returns nil if the caller may use the route in the namespace.
func (s *Server) authorize(ctx context.Context, caller authn.Caller, rt *route, namespace string) error {
	return s.checkPermission(ctx, caller, rt.verb, rt.resource, namespace)
}

// checkPermission returns nil if the caller has the verb on the resource in the
// namespace.
func (s *Server) checkPermission(ctx context.Context, caller authn.Caller, verb Verb, resource Resource, namespace string) error {
	if s.reviewer == nil || resource == ResourceNone {
		return nil
	}
	kind, subresource, _ := strings.Cut(string(resource), "/")
	return s.reviewer.Authorize(ctx, caller, authn.Access{
		Verb: string(verb), Namespace: namespace, Resource: kind, Subresource: subresource,
	})
}

// withCreateCheck returns a context for use cases that can create objects of the resource beyond what the
// route permits. They check the permission to create before they do so.
func (s *Server) withCreateCheck(ctx context.Context, caller authn.Caller, resource Resource, namespace string) context.Context {
	if s.reviewer == nil || resource == ResourceNone {
		return ctx
	}
	kind, _, _ := strings.Cut(string(resource), "/")
	return usecase.WithCreateCheck(ctx, func(ctx context.Context) error {
		err := s.checkPermission(ctx, caller, VerbCreate, Resource(kind), namespace)
		switch {
		case errors.Is(err, authn.ErrUnavailable):
			return fmt.Errorf("%w: %w", taskrun.ErrUnavailable, err)
		case err != nil:
			return fmt.Errorf("%w: %w", taskrun.ErrForbidden, err)
		default:
			return nil
		}
	})
}

// authResponse returns the response to an error of the Reviewer; ok is false for other
// errors.
func authResponse(err error) (resp response, ok bool) {
	var rejected *authError
	switch {
	case errors.As(err, &rejected):
		return rejectedCaller(rejected.status, rejected.text), true
	case errors.Is(err, authn.ErrUnauthenticated):
		return rejectedCaller(http.StatusUnauthorized, err.Error()), true
	case errors.Is(err, authn.ErrForbidden):
		return rejectedCaller(http.StatusForbidden, err.Error()), true
	case errors.Is(err, authn.ErrUnavailable):
		return unavailable(), true
	default:
		return response{}, false
	}
}

// rejectedCaller returns Prefect's response, with a fix for the caller in a second text.
func rejectedCaller(status int, text string) response {
	withText := func(message string) response {
		return jsonMembers(status, [2]string{keyMessage, message}, [2]string{keyExplanation, text})
	}
	if status == http.StatusUnauthorized {
		return withText(textUnauthorized).with("WWW-Authenticate", "Bearer")
	}
	return withText(textForbidden)
}

// unavailable returns the response after which a client retries.
func unavailable() response {
	return jsonMember(http.StatusServiceUnavailable, keyMessage, textUnavailable).with("Retry-After", retryAfter)
}

// identifyWithin identifies the caller of a request. Until then, the request is in the pool of unidentified
// callers. If the pool evicts it, the review of the token is canceled.
func (s *Server) identifyWithin(r *http.Request, at target) (identified, error) {
	if s.reviewer == nil {
		return identified{}, nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer s.unidentified.Requests.Enter(limiter.AddressOf(r.RemoteAddr), cancel)()
	caller, err := s.identify(r.WithContext(ctx), at)
	if err == nil {
		limiter.MarkIdentified(r)
	}
	s.countRejected(err)
	return caller, err
}

// countRejected counts a token that was not reviewed because its address sent too many invalid ones.
func (s *Server) countRejected(err error) {
	if errors.Is(err, authn.ErrTooManyRejected) {
		s.reject(limiter.ReasonAddress)
	}
}
