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
	clock clock.PassiveClock

	mu       sync.Mutex
	underway int
	last     time.Time // end of the latest write
}

// NewWriteTracker returns a tracker without any writes so far.
func NewWriteTracker(clock clock.PassiveClock) *WriteTracker { return &WriteTracker{clock: clock} }

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

// begin records the start of a write; end records its end.
func (t *WriteTracker) begin() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underway++
	return t.end
}

func (t *WriteTracker) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underway--
	t.last = t.clock.Now()
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
