package flowrun

import (
	"math"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// States returns all states that are kept, oldest first, the current one last.
func (r *Run) States() []orchestration.State {
	states := make([]orchestration.State, 0, len(r.History)+1)
	states = append(states, r.History...)
	if r.State != nil {
		states = append(states, *r.State)
	}
	return states
}

// StateByID returns the state with this id, nil if the run does not have it. It must not
// be changed.
func (r *Run) StateByID(id string) *orchestration.State {
	if r.State != nil && r.State.ID == id {
		return r.State
	}
	for i := range r.History {
		if r.History[i].ID == id {
			return &r.History[i]
		}
	}
	return nil
}

// Touch records that the run was changed. Updated never decreases, even if the clocks of
// replicas differ.
func (r *Run) Touch(now time.Time) { r.Updated = taskrun.Latest(r.Updated, now) }

// RecordEnd records since when the run is finished.
func (r *Run) RecordEnd(now time.Time) {
	switch {
	case !r.Finished():
		r.EndRecorded = time.Time{}
	case r.EndRecorded.IsZero():
		r.EndRecorded = now
	}
}

// Enter makes a state the current one, with the progress that it leads to. The earlier
// state becomes part of the history, which is truncated to its bounds.
func (r *Run) Enter(progress orchestration.FlowRunProgress, state orchestration.State) {
	if r.State != nil {
		r.History = append(slices.Clip(r.History), *r.State)
	}
	r.FlowRunProgress = progress
	r.State = &state
	r.PauseKeys = fitPauseKeys(r.PauseKeys, math.MaxInt)
	var dropped int
	r.History, dropped = taskrun.TruncateHistory(r.History, r.State)
	r.HistoryDropped += int64(dropped)
}

// RecordAnswer adds the decision on a proposal, and drops the oldest one if there are
// more than MaxAnswers.
func (r *Run) RecordAnswer(a Answer) {
	a.Reason = taskrun.Truncate(a.Reason, taskrun.MaxReason)
	kept := slices.Clip(r.Answers[max(0, len(r.Answers)+1-MaxAnswers):])
	r.Answers = append(kept, a) //nolint:gocritic // of the kept ones
}

// AnswerTo returns the latest decision on the proposals with this transition id, nil if
// none is recorded.
func (r *Run) AnswerTo(transitionID string) *Answer {
	for i := len(r.Answers) - 1; i >= 0; i-- {
		if r.Answers[i].TransitionID == transitionID {
			return &r.Answers[i]
		}
	}
	return nil
}
