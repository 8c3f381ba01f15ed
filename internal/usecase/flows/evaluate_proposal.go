package flows

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// EvaluateProposal evaluates a proposal for a run, as usecase.Service does for task runs:
// the decision and the state that it leads to are one write, and a proposal of a name that
// the run has decided on gets that decision again. A Wait is not stored; evaluate again
// after Delay. Errors: ErrNotFound, also if another object has the run's id now,
// ErrUnavailable.
func (s *Service) EvaluateProposal(ctx context.Context, id string, p taskrun.NamedProposal) (evaluation flowrun.Evaluation, err error) {
	attempt := s.propose(p.Fit())
	err = s.update(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) {
		if run.Ref.UID != p.Object {
			return nil, taskrun.ErrNotFound
		}
		evaluation = flowrun.Evaluation{Outcome: flowrun.Outcome{Run: run, State: run.State}, Before: run.State}
		attempt.stateID = usecase.ProposedStateID(run.Ref.UID, p.Name)
		attempt.newID = attempt.stateID // the run has it only once, also if another state is ordered
		if evaluation.Final = usecase.RecordedDecision(run.Decisions, run.States(), p, attempt.stateID); evaluation.Final != nil {
			return nil, nil //nolint:nilnil // nothing to store
		}
		return attempt.evaluate(&evaluation, run, p, s.now()), nil
	}, func(before, after *flowrun.Run) {
		evaluation.Run = after
		recorded := usecase.RecordedDecision(after.Decisions, after.States(), p, attempt.stateID)
		if usecase.Overtaken(evaluation.Final, recorded) {
			evaluation.Final = recorded
			return
		}
		attempt.done(before, after)
		evaluation.Recorded, evaluation.Written = true, attempt.outcome.Written
	})
	return evaluation, err
}

// evaluate applies the rules to the proposal, unless it is outdated. It returns the run to
// store, nil for a Wait.
func (a *proposal) evaluate(e *flowrun.Evaluation, run *flowrun.Run, p taskrun.NamedProposal, now time.Time) *flowrun.Run {
	var next *flowrun.Run
	if reason := usecase.Outdated(p, run.State); reason != "" {
		a.decision = orchestration.FlowRunDecision{}
		a.outcome = flowrun.Outcome{Run: run, State: run.State, Status: orchestration.Abort, Reason: reason}
	} else {
		next = a.decide(run, now)
	}
	e.Outcome = a.outcome
	if a.outcome.Status == orchestration.Wait {
		return nil
	}
	e.Final = usecase.FinalDecision(p, a.outcome.Status, a.outcome.Reason, now)
	decided := *run
	if next != nil {
		decided = *next
	}
	if a.decision.State != nil {
		e.Final.StateID = decided.State.ID
	}
	decided.Decisions = usecase.WithDecision(run.Decisions, *e.Final)
	return &decided
}
