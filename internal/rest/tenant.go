package rest

import (
	"errors"
	"net/http"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/logs"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/rawevents"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ErrNotServed means that the operator does not serve the namespace.
var ErrNotServed = errors.New("the namespace is not served")

// Tenant holds the use cases of one namespace. The tenant of all namespaces has only Lists.
type Tenant struct {
	Runs    Runs
	Lists   Lists   // nil: those of Runs
	Limits  Limits  // nil: the routes about limits are not served
	Flows   Flows   // nil: flows and flow runs are not kept
	Workers Workers // nil: no worker can connect

	// The use cases of the websockets. A websocket without its use case ends with an error, and clients reconnect.
	Deliveries Deliveries
	Recorder   taskrun.EventRecorder
	Stream     Stream

	// Close is called when no caller uses the tenant anymore. nil: there is nothing to close.
	Close func()
}

// fillIn sets a default for each missing dependency.
func (s *Tenant) fillIn() {
	if s.Lists == nil {
		s.Lists = s.Runs
	}
	if s.Workers == nil {
		s.Workers = noWorkers{}
	}
	if s.Deliveries == nil {
		s.Deliveries = notServed{}
	}
	if s.Recorder == nil {
		s.Recorder = notServed{}
	}
	if s.Stream == nil {
		s.Stream = notServed{}
	}
}

// namespaceHandler handles the requests of one namespace.
type namespaceHandler struct {
	*Server
	Tenant
	*buffers

	namespace string
}

// buffers are the data of a namespace in memory. A bytebudget.Budget limits them.
type buffers struct {
	logs   *logs.Buffer
	events *rawevents.Cache
}

func newBuffers(clock clock.PassiveClock, budget *bytebudget.Budget) *buffers {
	return &buffers{logs: logs.NewBuffer(clock, nil, budget), events: rawevents.New(budget)}
}

func (b *buffers) empty() bool { return b.logs.Empty() && b.events.Empty() }

func (b *buffers) close() {
	b.logs.Close()
	b.events.Close()
}

func (s *Server) newHandler(namespace string, behind Tenant, kept *buffers) *namespaceHandler {
	behind.fillIn()
	return &namespaceHandler{Server: s, Tenant: behind, namespace: namespace, buffers: kept}
}

// handlerFor returns the handler of a namespace, which stays open until release is called. A route without a resource
// uses the server's own namespace, so that a caller cannot open a namespace without a permission in it.
func (s *Server) handlerFor(rt *route, namespace string) (where *namespaceHandler, release func(), err error) {
	if rt.resource == ResourceNone || namespace == s.home.namespace {
		return s.home, func() {}, nil
	}
	if namespace == allNamespaces && !rt.across {
		return nil, func() {}, errOneNamespace
	}
	return s.others.use(namespace)
}

// errOneNamespace is the error of a route that is served for one namespace at a time.
var errOneNamespace = wire.NewDetailError(http.StatusNotFound, "Only lists of task runs are served for all namespaces at once.")

// homeOnly serves no other namespace.
func homeOnly(string) (Tenant, error) { return Tenant{}, ErrNotServed }
