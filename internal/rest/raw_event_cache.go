package rest

import (
	"slices"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// maxRawEvent is the size of the largest frame that is kept, in bytes.
	maxRawEvent = 64 << 10
	// eventOverhead is the approximate memory of an event without its frame, in bytes.
	eventOverhead = 256
)

// rawEventCache has the latest events of a namespace as clients sent them, with the members that the state does not
// have, such as tags among the related resources. It is the memory of this replica. For other events listeners get a
// frame made from the run. A bytebudget.Budget limits the cache.
type rawEventCache struct {
	share *bytebudget.Share

	mu     sync.Mutex
	frames map[string]rawEvent // by the ids of states
	order  []string            // oldest first
}

// rawEvent is the frame of an event without the end that wire.AppendEventEnd writes.
type rawEvent struct {
	runID string
	frame []byte
}

func newRawEventCache(budget *bytebudget.Budget) *rawEventCache {
	r := &rawEventCache{frames: map[string]rawEvent{}}
	r.share = budget.Join(r.dropOldest)
	return r
}

// add keeps the event that reports a state. The first event of a state counts. An event that listeners must not get is
// not kept.
func (r *rawEventCache) add(report *taskrun.Event, e *wire.Event) {
	if !e.ReportsOnly(report.RunID) {
		return
	}
	frame := wire.AppendReportedEvent(make([]byte, 0, wire.RunSize), e)
	if len(frame) > maxRawEvent {
		return
	}
	kept := rawEvent{report.RunID, slices.Clone(frame)}
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

func (e *rawEvent) bytes() int64 { return int64(cap(e.frame)) + eventOverhead }

func (r *rawEventCache) dropOldest() int64 {
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

// close drops all events. The cache must not be used after it.
func (r *rawEventCache) close() { r.share.Leave() }

// empty reports whether the cache has no event.
func (r *rawEventCache) empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order) == 0
}

// appendFrame writes the frame of a change, as the client sent it if the cache has the event.
func (r *rawEventCache) appendFrame(b []byte, c *taskrun.Change) []byte {
	r.mu.Lock()
	e, known := r.frames[c.State.ID]
	r.mu.Unlock()
	if !c.Reported || !known || e.runID != c.Run.ID {
		return wire.AppendEventFrame(b, c)
	}
	return wire.AppendEventEnd(append(b, e.frame...), c)
}

// frame is appendFrame into a buffer of its own, of exactly that size.
func (r *rawEventCache) frame(c *taskrun.Change) []byte {
	return slices.Clone(r.appendFrame(make([]byte, 0, wire.RunSize), c))
}
