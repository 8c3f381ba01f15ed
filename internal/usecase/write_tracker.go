package usecase

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// WriteTracker records the writes of clients, so that other writes wait until clients
// are idle.
type WriteTracker struct {
	clock clock.WithDelayedExecution

	mu       sync.Mutex
	underway int
	last     time.Time // end of the latest write
	idle     map[*idleCall]struct{}
}

// idleCall is a call of OnIdle.
type idleCall struct {
	after time.Duration
	f     func()
	timer clock.Timer // stopped while a write is under way
}

// NewWriteTracker returns a tracker without any writes so far.
func NewWriteTracker(clock clock.WithDelayedExecution) *WriteTracker {
	return &WriteTracker{clock: clock, idle: map[*idleCall]struct{}{}}
}

// Wrap returns the store with every write recorded.
func (t *WriteTracker) Wrap(store taskrun.Store) taskrun.Store {
	return trackedStore{Store: store, tracker: t}
}

// IdleFor returns how long no client has written: 0 during a write,
// and a very long time before the first one.
func (t *WriteTracker) IdleFor() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.underway > 0 {
		return 0
	}
	return max(t.clock.Now().Sub(t.last), 0)
}

// OnIdle calls f in a goroutine when no client has written for that time since OnIdle was called, and since each later
// write. stop ends it.
func (t *WriteTracker) OnIdle(after time.Duration, f func()) (stop func()) {
	call := &idleCall{after: after, f: f}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle[call] = struct{}{}
	call.timer = t.clock.AfterFunc(after, func() { t.fire(call) })
	if t.underway > 0 {
		call.timer.Stop()
	}
	return func() { t.stop(call) }
}

func (t *WriteTracker) stop(call *idleCall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.idle, call)
	call.timer.Stop()
}

// fire calls the function unless a write has begun or ended since the timer was set.
func (t *WriteTracker) fire(call *idleCall) {
	t.mu.Lock()
	_, current := t.idle[call]
	current = current && t.underway == 0 && t.clock.Now().Sub(t.last) >= call.after
	t.mu.Unlock()
	if current {
		call.f()
	}
}

// begin records the start of a write; end records its end.
func (t *WriteTracker) begin() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underway++
	for call := range t.idle {
		call.timer.Stop()
	}
	return t.end
}

func (t *WriteTracker) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underway--
	t.last = t.clock.Now()
	if t.underway > 0 {
		return
	}
	for call := range t.idle {
		call.timer.Reset(call.after)
	}
}

// trackedStore is a Store that records its writes.
type trackedStore struct {
	taskrun.Store
	tracker *WriteTracker
}

func (n trackedStore) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	defer n.tracker.begin()()
	return n.Store.Create(ctx, run)
}

func (n trackedStore) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	defer n.tracker.begin()()
	return n.Store.UpdateProgress(ctx, run)
}

func (n trackedStore) Rename(ctx context.Context, id, name string, at time.Time) error {
	defer n.tracker.begin()()
	return n.Store.Rename(ctx, id, name, at)
}

func (n trackedStore) Delete(ctx context.Context, id string, ifUnchanged *taskrun.ObjectRef) error {
	defer n.tracker.begin()()
	return n.Store.Delete(ctx, id, ifUnchanged)
}
