package usecase

import (
	"context"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Traffic notes the writes that clients wait for, so that writes nobody waits
// for can give way to them.
type Traffic struct {
	clock taskrun.Clock

	mu       sync.Mutex
	underway int
	last     time.Time // when one ended last
}

// NewTraffic returns a Traffic without any writes so far.
func NewTraffic(clock taskrun.Clock) *Traffic { return &Traffic{clock: clock} }

// Through returns the store, such that every write through it is noted.
func (t *Traffic) Through(store taskrun.Store) taskrun.Store { return noted{Store: store, traffic: t} }

// Quiet returns how long no client has written: 0 while a write is under way,
// and very long before the first one.
func (t *Traffic) Quiet() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.underway > 0 {
		return 0
	}
	return max(t.clock.Now().Sub(t.last), 0)
}

// begin notes that a write begins; the function returned, that it ended.
func (t *Traffic) begin() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underway++
	return t.end
}

func (t *Traffic) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underway--
	t.last = t.clock.Now()
}

// noted is a Store whose writes are noted.
type noted struct {
	taskrun.Store
	traffic *Traffic
}

func (n noted) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	defer n.traffic.begin()()
	return n.Store.Create(ctx, run)
}

func (n noted) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	defer n.traffic.begin()()
	return n.Store.UpdateProgress(ctx, run)
}

func (n noted) Rename(ctx context.Context, id, name string, at time.Time) error {
	defer n.traffic.begin()()
	return n.Store.Rename(ctx, id, name, at)
}

func (n noted) Delete(ctx context.Context, id string, ifUnchanged *taskrun.Revision) error {
	defer n.traffic.begin()()
	return n.Store.Delete(ctx, id, ifUnchanged)
}
