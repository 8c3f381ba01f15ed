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
		claim.stateID = proposedStateID(run, p.Name)
		if evaluation.Final = recordedDecision(run, p, claim.stateID); evaluation.Final != nil {
			return nil, nil //nolint:nilnil // nothing to store
		}
		next, evaluation, err = s.evaluate(ctx, run, p, claim, s.now())
		return next, err
	}, func(before, after *taskrun.Run) {
		evaluation.Run = after
		if evaluation.overtaken(recordedDecision(after, p, claim.stateID)) {
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
	if recorded == nil || (recorded.EvaluatedAt.Equal(e.Final.EvaluatedAt) && recorded.Verdict == e.Final.Verdict) {
		return false
	}
	e.Final = recorded
	return true
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
	evaluation.Final = &taskrun.ProposalDecision{
		Proposal:    p.Name,
		UID:         p.UID,
		Verdict:     outcome.Decision.Status,
		Reason:      taskrun.Truncate(outcome.Decision.Reason, taskrun.MaxReason),
		Proposer:    taskrun.Truncate(p.Proposer, taskrun.MaxProposer),
		EvaluatedAt: now,
	}
	if next == nil {
		next = run
	} else {
		evaluation.Final.StateID = next.State.ID
	}
	decided := *next
	kept := run.Decisions[max(0, len(run.Decisions)+1-taskrun.MaxDecisions):]
	decided.Decisions = append(slices.Clone(kept), *evaluation.Final)
	return &decided, evaluation, nil
}

// evaluateIf applies the rules to the proposal, unless the run has another state than
// the proposal requires, or has finished while the proposal waited.
func (s *Service) evaluateIf(
	ctx context.Context, run *taskrun.Run, p taskrun.NamedProposal, claim *slotClaim, now time.Time,
) (*taskrun.Run, taskrun.Outcome, error) {
	var reason string
	switch {
	case p.IfStateID != "" && run.State.ID != p.IfStateID:
		reason = "The run is no longer in the state that ifStateID names, but in " + run.State.ID + " (" + string(run.State.Type) + ")."
	case p.WaitingStateID != "" && run.Finished() && run.State.ID != p.WaitingStateID:
		reason = "The run finished while the proposal waited: it is " + string(run.State.Type) + "."
	default:
		return s.decide(ctx, run, p.Proposal, claim, now)
	}
	return nil, taskrun.Outcome{Run: run, State: run.State, Decision: orchestration.Decision{
		Status: orchestration.Abort, Reason: reason, Progress: run.Progress,
	}}, nil
}

// recordedDecision returns the decision on a proposal that the run has evaluated: the
// recorded one, or one derived from the history if it is no longer recorded.
func recordedDecision(r *taskrun.Run, p taskrun.NamedProposal, stateID string) *taskrun.ProposalDecision {
	for _, d := range slices.Backward(r.Decisions) {
		if d.Proposal == p.Name {
			return &d
		}
	}
	for _, state := range r.States() {
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

// proposedStateID returns the id of the state that a proposal of this name leads to.
// The id is always the same, so that the history shows an earlier evaluation.
func proposedStateID(r *taskrun.Run, proposal string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(r.Ref.UID+"/proposal/"+proposal)).String()
}
