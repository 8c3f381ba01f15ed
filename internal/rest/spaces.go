package rest

import (
	"container/list"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
)

const (
	// idleSpaceTime is how long an unused space stays open.
	idleSpaceTime = 5 * time.Minute
	// maxIdleSpaces is how many of them stay open: a caller who may list all
	// namespaces can name any number.
	maxIdleSpaces = 64
)

// spaces are the namespaces, beside the server's own, that callers use or used
// recently. An unused space is closed. What is kept in memory of its
// namespace stays, as long as the bytebudget.Budget has room for it.
type spaces struct {
	server *Server
	open   func(namespace string) (Space, error)
	budget *bytebudget.Budget

	mu      sync.Mutex
	byName  map[string]*openSpace
	idle    *list.List          // of the unused ones, the one used last at the back
	buffers map[string]*buffers // by namespace, of open spaces and of others that have some
	timer   *time.Timer         // nil: nothing is to be closed
}

// openSpace is a space and its users. The lock of spaces guards it.
type openSpace struct {
	*space

	users  int
	place  *list.Element // in the list of idle ones; nil: it is used
	unused time.Time     // since when
}

func newSpaces(server *Server, open func(namespace string) (Space, error), budget *bytebudget.Budget) *spaces {
	return &spaces{
		server: server, open: open, budget: budget, byName: map[string]*openSpace{}, idle: list.New(), buffers: map[string]*buffers{},
	}
}

// use returns the space of a namespace, which stays open until it is released.
func (s *spaces) use(namespace string) (where *space, release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.byName[namespace]
	if o == nil {
		behind, err := s.open(namespace)
		if err != nil {
			return nil, func() {}, err
		}
		o = &openSpace{space: s.server.newSpace(namespace, behind, s.buffersOf(namespace))}
		s.byName[namespace] = o
	}
	if o.place != nil {
		s.idle.Remove(o.place)
		o.place = nil
	}
	o.users++
	return o.space, sync.OnceFunc(func() { s.release(o) }), nil
}

func (s *spaces) buffersOf(namespace string) *buffers {
	kept := s.buffers[namespace]
	if kept == nil {
		kept = newBuffers(s.server.clock, s.budget)
		s.buffers[namespace] = kept
	}
	return kept
}

func (s *spaces) release(o *openSpace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.users--; o.users > 0 {
		return
	}
	o.unused = s.server.clock.Now()
	o.place = s.idle.PushBack(o)
	for s.idle.Len() > maxIdleSpaces {
		s.closeFirst()
	}
	s.wait()
}

// closeFirst closes the space that was not used for longest.
func (s *spaces) closeFirst() {
	o := s.idle.Remove(s.idle.Front()).(*openSpace) //nolint:errcheck,forcetypeassert // nothing else is in there
	delete(s.byName, o.namespace)
	if o.empty() {
		s.dropBuffers(o.namespace)
	}
	if o.Close != nil {
		o.Close()
	}
}

func (s *spaces) dropBuffers(namespace string) {
	s.buffers[namespace].close()
	delete(s.buffers, namespace)
}

// closeIdle closes the spaces that were not used for a while, and lets go of buffers
// that have nothing any more.
func (s *spaces) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.server.clock.Now()
	for s.idle.Len() > 0 && now.Sub(s.idle.Front().Value.(*openSpace).unused) >= idleSpaceTime { //nolint:errcheck,forcetypeassert // as above
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

// wait sees to it that closeIdle is called when there may be something to close.
func (s *spaces) wait() {
	if s.timer == nil && (s.idle.Len() > 0 || len(s.buffers) > len(s.byName)) && !s.server.ending.Load() {
		s.timer = time.AfterFunc(idleSpaceTime, s.closeIdle)
	}
}
