package usecase

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Evaluation is the result of EvaluateProposal.
type Evaluation struct {
	// Outcome is the result of the rules. Its Decision is empty if the verdict was
	// already recorded.
	taskrun.Outcome

	// Before is the previous state of the run.
	Before *orchestration.State
	// Final is the decision as recorded; nil while the verdict is Wait.
	Final *taskrun.ProposalDecision
	// Recorded reports whether this call evaluated the proposal and wrote Final.
	Recorded bool
}

// EvaluateProposal evaluates a proposal for a run and writes the decision and the
// state that it leads to in one compare-and-swap. If the run has a decision on a
// proposal of that name, the proposal is not evaluated again, and that decision is
// returned. A Wait is not stored; evaluate again after the decision's Delay. Errors:
// ErrNotFound, also if another object has the run's id now, ErrConflict,
// ErrUnavailable.
func (s *Service) EvaluateProposal(ctx context.Context, id string, p taskrun.NamedProposal) (evaluation Evaluation, err error) {
	p.Proposal = p.Fit()
	claim := s.newSlotClaim()
	err = s.update(ctx, id, claim, func(run *taskrun.Run) (next *taskrun.Run, err error) {
		if run.Ref.UID != p.Object {
			return nil, taskrun.ErrNotFound
		}
		evaluation = Evaluation{Outcome: taskrun.Outcome{Run: run, State: run.State}, Before: run.State}
		claim.stateID = ProposedStateID(run.Ref.UID, p.Name)
		if evaluation.Final = RecordedDecision(run.Decisions, run.States(), p, claim.stateID); evaluation.Final != nil {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next, evaluation, err = s.evaluate(ctx, run, p, claim, s.now())
		return next, err
	}, func(before, after *taskrun.Run) {
		evaluation.Run = after
		if evaluation.overtaken(RecordedDecision(after.Decisions, after.States(), p, claim.stateID)) {
			return
		}
		evaluation.Recorded = true
		evaluation.Written = evaluation.Decision.State != nil
		if evaluation.Written {
			s.Notifier.Transitioned(before, after, evaluation.Decision)
		}
	})
	return evaluation, err
}

// overtaken reports whether the recorded decision is that of another program, which
// evaluated the proposal at the same time. That decision is then final.
func (e *Evaluation) overtaken(recorded *taskrun.ProposalDecision) bool {
	if !Overtaken(e.Final, recorded) {
		return false
	}
	e.Final = recorded
	return true
}

// Overtaken reports whether the recorded decision on a proposal is not the one that was to
// be recorded.
func Overtaken(final, recorded *taskrun.ProposalDecision) bool {
	return recorded != nil && (!recorded.EvaluatedAt.Equal(final.EvaluatedAt) || recorded.Verdict != final.Verdict)
}

// evaluate applies the rules to the proposal. It returns the run to store, nil for a
// Wait.
func (s *Service) evaluate(
	ctx context.Context, run *taskrun.Run, p taskrun.NamedProposal, claim *slotClaim, now time.Time,
) (*taskrun.Run, Evaluation, error) {
	next, outcome, err := s.evaluateIf(ctx, run, p, claim, now)
	if err != nil {
		return nil, Evaluation{}, err
	}
	evaluation := Evaluation{Outcome: outcome, Before: run.State}
	if outcome.Decision.Status == orchestration.Wait {
		return nil, evaluation, nil
	}
	evaluation.Final = FinalDecision(p, outcome.Decision.Status, outcome.Decision.Reason, now)
	if next == nil {
		next = run
	} else {
		evaluation.Final.StateID = next.State.ID
	}
	decided := *next
	decided.Decisions = WithDecision(run.Decisions, *evaluation.Final)
	return &decided, evaluation, nil
}

// FinalDecision returns the decision on a proposal that a run records.
func FinalDecision(p taskrun.NamedProposal, status orchestration.Status, reason string, now time.Time) *taskrun.ProposalDecision {
	return &taskrun.ProposalDecision{
		Proposal:    p.Name,
		UID:         p.UID,
		Verdict:     status,
		Reason:      taskrun.Truncate(reason, taskrun.MaxReason),
		Proposer:    taskrun.Truncate(p.Proposer, taskrun.MaxProposer),
		EvaluatedAt: now,
	}
}

// WithDecision returns the decisions of a run with another one, without the oldest ones.
func WithDecision(decisions []taskrun.ProposalDecision, final taskrun.ProposalDecision) []taskrun.ProposalDecision {
	kept := decisions[max(0, len(decisions)+1-taskrun.MaxDecisions):]
	return append(slices.Clone(kept), final)
}

// evaluateIf applies the rules to the proposal, unless the run has another state than
// the proposal requires, or has finished while the proposal waited.
func (s *Service) evaluateIf(
	ctx context.Context, run *taskrun.Run, p taskrun.NamedProposal, claim *slotClaim, now time.Time,
) (*taskrun.Run, taskrun.Outcome, error) {
	reason := Outdated(p, run.State)
	if reason == "" {
		return s.decide(ctx, run, p.Proposal, claim, now)
	}
	return nil, taskrun.Outcome{Run: run, State: run.State, Decision: orchestration.Decision{
		Status: orchestration.Abort, Reason: reason, Progress: run.Progress,
	}}, nil
}

// Outdated returns the reason why a proposal does not apply to a run in this state: the
// run has another state than the proposal requires, or has finished while it waited.
// Empty: it applies.
func Outdated(p taskrun.NamedProposal, state *orchestration.State) (reason string) {
	switch {
	case p.IfStateID != "" && state.ID != p.IfStateID:
		return "The run is no longer in the state that ifStateID names, but in " + state.ID + " (" + string(state.Type) + ")."
	case p.WaitingStateID != "" && state.Type.Terminal() && state.ID != p.WaitingStateID:
		return "The run finished while the proposal waited: it is " + string(state.Type) + "."
	default:
		return ""
	}
}

// RecordedDecision returns the decision on a proposal that a run has evaluated: the
// recorded one, or one derived from its states if it is no longer recorded; nil for none.
func RecordedDecision(
	decisions []taskrun.ProposalDecision, states []orchestration.State, p taskrun.NamedProposal, stateID string,
) *taskrun.ProposalDecision {
	for _, d := range slices.Backward(decisions) {
		if d.Proposal == p.Name {
			return &d
		}
	}
	for _, state := range states {
		if state.ID == stateID {
			verdict := orchestration.Accept
			if state.Type != p.Type {
				verdict = orchestration.Reject
			}
			return &taskrun.ProposalDecision{Proposal: p.Name, UID: p.UID, Verdict: verdict, EvaluatedAt: state.Timestamp, StateID: stateID}
		}
	}
	return nil
}

// ProposedStateID returns the id of the state that a proposal of this name leads to in the
// run of an object. The id is always the same, so that the history shows an earlier
// evaluation.
func ProposedStateID(object, proposal string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(object+"/proposal/"+proposal)).String()
}
