// Package rawevents caches the latest events as clients sent them.
package rawevents

import (
	"slices"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// maxFrame is the maximum size of a cached frame, in bytes.
	maxFrame = 64 << 10
	// eventOverhead is the approximate memory of an event without its frame, in bytes.
	eventOverhead = 256
)

// Cache holds the latest events of a namespace as clients sent them, with the members that a state does not have, such
// as tags among the related resources. Each replica has its own cache. For other events, listeners get a frame created
// from the run. A bytebudget.Budget limits the cache.
type Cache struct {
	share *bytebudget.Share

	mu     sync.Mutex
	frames map[string]event // by the ids of states
	order  []string         // oldest first
}

// event is the frame of an event without the end that wire.AppendEventEnd writes.
type event struct {
	runID string
	frame []byte
}

// New returns an empty cache whose memory counts towards the budget.
func New(budget *bytebudget.Budget) *Cache {
	r := &Cache{frames: map[string]event{}}
	r.share = budget.Join(r.dropOldest)
	return r
}

// Add caches the event that reports a state, unless it cannot be sent to listeners. Later events of a cached state are
// ignored.
func (r *Cache) Add(report *taskrun.Event, e *wire.Event) {
	if !e.ReportsOnly(report.RunID) {
		return
	}
	frame := wire.AppendReportedEvent(make([]byte, 0, wire.RunSize), e)
	if len(frame) > maxFrame {
		return
	}
	kept := event{report.RunID, slices.Clone(frame)}
	r.mu.Lock()
	_, known := r.frames[report.State.ID]
	if !known {
		r.frames[report.State.ID] = kept
		r.order = append(r.order, report.State.ID)
	}
	r.mu.Unlock()
	if !known {
		r.share.Add(kept.bytes())
	}
}

func (e *event) bytes() int64 { return int64(cap(e.frame)) + eventOverhead }

func (r *Cache) dropOldest() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.order) == 0 {
		return 0
	}
	oldest := r.frames[r.order[0]]
	delete(r.frames, r.order[0])
	r.order = r.order[1:]
	return oldest.bytes()
}

// Close drops all events. The cache must not be used afterwards.
func (r *Cache) Close() { r.share.Leave() }

// Empty reports whether the cache has no events.
func (r *Cache) Empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order) == 0
}

// appendFrame appends the frame of a change, as the client sent it if the cache has the event.
func (r *Cache) appendFrame(b []byte, c *taskrun.Change) []byte {
	r.mu.Lock()
	e, known := r.frames[c.State.ID]
	r.mu.Unlock()
	if !c.Reported || !known || e.runID != c.Run.ID {
		return wire.AppendEventFrame(b, c)
	}
	return wire.AppendEventEnd(append(b, e.frame...), c.Received)
}

// Frame returns the frame in its own buffer, of exactly its size.
func (r *Cache) Frame(c *taskrun.Change) []byte {
	return slices.Clone(r.appendFrame(make([]byte, 0, wire.RunSize), c))
}
