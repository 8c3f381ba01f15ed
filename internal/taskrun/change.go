package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// ChangeOf is one state that a run of a kind entered. All readers share it and the objects
// that it refers to.
type ChangeOf[R any] struct {
	Run      R                    // as it was after the change, or later
	State    *orchestration.State // the state entered
	Previous *orchestration.State // nil: none, or unknown
	Reported bool                 // by an Event; otherwise over REST or by the controller
	Received time.Time            // when this replica received the change
}

// Change is one state that a task run entered.
type Change = ChangeOf[*Run]

const (
	// runOverhead and stateOverhead are the memory of a run and of a state without
	// their texts, in bytes.
	runOverhead   = 800
	stateOverhead = 400
	// entryOverhead is the memory of a small value without its text, in bytes.
	entryOverhead = 64
)

// ApproximateBytes returns the approximate memory of the run, in bytes.
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
		n += StateBytes(r.StateAt(i))
	}
	return int64(n)
}

// StateBytes returns the approximate memory of a state, in bytes.
func StateBytes(state *orchestration.State) int {
	n := stateOverhead + len(state.Name) + len(state.Data)
	for _, text := range []*string{state.Message, state.Details.CacheKey, state.Details.PauseKey, state.Details.Traceparent} {
		if text != nil {
			n += len(*text)
		}
	}
	for key, value := range state.Details.RunInputKeyset {
		n += entryOverhead + len(key) + len(value)
	}
	return n
}

// WatchOptions selects the changes for a reader.
type WatchOptions struct {
	Since  time.Time // of states; earlier ones are omitted
	RunIDs []string  // only changes of these runs; nil: of all
}

// ChangeTo returns the change to the i-th state of the run, oldest first.
func ChangeTo[R interface {
	StateAt(i int) *orchestration.State
}](run R, i int, received time.Time) ChangeOf[R] {
	state := run.StateAt(i)
	c := ChangeOf[R]{Run: run, State: state, Received: received, Reported: state.Reported}
	if i > 0 {
		c.Previous = run.StateAt(i - 1)
	}
	return c
}

// RunID returns the id of the run.
func (r *Run) RunID() string { return r.ID }

// RecordedAt returns the earliest possible time at which the state was recorded.
func (r *Run) RecordedAt(state *orchestration.State) time.Time {
	if r.State != nil && state.ID == r.State.ID {
		return Latest(state.Timestamp, r.Updated)
	}
	return state.Timestamp
}

// LastRecorded returns the earliest possible time at which the last recorded state of
// the run was recorded. It is zero if the run has no state.
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

// inputBytes returns the approximate memory of an argument and its sources, in bytes.
func inputBytes(argument string, sources []TaskInput) int {
	n := entryOverhead + len(argument)
	for i := range sources {
		n += entryOverhead + len(sources[i].ID) + len(sources[i].Name) + len(sources[i].Type)
	}
	return n
}
