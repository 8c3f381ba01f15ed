package rest

import (
	"errors"
	"net/http"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ErrNotServed says that a namespace is none of those that are worked in.
var ErrNotServed = errors.New("the namespace is not served")

// Space is what there is behind the routes in one namespace.
type Space struct {
	Runs    Runs
	Limits  Limits  // nil: the routes about limits are not served
	Workers Workers // nil: there are none

	// What is behind the websockets. Without it they end with an error when
	// it is needed, and clients come again.
	Deliveries Deliveries
	Recorder   Recorder
	Stream     Stream

	// Close is called when the space is not needed any more; nil: nothing is.
	Close func()
}

// fillIn puts something in for what is not there.
func (s *Space) fillIn() {
	if s.Workers == nil {
		s.Workers = nobody{}
	}
	if s.Deliveries == nil {
		s.Deliveries = noDomain{}
	}
	if s.Recorder == nil {
		s.Recorder = noDomain{}
	}
	if s.Stream == nil {
		s.Stream = noDomain{}
	}
}

// space is the server in one namespace: what handlers see of it.
type space struct {
	*Server
	Space
	*buffers

	namespace string
}

// buffers are what is kept in memory of a namespace, within the bytebudget.Budget.
type buffers struct {
	logs   *logs.Buffer
	events *rememberedEvents
}

func newBuffers(clock taskrun.Clock, budget *bytebudget.Budget) *buffers {
	return &buffers{logs: logs.NewBuffer(clock, nil, budget), events: newRememberedEvents(budget)}
}

func (b *buffers) empty() bool { return b.logs.Empty() && b.events.empty() }

func (b *buffers) close() {
	b.logs.Close()
	b.events.close()
}

func (s *Server) newSpace(namespace string, behind Space, kept *buffers) *space {
	behind.fillIn()
	return &space{Server: s, Space: behind, namespace: namespace, buffers: kept}
}

// spaceFor returns the space that a route works in, until it is released. A route
// that is about no resource works in any: that of the server's own namespace does,
// so that no caller can open a space that it has no permission in.
func (s *Server) spaceFor(rt *route, namespace string) (where *space, release func(), err error) {
	if rt.resource == ResourceNone || namespace == s.home.namespace {
		return s.home, func() {}, nil
	}
	if namespace == everywhere && !rt.across {
		return nil, func() {}, errOneNamespace
	}
	return s.others.use(namespace)
}

// errOneNamespace says that a route is served for one namespace at a time.
var errOneNamespace = wire.NewDetailError(http.StatusNotFound, "Only lists of task runs are served for all namespaces at once.")

// homeOnly serves no other namespace.
func homeOnly(string) (Space, error) { return Space{}, ErrNotServed }
