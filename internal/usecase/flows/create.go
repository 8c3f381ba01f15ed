package flows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// labelFlowID is the label that every flow run gets (flows contract §3.2).
const labelFlowID = "prefect.flow.id"

// keySpace is the namespace of the ids that are derived from idempotency keys. It must
// not change, because the ids of runs would change.
var keySpace = uuid.MustParse("b4c0a7a6-1d58-5f5c-8d0e-4c1f0f6f2a93")

// Create creates a run, or returns the existing run with the same idempotency key as it
// is. created is true for a new run (flows contract §2.2). Calls with one key, at the
// same time on any replicas, create one run. Errors: ErrUnknownParent if the flow or the
// parent task run does not exist, ErrExists if the key is empty and in use (flows contract
// §0.21), ErrIDTaken, *InvalidError, ErrUnavailable.
func (s *Service) Create(ctx context.Context, in flowrun.NewRun) (run *flowrun.Run, created bool, err error) {
	first, decision, err := s.first(ctx, in)
	if err != nil {
		return s.existing(ctx, first, err)
	}
	kept, err := s.Store.Create(ctx, first)
	switch {
	case errors.Is(err, taskrun.ErrExists):
		run, err = repeated(first, kept)
		return run, false, err
	case err != nil:
		return nil, false, err
	}
	// The response repeats the times in the spelling of the client. They are stored
	// in UTC (contract §2.0).
	first.Ref = kept.Ref
	s.Notifier.Transitioned(nil, first, decision)
	s.copyState(ctx, first)
	return first, true, nil
}

// existing returns the run that was created with this key earlier, although its parent
// task run does not exist any more: a repeated call is not checked. Else it returns the
// error. A nil first run is not looked for.
func (s *Service) existing(ctx context.Context, first *flowrun.Run, failed error) (*flowrun.Run, bool, error) {
	if first == nil || first.IdempotencyKey == nil || !errors.Is(failed, taskrun.ErrUnknownParent) {
		return nil, false, failed
	}
	kept, err := s.Store.Get(ctx, first.ID)
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil, false, failed
	}
	if err != nil {
		return nil, false, err
	}
	run, err := repeated(first, kept)
	return run, false, err
}

// repeated returns the run that exists in place of the first one, if it has the same key.
func repeated(first, kept *flowrun.Run) (*flowrun.Run, error) {
	want, keyed := first.Key()
	got, _ := kept.Key()
	switch {
	case !keyed || want != got:
		return nil, taskrun.ErrIDTaken
	case want.IdempotencyKey == "":
		return nil, taskrun.ErrExists
	default:
		return kept, nil
	}
}

// first returns the run that Create stores: the run of the caller with defaults for
// missing fields, in its initial state. If the parent task run does not exist, the run
// has its id and key only, beside ErrUnknownParent.
func (s *Service) first(ctx context.Context, in flowrun.NewRun) (*flowrun.Run, orchestration.FlowRunDecision, error) {
	run := in.Run
	if err := run.CheckIdentity(); err != nil {
		return nil, orchestration.FlowRunDecision{}, err
	}
	run.ID = s.newRunID(&run)
	flow, err := s.Store.Flow(ctx, run.FlowID)
	if errors.Is(err, taskrun.ErrNotFound) {
		err = fmt.Errorf("flow %s: %w", run.FlowID, taskrun.ErrUnknownParent)
	}
	if err != nil {
		return nil, orchestration.FlowRunDecision{}, err
	}
	if err = s.checkParent(ctx, &run); err != nil {
		return &run, orchestration.FlowRunDecision{}, err
	}
	if run.Name == "" {
		run.Name = s.NewName()
	}
	run.Parameters, run.Context = orEmpty(run.Parameters), orEmpty(run.Context)
	run.Labels = inFlow(flow, run.Labels)
	run.Created = s.now()
	run.Updated = run.Created
	run.StatusStale, run.CreatedViaREST = true, true
	initial := taskrun.Proposal{Type: orchestration.Pending, Details: orchestration.StateDetails{Deferred: new(false)}}
	if in.State != nil {
		initial = *in.State
	}
	state := initial.State(s.NewID(), run.Created)
	run.Fit(&state)
	var decision orchestration.FlowRunDecision
	run.FlowRunProgress, decision = flowrun.InitialProgress(run, state)
	run.RecordEnd(run.Created)
	return &run, decision, nil
}

// newRunID returns the id of a new run: the same for equal keys.
func (s *Service) newRunID(run *flowrun.Run) string {
	key, keyed := run.Key()
	if !keyed {
		return s.NewID()
	}
	return usecase.DerivedID(keySpace, s.Namespace, key.FlowID, key.IdempotencyKey)
}

// checkParent returns ErrUnknownParent if the parent task run does not exist.
func (s *Service) checkParent(ctx context.Context, run *flowrun.Run) error {
	if run.ParentTaskRunID == "" {
		return nil
	}
	exists, err := s.TaskRuns.Exists(ctx, run.ParentTaskRunID)
	if err == nil && !exists {
		err = fmt.Errorf("task run %s: %w", run.ParentTaskRunID, taskrun.ErrUnknownParent)
	}
	return err
}

// inFlow returns the labels of a run: those of the flow, the system label, and those of
// the client. The later take precedence.
func inFlow(flow *flowrun.Flow, labels map[string]json.RawMessage) map[string]json.RawMessage {
	all := make(map[string]json.RawMessage, len(flow.Labels)+1+len(labels))
	maps.Copy(all, flow.Labels)
	all[labelFlowID] = json.RawMessage(strconv.Quote(flow.ID))
	maps.Copy(all, labels)
	return all
}

// orEmpty returns an empty object if there is none.
func orEmpty(object json.RawMessage) json.RawMessage {
	if len(object) == 0 {
		return json.RawMessage("{}")
	}
	return object
}
