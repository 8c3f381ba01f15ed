package rest

import (
	"container/list"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
)

const (
	// idleHandlerTime is the time for which an unused handler stays open.
	idleHandlerTime = 5 * time.Minute
	// maxIdleHandlers is the maximum number of unused handlers, because a caller with a permission in all namespaces
	// can name any number.
	maxIdleHandlers = 64
)

// handlers holds the handlers of the namespaces that callers use or used recently, except for the server's own
// namespace. An unused handler is closed. The buffers of its namespace stay until they are empty.
type handlers struct {
	server *Server
	open   func(namespace string) (Tenant, error)
	budget *bytebudget.Budget

	mu      sync.Mutex
	byName  map[string]*openHandler
	idle    *list.List          // unused handlers, the most recently used last
	buffers map[string]*buffers // by namespace: of open handlers, and non-empty ones of closed handlers
	timer   *time.Timer         // nil: there is nothing to close
}

// openHandler is a handler and the number of its users. The lock of handlers guards it.
type openHandler struct {
	*namespaceHandler

	users   int
	element *list.Element // in the list of unused handlers; nil: in use
	unused  time.Time     // start of the unused time
}

func newHandlers(server *Server, open func(namespace string) (Tenant, error), budget *bytebudget.Budget) *handlers {
	return &handlers{
		server: server, open: open, budget: budget, byName: map[string]*openHandler{}, idle: list.New(), buffers: map[string]*buffers{},
	}
}

// use returns the handler of a namespace, which stays open until release is called.
func (s *handlers) use(namespace string) (where *namespaceHandler, release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.byName[namespace]
	if o == nil {
		behind, err := s.open(namespace)
		if err != nil {
			return nil, func() {}, err
		}
		o = &openHandler{namespaceHandler: s.server.newHandler(namespace, behind, s.buffersOf(namespace))}
		s.byName[namespace] = o
	}
	if o.element != nil {
		s.idle.Remove(o.element)
		o.element = nil
	}
	o.users++
	return o.namespaceHandler, sync.OnceFunc(func() { s.release(o) }), nil
}

func (s *handlers) buffersOf(namespace string) *buffers {
	kept := s.buffers[namespace]
	if kept == nil {
		kept = newBuffers(s.server.clock, s.budget)
		s.buffers[namespace] = kept
	}
	return kept
}

func (s *handlers) release(o *openHandler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.users--; o.users > 0 {
		return
	}
	o.unused = s.server.clock.Now()
	o.element = s.idle.PushBack(o)
	for s.idle.Len() > maxIdleHandlers {
		s.closeFirst()
	}
	s.wait()
}

// closeFirst closes the handler that was unused for the longest time.
func (s *handlers) closeFirst() {
	o := s.idle.Remove(s.idle.Front()).(*openHandler) //nolint:errcheck,forcetypeassert // the list has no other values
	delete(s.byName, o.namespace)
	if o.empty() {
		s.dropBuffers(o.namespace)
	}
	if o.Close != nil {
		o.Close()
	}
}

func (s *handlers) dropBuffers(namespace string) {
	s.buffers[namespace].close()
	delete(s.buffers, namespace)
}

// closeIdle closes the handlers that were unused for idleHandlerTime, and frees empty buffers.
func (s *handlers) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.server.clock.Now()
	for s.idle.Len() > 0 && now.Sub(s.idle.Front().Value.(*openHandler).unused) >= idleHandlerTime { //nolint:errcheck,forcetypeassert // as above
		s.closeFirst()
	}
	for namespace, kept := range s.buffers {
		if s.byName[namespace] == nil && kept.empty() {
			s.dropBuffers(namespace)
		}
	}
	s.timer = nil
	s.wait()
}

// wait starts the timer for closeIdle, if there is something to close.
func (s *handlers) wait() {
	if s.timer == nil && (s.idle.Len() > 0 || len(s.buffers) > len(s.byName)) && !s.server.ending.Load() {
		s.timer = time.AfterFunc(idleHandlerTime, s.closeIdle)
	}
}
