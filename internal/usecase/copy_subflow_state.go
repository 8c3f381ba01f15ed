package usecase

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// copySpace is the namespace of the ids of copied states. It must not change, because a
// state would be copied again.
var copySpace = uuid.MustParse("6f0e4f0b-97a5-5c0c-9a0b-0d6a4f3f2c11")

// copiedStateID returns the id that the copy of a subflow's state has.
func copiedStateID(stateID string) string {
	return uuid.NewSHA1(copySpace, []byte(stateID)).String()
}

// CopySubflowState gives a task run the state of the subflow that it stands for (flows
// contract §4.7). subflow returns the subflow's run as it is now, and is called again after
// each conflict, so that a call that is late copies no state that is over. repair is for
// calls that no change of the subflow has caused: they leave a state that is newer. The task
// run has every state once, for any number of calls. Errors: ErrNotFound if the task run
// does not exist, those of subflow, ErrConflict, ErrUnavailable.
func (s *Service) CopySubflowState(
	ctx context.Context, id string, repair bool, subflow func(context.Context) (*flowrun.Run, error),
) error {
	claim := &slotClaim{service: s}
	var decision orchestration.Decision
	return s.update(ctx, id, claim, func(run *taskrun.Run) (*taskrun.Run, error) {
		source, err := subflow(ctx)
		if err != nil || source.State == nil || !copies(run, source, repair) {
			return nil, err
		}
		claim.stateID = copiedStateID(source.State.ID)
		next, outcome, err := s.decide(ctx, run, proposalOf(source), claim, source.State.Timestamp)
		decision = outcome.Decision
		return next, err
	}, func(before, after *taskrun.Run) { s.Notifier.Transitioned(before, after, decision) })
}

// proposalOf returns the proposal of a subflow's state for its task run, by force.
func proposalOf(subflow *flowrun.Run) taskrun.Proposal {
	state := subflow.State
	p := taskrun.Proposal{
		Type: state.Type, Name: &state.Name, Message: state.Message, Data: state.Data, Details: state.Details, Force: true,
	}
	p.Details.ChildFlowRunID = subflow.ID
	return p.Fit()
}

// copies reports whether a task run takes over the current state of the subflow. A repair
// leaves what is later, except the first state of the task run, which existed before its
// subflows. Any other call has just stored the state: it is the latest one, unless the task
// run has a state of the same subflow that this call does not know.
func copies(run *taskrun.Run, subflow *flowrun.Run, repair bool) bool {
	switch current := run.State; {
	case run.Has(copiedStateID(subflow.State.ID)):
		return false
	case current == nil, hasOriginal(subflow, current):
		return true
	case current.Details.ChildFlowRunID == "" && run.StateCount() == 1:
		return true
	case repair:
		return !subflow.State.Timestamp.Before(current.Timestamp)
	default:
		return current.Details.ChildFlowRunID != subflow.ID
	}
}

// hasOriginal reports whether a state of a task run is the copy of an earlier state of the
// subflow.
func hasOriginal(subflow *flowrun.Run, state *orchestration.State) bool {
	return slices.ContainsFunc(subflow.History, func(earlier orchestration.State) bool {
		return copiedStateID(earlier.ID) == state.ID
	})
}
