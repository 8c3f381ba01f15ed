package flows

import (
	"context"
	"errors"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// SetState proposes a state for a run and stores the decision of the rules (flows contract
// §4). A proposal that is repeated with its transition id gets the same answer again, and
// nothing is written (§9.4). Errors: ErrNotFound, *InvalidError, ErrUnavailable; never
// ErrConflict.
func (s *Service) SetState(ctx context.Context, id string, p taskrun.Proposal) (flowrun.Outcome, error) {
	attempt := s.propose(p.Fit())
	err := s.update(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) {
		if answer := replay(run, &attempt.proposal); answer != nil {
			attempt.outcome = *answer
			return nil, nil //nolint:nilnil // nothing to store
		}
		return attempt.decide(run, s.now()), nil
	}, attempt.done)
	return attempt.outcome, err
}

// proposal is one proposal on its way to a decision. All evaluations of it have the same
// ids, so that the state that was written shows that it was.
type proposal struct {
	service *Service

	proposal taskrun.Proposal
	policy   orchestration.FlowRunPolicy
	resume   bool   // it is one of POST /resume
	stateID  string // of the proposed state
	newID    string // of a state that replaces it
	pauseKey string

	decision orchestration.FlowRunDecision // the latest one
	outcome  flowrun.Outcome
}

func (s *Service) propose(p taskrun.Proposal) *proposal {
	return &proposal{service: s, proposal: p, stateID: s.NewID(), newID: s.NewID(), pauseKey: s.NewKey()}
}

// decide applies the rules to the proposal. It returns the run to store, nil if nothing
// changes, and sets the outcome for both cases.
func (p *proposal) decide(run *flowrun.Run, now time.Time) *flowrun.Run {
	if p.proposal.Fault != "" {
		p.outcome = flowrun.Outcome{Run: run, State: run.State, Status: orchestration.Abort, Reason: p.proposal.Fault}
		return nil
	}
	facts := run.Facts(p.proposal.State(p.stateID, now))
	facts.Now, facts.NewID, facts.NewPauseKey, facts.Resume = now, p.newID, p.pauseKey, p.resume
	if facts.Policy = p.policy; p.proposal.Force {
		facts.Policy = orchestration.FlowRunMinimal
	}
	p.decision = orchestration.DecideFlowRun(facts)
	p.outcome = flowrun.Outcome{
		Run: run, State: run.State, Status: p.decision.Status, Reason: p.decision.Reason, Delay: p.decision.Delay,
	}
	if p.decision.State == nil {
		return remarked(run, p.decision.Progress, now)
	}
	p.outcome.State = p.decision.State
	next := *run
	next.Enter(p.decision.Progress, taskrun.Stored(*p.decision.State))
	next.Touch(now)
	next.RecordEnd(now)
	p.recordAnswer(&next)
	return &next
}

// remarked returns the run with the mark that a decision without a state leaves on it, nil
// if there is none.
func remarked(run *flowrun.Run, progress orchestration.FlowRunProgress, now time.Time) *flowrun.Run {
	if progress.Resuming == run.Resuming {
		return nil
	}
	next := *run
	next.Resuming = progress.Resuming
	next.Touch(now)
	return &next
}

// recordAnswer records the decision for repeated proposals, in the same write.
func (p *proposal) recordAnswer(next *flowrun.Run) {
	transition := p.proposal.Details.TransitionID
	if transition == "" {
		return
	}
	next.RecordAnswer(flowrun.Answer{
		TransitionID: transition,
		Status:       p.decision.Status,
		Reason:       taskrun.Truncate(p.decision.Reason, taskrun.MaxReason),
		StateID:      next.State.ID,
	})
}

// done completes the outcome after the write.
func (p *proposal) done(before, after *flowrun.Run) {
	p.outcome.Run, p.outcome.Written = after, p.decision.State != nil
	if p.outcome.Written {
		p.service.Notifier.Transitioned(before, after, p.decision)
	}
}

// replay returns the answer that the proposal got before, nil if it has to be evaluated.
// These are evaluated even if they were answered:
//
//   - a proposal whose transition id is that of the current state: the rule on repeated
//     transitions answers it, unless it is forced (flows contract §4.4.2);
//   - an accepted start of a run that is RUNNING by another one: Prefect looks at the
//     current state only, and each such start counts.
func replay(run *flowrun.Run, p *taskrun.Proposal) *flowrun.Outcome {
	transition := p.Details.TransitionID
	if transition == "" || run.State == nil || run.State.Details.TransitionID == transition {
		return nil
	}
	answer := run.AnswerTo(transition)
	if answer == nil || (answer.Status == orchestration.Accept && p.Type == orchestration.Running && run.State.Type == p.Type) {
		return nil
	}
	outcome := &flowrun.Outcome{Run: run, State: run.StateByID(answer.StateID), Status: answer.Status, Reason: answer.Reason}
	if outcome.State == nil { // it fell off the history
		outcome.State = run.State
	}
	return outcome
}

func isConflict(err error) bool { return errors.Is(err, taskrun.ErrConflict) }
