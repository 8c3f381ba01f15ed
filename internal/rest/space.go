package rest

import (
	"errors"
	"net/http"
	"sync"

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

	namespace string
	logs      *taskrun.LogBook
	verbatim  *verbatim
}

func (s *Server) newSpace(namespace string, behind Space) *space {
	behind.fillIn()
	return &space{
		Server: s, Space: behind, namespace: namespace,
		logs: taskrun.NewLogBook(s.clock, nil), verbatim: newVerbatim(),
	}
}

// spaces are those namespaces that somebody was let into.
type spaces struct {
	open func(namespace string) (Space, error)

	mu     sync.Mutex
	byName map[string]*space
}

// spaceFor returns the space that a route works in. A route that is about no
// resource works in any: that of the server's own namespace does, so that
// nobody can have spaces made where he has no business.
func (s *Server) spaceFor(rt *route, namespace string) (*space, error) {
	if rt.resource == ResourceNone || namespace == s.home.namespace {
		return s.home, nil
	}
	if namespace == everywhere && !rt.across {
		return nil, errOneNamespace
	}
	s.others.mu.Lock()
	defer s.others.mu.Unlock()
	if known := s.others.byName[namespace]; known != nil {
		return known, nil
	}
	behind, err := s.others.open(namespace)
	if err != nil {
		return nil, err
	}
	made := s.newSpace(namespace, behind)
	s.others.byName[namespace] = made
	return made, nil
}

// errOneNamespace says that a route is served for one namespace at a time.
var errOneNamespace = detail(http.StatusNotFound, "Only lists of task runs are served for all namespaces at once.")

// homeOnly serves no other namespace.
func homeOnly(string) (Space, error) { return Space{}, ErrNotServed }
