package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Door identifies callers and checks their permissions. Its errors are authn's.
type Door interface {
	// Authenticate tells whose token this is.
	Authenticate(ctx context.Context, token string) (authn.Caller, error)
	// Authorize is nil if the caller may do that.
	Authorize(ctx context.Context, caller authn.Caller, access authn.Access) error
}

// Proxy tells for whom the Kubernetes API server passes a request on.
type Proxy interface {
	// Caller is who asked the API server. ok is false if the request does not
	// come from there; then nothing in it says anything of a caller.
	Caller(r *http.Request) (caller authn.Caller, ok bool, err error)
}

const (
	textUnauthorized = "Unauthorized" // the SDK knows the word (contract §5)
	textForbidden    = "Forbidden"
)

// What those are told who show nothing that could be judged.
const (
	textShowToken = "send a ServiceAccount token as \"Authorization: Bearer …\"; the Prefect client does with PREFECT_API_KEY"
	textNoBasic   = "user names and passwords (PREFECT_API_AUTH_STRING) are not taken: " +
		"set PREFECT_API_KEY to a ServiceAccount token instead"
	textProxyOnly = "this path is for requests that the Kubernetes API server passes on"
)

// authError refuses a caller.
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
	case s.door == nil:
		return identified{}, nil
	case at.proxied:
		return s.identifyProxied(r)
	}
	token, err := bearer(r.Header)
	if err != nil {
		return identified{}, err
	}
	caller, err := s.door.Authenticate(r.Context(), token)
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

// authorize is nil if the caller may use the route in the namespace.
func (s *Server) authorize(ctx context.Context, caller authn.Caller, rt *route, namespace string) error {
	return s.checkPermission(ctx, caller, rt.verb, rt.resource, namespace)
}

// checkPermission returns nil if the caller has the verb on the resource in the
// namespace.
func (s *Server) checkPermission(ctx context.Context, caller authn.Caller, verb Verb, resource Resource, namespace string) error {
	if s.door == nil || resource == ResourceNone {
		return nil
	}
	kind, subresource, _ := strings.Cut(string(resource), "/")
	return s.door.Authorize(ctx, caller, authn.Access{
		Verb: string(verb), Namespace: namespace, Resource: kind, Subresource: subresource,
	})
}

// withCreateCheck returns a context in which use cases check the permission to
// create objects of the resource before they create one that the route alone does not
// permit.
func (s *Server) withCreateCheck(ctx context.Context, caller authn.Caller, resource Resource, namespace string) context.Context {
	if s.door == nil || resource == ResourceNone {
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

// answerAtDoor answers to the errors of the door; ok is false if it is none.
func answerAtDoor(err error) (answer response, ok bool) {
	var refused *authError
	switch {
	case errors.As(err, &refused):
		return refusedCaller(refused.status, refused.text), true
	case errors.Is(err, authn.ErrUnauthenticated):
		return refusedCaller(http.StatusUnauthorized, err.Error()), true
	case errors.Is(err, authn.ErrForbidden):
		return refusedCaller(http.StatusForbidden, err.Error()), true
	case errors.Is(err, authn.ErrUnavailable):
		return unavailable(), true
	default:
		return response{}, false
	}
}

// refusedCaller says what Prefect says, and beside it what the caller can do.
func refusedCaller(status int, text string) response {
	say := func(message string) response {
		return jsonMembers(status, [2]string{keyMessage, message}, [2]string{keyExplanation, text})
	}
	if status == http.StatusUnauthorized {
		return say(textUnauthorized).with("WWW-Authenticate", "Bearer")
	}
	return say(textForbidden)
}

// unavailable asks a client to try again.
func unavailable() response {
	return jsonMember(http.StatusServiceUnavailable, keyMessage, textUnavailable).with("Retry-After", retryAfter)
}
