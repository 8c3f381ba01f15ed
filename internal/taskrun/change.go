package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Change is one state that a run entered. Its readers share it and what it refers to.
type Change struct {
	Run      *Run                 // as it was after the change, or later
	State    *orchestration.State // the state entered
	Previous *orchestration.State // nil: none, or not known
	Reported bool                 // by an Event; else it was made here, over REST or by the controller
	Received time.Time            // when it became known here
}

const (
	// runOverhead and stateOverhead are the bytes of a run and a state in memory
	// without their texts.
	runOverhead   = 800
	stateOverhead = 400
	// entryOverhead is what a small value takes beside its text.
	entryOverhead = 64
)

// ApproximateBytes is about the memory that the run takes.
func (r *Run) ApproximateBytes() int64 {
	n := runOverhead + len(r.ID) + len(r.Name) + len(r.FlowRunID) + len(r.TaskKey) + len(r.DynamicKey)
	for _, tag := range r.Tags {
		n += entryOverhead + len(tag)
	}
	for key, value := range r.Labels {
		n += entryOverhead + len(key) + len(value)
	}
	for key, inputs := range r.TaskInputs {
		n += inputBytes(key, inputs)
	}
	if r.Named != nil {
		for _, argument := range r.Named.Arguments {
			n += inputBytes(argument.Name, argument.Sources)
		}
	}
	for i := range r.StateCount() {
		state := r.StateAt(i)
		n += stateOverhead + len(state.Name) + len(state.Data)
		for _, text := range []*string{state.Message, state.Details.CacheKey, state.Details.PauseKey, state.Details.Traceparent} {
			if text != nil {
				n += len(*text)
			}
		}
		for key, value := range state.Details.RunInputKeyset {
			n += entryOverhead + len(key) + len(value)
		}
	}
	return int64(n)
}

// WatchOptions selects the changes that a reader gets.
type WatchOptions struct {
	Since  time.Time // of states; what came earlier is left out
	RunIDs []string  // of no other runs; nil: of all
}

// ChangeTo returns the change to the i-th state of the run, oldest first.
func ChangeTo(run *Run, i int, received time.Time) Change {
	state := run.StateAt(i)
	c := Change{Run: run, State: state, Received: received, Reported: state.Reported}
	if i > 0 {
		c.Previous = run.StateAt(i - 1)
	}
	return c
}

// RecordedAt is the earliest time at which the state can have been recorded.
func (r *Run) RecordedAt(state *orchestration.State) time.Time {
	if r.State != nil && state.ID == r.State.ID {
		return Latest(state.Timestamp, r.Updated)
	}
	return state.Timestamp
}

// LastRecorded returns when the latest of the run's states was recorded at the
// earliest. It is zero if the run has no state.
func (r *Run) LastRecorded() time.Time {
	var last time.Time
	if r.State == nil {
		return last
	}
	for i := range r.StateCount() {
		last = Latest(last, r.RecordedAt(r.StateAt(i)))
	}
	return last
}

// Latest returns the later of two times.
func Latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// inputBytes is about the memory that an argument and its sources take.
func inputBytes(argument string, sources []TaskInput) int {
	n := entryOverhead + len(argument)
	for i := range sources {
		n += entryOverhead + len(sources[i].ID) + len(sources[i].Name) + len(sources[i].Type)
	}
	return n
}
