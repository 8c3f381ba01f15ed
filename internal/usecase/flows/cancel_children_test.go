package flows_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// cancelChildren cancels the children of a run until there are none left, and returns the number of passes.
func (f *fixture) cancelChildren(t testingT, run *flowrun.Run) (passes int) {
	t.Helper()
	for {
		more, err := f.CancelChildren(context.Background(), run)
		if err != nil {
			t.Fatalf("CancelChildren(): %v", err)
		}
		if passes++; !more {
			return passes
		}
	}
}

func TestCancelChildren_cancelsWhatHasNotEnded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	first, second := f.mustCreateTask(t, parent.ID, "1"), f.mustCreateTask(t, parent.ID, "2")
	plain := f.mustCreateTask(t, parent.ID, "3")
	subflow := f.mustCreate(t, withParent(first.ID), inState(orchestration.Running))
	deployed := f.mustCreate(t, withParent(second.ID), inState(orchestration.Running), func(in *flowrun.NewRun) { in.Run.DeploymentID = "deployment" })
	ended := f.mustCreate(t, withParent(second.ID), inState(orchestration.Completed))
	f.cancelChildren(t, parent)
	if got := f.mustGetTask(t, plain.ID).State.Type; got != orchestration.Pending {
		t.Errorf("a task run of a run that is RUNNING is %s, want PENDING", got)
	}
	cancelled := f.mustSet(t, parent.ID, orchestration.Cancelled).Run
	for range 2 {
		f.cancelChildren(t, cancelled)
	}
	for _, id := range []string{first.ID, second.ID, plain.ID} {
		if got := f.mustGetTask(t, id).State.Type; got != orchestration.Cancelled {
			t.Errorf("a task run is %s, want CANCELLED", got)
		}
	}
	for id, want := range map[string]orchestration.StateType{
		subflow.ID: orchestration.Cancelled, deployed.ID: orchestration.Cancelling, ended.ID: orchestration.Completed,
	} {
		if got := f.mustGet(t, id).State.Type; got != want {
			t.Errorf("a subflow is %s, want %s", got, want)
		}
	}
}

// racingEnds are task runs that end when they were found unfinished, before they are cancelled.
type racingEnds struct {
	flows.TaskRuns
	found func(id string)
}

func (r *racingEnds) Cancel(ctx context.Context, id, message string) error {
	r.found(id)
	return r.TaskRuns.Cancel(ctx, id, message)
}

func TestCancelChildren_keepsAnEndThatIsReportedInBetween(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	child := f.mustCreateTask(t, parent.ID, "1")
	cancelled := f.mustSet(t, parent.ID, orchestration.Cancelled).Run
	f.TaskRuns = &racingEnds{TaskRuns: f.TaskRuns, found: func(id string) {
		if _, err := f.tasks.SetState(t.Context(), id, proposal(orchestration.Completed, forced)); err != nil {
			t.Error(err)
		}
	}}
	f.cancelChildren(t, cancelled)
	if got := f.mustGetTask(t, child.ID); got.State.Type != orchestration.Completed {
		t.Errorf("the task run is %s, want COMPLETED", got.State.Type)
	}
}

func TestCancelChildren_takesSeveralPassesForManyChildren(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	const children = 450
	for i := range children {
		f.mustCreateTask(t, parent.ID, strconv.Itoa(i))
	}
	cancelled := f.mustSet(t, parent.ID, orchestration.Cancelled).Run
	if passes := f.cancelChildren(t, cancelled); passes != 3 {
		t.Errorf("%d passes, want 3 of at most 200 children", passes)
	}
	left := 0
	err := f.TaskRuns.Each(t.Context(), taskrun.Filter{}, func(run *taskrun.Run) {
		if run.State.Type != orchestration.Cancelled {
			left++
		}
	})
	if err != nil || left > 0 {
		t.Errorf("%d task runs are not cancelled, error %v", left, err)
	}
}

// failingCancels are task runs of which one cannot be changed.
type failingCancels struct {
	flows.TaskRuns
	id string
}

func (r *failingCancels) Cancel(ctx context.Context, id, message string) error {
	if id == r.id {
		return &taskrun.InvalidError{}
	}
	return r.TaskRuns.Cancel(ctx, id, message)
}

func TestCancelChildren_cancelsTheOthersIfOneFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	var ids []string
	for i := range 30 {
		ids = append(ids, f.mustCreateTask(t, parent.ID, strconv.Itoa(i)).ID)
	}
	cancelled := f.mustSet(t, parent.ID, orchestration.Cancelled).Run
	for _, id := range ids[:2] {
		f.TaskRuns = &failingCancels{TaskRuns: f.TaskRuns, id: id}
	}
	if _, err := f.CancelChildren(t.Context(), cancelled); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable: the call is repeated", err)
	}
	for _, id := range ids[2:] {
		if got := f.mustGetTask(t, id).State.Type; got != orchestration.Cancelled {
			t.Errorf("a task run is %s, want CANCELLED", got)
		}
	}
}

// The task run of a subflow with a deployment ends like its siblings, while a worker ends the subflow.
func TestCancelChildren_cancelsSubflowsBeforeTheirTaskRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	placeholder := f.mustCreateTask(t, parent.ID, "1")
	deployed := f.mustCreate(t, withParent(placeholder.ID), inState(orchestration.Running), func(in *flowrun.NewRun) { in.Run.DeploymentID = "deployment" })
	f.cancelChildren(t, f.mustSet(t, parent.ID, orchestration.Cancelled).Run)
	run := f.mustGetTask(t, placeholder.ID)
	var types []orchestration.StateType
	for i := range run.StateCount() {
		types = append(types, run.StateAt(i).Type)
	}
	want := []orchestration.StateType{orchestration.Pending, orchestration.Running, orchestration.Cancelling, orchestration.Cancelled}
	if !slices.Equal(types, want) {
		t.Errorf("states %v, want %v", types, want)
	}
	f.mustSet(t, deployed.ID, orchestration.Cancelled)
	if got := f.mustGetTask(t, placeholder.ID).State; got.Type != orchestration.Cancelled || got.Details.ChildFlowRunID != deployed.ID {
		t.Errorf("the task run is %s of %q, want the state of its subflow", got.Type, got.Details.ChildFlowRunID)
	}
}

// The rules keep a suspended run without a deployment as it is (flows contract §4.2).
func TestCancelChildren_cancelsSubflowsInEveryState(t *testing.T) {
	t.Parallel()
	suspended := func(p *taskrun.Proposal) { p.Details.PauseReschedule = true }
	for _, kind := range orchestration.StateTypes {
		for name, edits := range map[string][]func(*taskrun.Proposal){string(kind): nil, string(kind) + " with pause_reschedule": {suspended}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				parent := f.mustCreate(t, inState(orchestration.Running))
				subflow := f.mustCreate(t, withParent(f.mustCreateTask(t, parent.ID, "1").ID), inState(kind, edits...))
				f.cancelChildren(t, f.mustSet(t, parent.ID, orchestration.Cancelled).Run)
				want := orchestration.Cancelled
				if subflow.Finished() {
					want = kind
				}
				if got := f.mustGet(t, subflow.ID).State; got.Type != want {
					t.Errorf("the subflow is %s, want %s", got.Type, want)
				}
			})
		}
	}
}
