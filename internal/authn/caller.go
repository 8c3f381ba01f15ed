package authn

import (
	"errors"
	"time"
)

// Caller is who asks.
type Caller struct {
	Name, UID string
	Groups    []string
	Extra     map[string][]string
	Until     time.Time // when what he showed stops being good; zero: not known
}

// Access is what a caller wants to do, in the words of Kubernetes; the API group
// is taskrun.dev unless Path is set.
type Access struct {
	Verb, Namespace, Resource, Subresource, Name string

	Path string // that is no resource, such as /metrics
}

// The reasons why a caller is not let in.
var (
	ErrUnauthenticated = errors.New("not authenticated")
	ErrForbidden       = errors.New("not allowed")
	ErrUnavailable     = errors.New("nobody can be asked who may do what")
)
