package flows_test

import (
	"errors"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

func TestFlowRuns_haveFactsOfStoredRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, func(in *flowrun.NewRun) { in.Run.Name = "odd-owl" })
	f.mustSet(t, run.ID, orchestration.Running)
	facts, err := flows.FlowRuns{Store: f.store}.Facts(t.Context(), run.ID)
	if err != nil || facts.State.Type != orchestration.Running || facts.RunCount != 1 {
		t.Errorf("Facts() = %+v, error %v, want RUNNING once", facts, err)
	}
	shown, err := flows.FlowRuns{Store: f.store}.Describe(t.Context(), run.ID)
	if err != nil || shown.Name != "odd-owl" || string(shown.Labels["prefect.flow.id"]) != `"`+f.flow.ID+`"` {
		t.Errorf("Describe() = %+v, error %v, want the name and labels", shown, err)
	}
}

func TestFlowRuns_readRunsThatDoNotRunPastCache(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t)
	stale := f.mustGet(t, run.ID)
	f.mustSet(t, run.ID, orchestration.Running)
	cached := outdatedStore{f.store, map[string]*flowrun.Run{run.ID: stale}}
	if facts, err := (flows.FlowRuns{Store: cached}).Facts(t.Context(), run.ID); err != nil || facts.State.Type != orchestration.Running {
		t.Errorf("Facts() = %+v, error %v, want RUNNING", facts, err)
	}
}

func TestFlowRuns_unknownOnes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		unknown  flows.UnknownFlowRuns
		broken   error
		wantErr  error
		wantTask error // of creating a task run
	}{
		"by default":           {wantErr: taskrun.ErrNotFound, wantTask: taskrun.ErrUnknownParent},
		"not found":            {unknown: flows.UnknownNotFound, wantErr: taskrun.ErrNotFound, wantTask: taskrun.ErrUnknownParent},
		"running":              {unknown: flows.UnknownRunning},
		"running, unreachable": {unknown: flows.UnknownRunning, broken: taskrun.ErrUnavailable, wantErr: taskrun.ErrUnavailable, wantTask: taskrun.ErrUnavailable},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.store.Break(tc.broken)
			flowRuns := flows.FlowRuns{Store: f.store, Unknown: tc.unknown}
			facts, err := flowRuns.Facts(t.Context(), unknownID)
			if facts != nil || !errors.Is(err, tc.wantErr) {
				t.Errorf("Facts() = %+v, error %v, want %v", facts, err, tc.wantErr)
			}
			shown, err := flowRuns.Describe(t.Context(), unknownID)
			if shown != nil || !errors.Is(err, tc.wantErr) {
				t.Errorf("Describe() = %+v, error %v, want %v", shown, err, tc.wantErr)
			}
			f.tasks.FlowRuns = flowRuns
			_, _, err = f.tasks.Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{FlowRunID: unknownID, TaskKey: "t", DynamicKey: "1"}})
			if !errors.Is(err, tc.wantTask) {
				t.Errorf("Create(task run): error %v, want %v", err, tc.wantTask)
			}
		})
	}
}

// A task run starts only in a flow run that runs.
func TestFlowRuns_stopTaskRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	first, other := f.mustCreateTask(t, run.ID, "1"), f.mustCreateTask(t, run.ID, "2")
	if outcome, err := f.tasks.SetState(t.Context(), first.ID, proposal(orchestration.Running)); err != nil || !outcome.Written || outcome.Run.FlowRunRunCount != 1 {
		t.Errorf("in a running flow run: %+v, error %v, want RUNNING", outcome.Decision, err)
	}
	f.mustSet(t, run.ID, orchestration.Cancelled)
	if outcome, err := f.tasks.SetState(t.Context(), other.ID, proposal(orchestration.Running)); err != nil || outcome.Decision.Status != orchestration.Abort {
		t.Errorf("in a cancelled flow run: %+v, error %v, want ABORT", outcome.Decision, err)
	}
}
