package rest

import (
	"slices"
	"sync"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// maxRememberedEvent is the size of the largest event that is remembered, in bytes
	// of its frame.
	maxRememberedEvent = 64 << 10
	// eventOverhead is about what an event takes beside its frame.
	eventOverhead = 256
)

// rememberedEvents are the latest events of a namespace as clients sent them: a
// listener gets their words, with all that a client says beside the state, such as
// tags among what is related. They are in memory and of this replica; of other
// events listeners get what the run tells. A bytebudget.Budget limits them.
type rememberedEvents struct {
	share *bytebudget.Share

	mu     sync.Mutex
	frames map[string]rememberedEvent // by the ids of states
	order  []string                   // the first one goes first
}

// rememberedEvent is an event ready to be sent, but for the end that finishEvent adds.
type rememberedEvent struct {
	runID string
	frame []byte
}

func newRememberedEvents(budget *bytebudget.Budget) *rememberedEvents {
	r := &rememberedEvents{frames: map[string]rememberedEvent{}}
	r.share = budget.Join(r.dropOldest)
	return r
}

// add remembers the event that reports a state. Of two of one state the first one
// counts. What listeners must not get is not remembered.
func (r *rememberedEvents) add(report *taskrun.Event, e *wire.Event) {
	if !e.ReportsOnly(report.RunID) {
		return
	}
	frame := wire.AppendReportedEvent(make([]byte, 0, wire.RunSize), e)
	if len(frame) > maxRememberedEvent {
		return
	}
	kept := rememberedEvent{report.RunID, slices.Clone(frame)}
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

func (e *rememberedEvent) bytes() int64 { return int64(cap(e.frame)) + eventOverhead }

func (r *rememberedEvents) dropOldest() int64 {
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

// close drops all events. They must not be used any more.
func (r *rememberedEvents) close() { r.share.Leave() }

// empty reports whether no event is remembered.
func (r *rememberedEvents) empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order) == 0
}

// appendFrame writes a change as the frame that tells of an event, in the words of
// its reporter where they are remembered.
func (r *rememberedEvents) appendFrame(b []byte, c *taskrun.Change) []byte {
	r.mu.Lock()
	e, known := r.frames[c.State.ID]
	r.mu.Unlock()
	if !c.Reported || !known || e.runID != c.Run.ID {
		return wire.AppendEventFrame(b, c)
	}
	return wire.AppendEventEnd(append(b, e.frame...), c)
}

// frame is appendFrame for a frame that is kept.
func (r *rememberedEvents) frame(c *taskrun.Change) []byte {
	return slices.Clone(r.appendFrame(make([]byte, 0, wire.RunSize), c))
}
