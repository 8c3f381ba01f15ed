package feed

import (
	"iter"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Run is what a feed has to know of a run, of any kind.
type Run interface {
	comparable
	// RunID returns the id over REST.
	RunID() string
	// StateCount returns the number of states, past ones and the current one.
	StateCount() int
	// StateAt returns the i-th state, oldest first.
	StateAt(i int) *orchestration.State
	// Has reports whether the run has a state with this id.
	Has(stateID string) bool
	// RecordedAt returns the earliest possible time at which the state was recorded.
	RecordedAt(state *orchestration.State) time.Time
	// ApproximateBytes returns the approximate memory of the run, in bytes.
	ApproximateBytes() int64
}

// Source has the runs of a namespace and their changes.
type Source[R Run] interface {
	// Follow calls change at every run that comes, changes or goes (see taskrun.Store).
	Follow(change func(before, after R)) (now iter.Seq[R], stop func())
	// Known returns the cached run with this id, the zero value if there is none.
	Known(id string) R
	// ChangedSince returns the runs with a state that was recorded since then, and can
	// return others.
	ChangedSince(since time.Time) []R
}

// SharedChange is a change that all readers of a stream share, with its encoded
// form.
type SharedChange[R Run] struct {
	taskrun.ChangeOf[R]

	first    bool      // the feed did not know the run before
	recorded time.Time // earliest possible time at which the state was recorded

	once     sync.Once
	encoded  []byte
	retained *retained[R] // nil: the change is not kept for other readers
}

// Encoded returns the result of encode for the change. encode is called once,
// regardless of the number of readers. Readers must not change the result.
func (c *SharedChange[R]) Encoded(encode func(*taskrun.ChangeOf[R]) []byte) []byte {
	c.once.Do(func() {
		c.encoded = encode(&c.ChangeOf)
		if c.retained != nil {
			c.retained.grow(int64(cap(c.encoded)))
		}
	})
	if c.encoded == nil { // encode panicked
		return encode(&c.ChangeOf)
	}
	return c.encoded
}
