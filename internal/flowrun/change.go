package flowrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Change is one state that a flow run entered.
type Change = taskrun.ChangeOf[*Run]

// Related is what the events of a flow run are about besides the run (flows contract §7.1).
type Related struct {
	Flow      *Flow        // nil: it was deleted
	ParentRun *taskrun.Run // the task run that stands for the subflow; nil: none
	Tags      []string     // of all of them and of the run, sorted, each once
}

// runOverhead is the memory of a run without its texts and states, in bytes.
const runOverhead = 1200

// RunID returns the id of the run.
func (r *Run) RunID() string { return r.ID }

// StateCount returns the number of states that are kept, with the current one.
func (r *Run) StateCount() int {
	if r.State == nil {
		return len(r.History)
	}
	return len(r.History) + 1
}

// StateAt returns the i-th state, oldest first. It must not be changed.
func (r *Run) StateAt(i int) *orchestration.State {
	if i == len(r.History) {
		return r.State
	}
	return &r.History[i]
}

// Has reports whether the run has a state with this id.
func (r *Run) Has(stateID string) bool { return r.StateByID(stateID) != nil }

// RecordedAt returns the earliest possible time at which the state was recorded.
func (r *Run) RecordedAt(state *orchestration.State) time.Time {
	if r.State != nil && state.ID == r.State.ID {
		return taskrun.Latest(state.Timestamp, r.Updated)
	}
	return state.Timestamp
}

// ApproximateBytes returns the approximate memory of the run, in bytes.
func (r *Run) ApproximateBytes() int64 {
	n := runOverhead + len(r.Name) + len(r.Parameters) + len(r.Context) + len(r.JobVariables)
	for i := range r.StateCount() {
		n += taskrun.StateBytes(r.StateAt(i))
	}
	return int64(n)
}
