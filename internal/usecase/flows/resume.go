package flows

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/runinput"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// The keys of a pause's run_input_keyset: the keys of the inputs with the schema and with
// the response (flows contract §2.3).
const (
	keysetSchema   = "schema"
	keysetResponse = "response"
)

// textNotPaused is the reason of an ABORT.
const textNotPaused = "Cannot resume a flow run that is not paused."

// nameResuming is the name of the state in which a suspended run waits for its start.
const nameResuming = "Resuming"

// Resume continues a paused run (flows contract §2.3). If its pause waits for input, the
// input is hydrated, validated and stored. An empty input is {}. Errors: ErrNotFound,
// *InvalidError if the input is too long, ErrUnavailable; never ErrConflict.
func (s *Service) Resume(ctx context.Context, id string, input json.RawMessage) (flowrun.Outcome, error) {
	attempt := s.propose(taskrun.Proposal{})
	attempt.resume = true
	err := s.update(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) {
		return attempt.decideResume(ctx, run, input)
	}, attempt.done)
	return attempt.outcome, err
}

// decideResume is decide for a resume. It stores the input before the run is written: the
// process of the run reads it as soon as the run is RUNNING. If the write is not done, the
// input stays, and the next resume replaces it.
func (p *proposal) decideResume(ctx context.Context, run *flowrun.Run, input json.RawMessage) (*flowrun.Run, error) {
	if run.State == nil || run.State.Type != orchestration.Paused {
		p.outcome = flowrun.Outcome{Run: run, Status: orchestration.Abort, Reason: textNotPaused}
		return nil, nil //nolint:nilnil // nothing to store
	}
	keyset := run.State.Details.RunInputKeyset
	var checked runinput.Input
	if len(keyset) > 0 {
		var err error
		checked, err = p.service.checkedInput(ctx, run, input)
		if rejected, ok := errors.AsType[*runinput.Error](err); ok {
			p.outcome = flowrun.Outcome{
				Run: run, State: run.State, Status: orchestration.Reject,
				Reason: taskrun.Truncate(rejected.Reason, taskrun.MaxMessage), InputRejected: true,
			}
			return nil, nil //nolint:nilnil // nothing to store
		}
		if err != nil {
			return nil, err
		}
	}
	p.proposal = resumption(run.State)
	next := p.decide(run, p.service.now())
	if p.decision.Status != orchestration.Accept || checked.Empty() || keyset[keysetResponse] == "" {
		return next, nil
	}
	return next, p.service.putInput(ctx, flowrun.Input{RunID: run.ID, Key: keyset[keysetResponse], Value: checked.JSON()})
}

// checkedInput returns the input of a resume, hydrated and validated. Errors:
// *runinput.Error, ErrUnavailable.
func (s *Service) checkedInput(ctx context.Context, run *flowrun.Run, input json.RawMessage) (runinput.Input, error) {
	checked, err := runinput.Hydrate(input)
	if err != nil {
		return runinput.Input{}, err
	}
	schema, err := s.Store.Input(ctx, run.ID, run.State.Details.RunInputKeyset[keysetSchema])
	switch {
	case errors.Is(err, taskrun.ErrNotFound):
		return runinput.Input{}, runinput.NoSchema()
	case err != nil:
		return runinput.Input{}, err
	}
	return checked, checked.Validate(schema.Value)
}

// resumption is the proposal that continues a pause: a suspended run is scheduled, because
// its process has ended.
func resumption(paused *orchestration.State) taskrun.Proposal {
	p := taskrun.Proposal{Type: orchestration.Running, Details: orchestration.StateDetails{Deferred: new(false)}}
	if paused.Details.PauseReschedule {
		p.Type, p.Name = orchestration.Scheduled, new(nameResuming)
	}
	return p
}
