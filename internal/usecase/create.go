package usecase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	petname "github.com/dustinkirkland/golang-petname"
	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// labelFlowRunID is the label every run inside a flow run gets (contract §2.6).
const labelFlowRunID = "prefect.flow-run.id"

// keySpace is the namespace of the ids that are derived from natural keys. It must
// not change, because the ids of runs would change.
var keySpace = uuid.MustParse("6f0d1f3e-5d0b-5b8e-9c55-7a2f1c0e9d41")

// Create creates a run, or returns the existing run with the same natural key. created
// is true for a new run (contract §1.4). Equal calls, at the same time on any replicas,
// create one run. So do calls with one natural key and different ids on one replica.
// Errors: ErrIDTaken if the id belongs to a run with another natural key, ErrUnknownParent
// if the flow run does not exist, *InvalidError, ErrUnavailable.
func (s *Service) Create(ctx context.Context, in taskrun.NewRun) (run *taskrun.Run, created bool, err error) {
	unlock, err := s.KeyLocks.lock(ctx, s.Namespace, in.Run.NaturalKey())
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	existing, err := s.Store.Find(ctx, in.Run.NaturalKey())
	if err == nil {
		return existing, false, nil
	}
	if !errors.Is(err, taskrun.ErrNotFound) {
		return nil, false, err
	}
	first, decision, err := s.inFlowRun(ctx, in)
	if err != nil {
		return nil, false, err
	}
	reservation := s.reserve(first)
	defer reservation.Cancel()
	if first.Held() { // the worker has to be sent the run, even if the client leaves during the write
		var done context.CancelFunc
		ctx, done = untilDeadline(ctx)
		defer done()
	}
	kept, err := s.Store.Create(ctx, first)
	switch {
	case errors.Is(err, taskrun.ErrExists) && kept.NaturalKey() == first.NaturalKey():
		return kept, false, nil
	case errors.Is(err, taskrun.ErrExists):
		return nil, false, taskrun.ErrIDTaken
	case err != nil:
		return nil, false, err
	}
	// The response repeats the times in the spelling of the client. They are stored
	// in UTC (contract §2.0).
	first.Ref = kept.Ref
	reservation.Deliver(ctx, kept)
	s.Notifier.Transitioned(nil, first, decision)
	return first, true, nil
}

// inFlowRun returns the run that Create stores, with what it inherits of its flow run.
// Errors: ErrUnknownParent, ErrUnavailable, *InvalidError.
func (s *Service) inFlowRun(ctx context.Context, in taskrun.NewRun) (*taskrun.Run, orchestration.Decision, error) {
	inherited, err := s.flowRunLabels(ctx, in.Run.FlowRunID)
	if err != nil {
		return nil, orchestration.Decision{}, err
	}
	return s.first(in, inherited)
}

// first returns the run that Create stores: the run of the caller with defaults for
// missing fields, in its initial state. It inherits the labels of its flow run.
func (s *Service) first(in taskrun.NewRun, inherited map[string]json.RawMessage) (*taskrun.Run, orchestration.Decision, error) {
	initial := taskrun.Proposal{Type: orchestration.Pending, Details: orchestration.StateDetails{Deferred: new(false)}}
	if in.State != nil {
		initial = *in.State
	}
	run := in.Run
	if err := run.CheckIdentity(); err != nil {
		return nil, orchestration.Decision{}, err
	}
	if run.ID == "" {
		run.ID = s.keyID(run.NaturalKey())
	}
	if run.Name == "" {
		run.Name = s.NewName()
	}
	if run.FlowRunID != "" {
		run.Labels = inFlowRun(run.Labels, run.FlowRunID, inherited)
	}
	run.Created = s.now()
	run.Updated = run.Created
	run.StatusStale, run.CreatedViaREST = true, true
	state := initial.State(s.NewID(), run.Created)
	run.Fit(&state)
	var decision orchestration.Decision
	run.Progress, decision = taskrun.InitialProgress(run, state)
	run.RecordEnd(run.Created)
	return &run, decision, nil
}

// keyID returns the id of a run that is created without one: the same for equal natural keys.
func (s *Service) keyID(key taskrun.NaturalKey) string {
	return DerivedID(keySpace, s.Namespace, key.FlowRunID, key.TaskKey, key.DynamicKey)
}

// DerivedID returns a UUID that depends on the space and the parts alone.
func DerivedID(space uuid.UUID, parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(strconv.Itoa(len(part)))
		b.WriteByte(':')
		b.WriteString(part)
	}
	return uuid.NewSHA1(space, []byte(b.String())).String()
}

// hasNaturalKeyID reports whether the events are of a run that was created without an
// id: its id is derived from its natural key. Such a run was stored before a client
// knew the id.
func (s *Service) hasNaturalKeyID(events []taskrun.Event) bool {
	for _, e := range events {
		c := &e.Patch
		key := c.NaturalKey()
		if e.RunID == s.keyID(key) {
			return true
		}
		key.FlowRunID = "" // a worker can report from within another flow run
		if e.RunID == s.keyID(key) {
			return true
		}
	}
	return false
}

// flowRunLabels returns the labels of a flow run. It returns ErrUnknownParent if it does
// not exist.
func (s *Service) flowRunLabels(ctx context.Context, flowRunID string) (map[string]json.RawMessage, error) {
	if flowRunID == "" {
		return nil, nil //nolint:nilnil // outside a flow run
	}
	flowRun, err := s.FlowRuns.Describe(ctx, flowRunID)
	switch {
	case errors.Is(err, taskrun.ErrNotFound):
		return nil, fmt.Errorf("flow run %s: %w", flowRunID, taskrun.ErrUnknownParent)
	case flowRun == nil || err != nil:
		return nil, err
	}
	return flowRun.Labels, nil
}

// inFlowRun returns the labels of a run inside a flow run (contract §2.6): those of the
// flow run, the system label, and those from the client. The later take precedence.
func inFlowRun(labels map[string]json.RawMessage, flowRunID string, inherited map[string]json.RawMessage) map[string]json.RawMessage {
	all := make(map[string]json.RawMessage, len(inherited)+1+len(labels))
	maps.Copy(all, inherited)
	all[labelFlowRunID] = json.RawMessage(strconv.Quote(flowRunID))
	maps.Copy(all, labels)
	return all
}

// Slug returns a random name of two words, as Prefect does.
func Slug() string { return petname.Generate(2, "-") }
