package flows_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

// losingCopies are task runs that get no state of a subflow while lost is set, like those
// of a program that ends between its two writes.
type losingCopies struct {
	flows.TaskRuns
	lost bool
}

func (l *losingCopies) CopySubflowState(
	ctx context.Context, id string, repair bool, subflow func(context.Context) (*flowrun.Run, error),
) error {
	if l.lost {
		return taskrun.ErrUnavailable
	}
	return l.TaskRuns.CopySubflowState(ctx, id, repair, subflow)
}

func (f *fixture) mustGetTask(t testingT, id string) *taskrun.Run {
	t.Helper()
	run, err := f.tasks.Get(context.Background(), id)
	if err != nil {
		t.Fatalf("Get(task run): %v", err)
	}
	return run
}

func TestRepairCopy_givesTheTaskRunTheStateOfItsSubflow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		taskRuns := &losingCopies{TaskRuns: f.TaskRuns}
		f.TaskRuns = taskRuns
		placeholder := f.mustCreateTask(t, f.mustCreate(t, inState(orchestration.Running)).ID, "1")
		child := f.mustCreate(t, withParent(placeholder.ID))
		for range rapid.IntRange(0, 5).Draw(t, "transitions") {
			f.clock.Step(time.Duration(rapid.IntRange(0, 2).Draw(t, "pause")) * time.Second)
			taskRuns.lost = rapid.Bool().Draw(t, "lost")
			f.mustSet(t, child.ID, rapid.SampledFrom(orchestration.StateTypes).Draw(t, "type"))
		}
		taskRuns.lost = false
		current := f.mustGet(t, child.ID)
		for range 2 {
			if err := f.RepairCopy(t.Context(), current); err != nil {
				t.Fatal(err)
			}
		}
		got := f.mustGetTask(t, placeholder.ID)
		if got.State.Type != current.State.Type || got.State.Name != current.State.Name || got.State.Details.ChildFlowRunID != child.ID {
			t.Errorf("the task run is %s (%s, of %q), its subflow %s (%s)",
				got.State.Type, got.State.Name, got.State.Details.ChildFlowRunID, current.State.Type, current.State.Name)
		}
		if most := 1 + len(current.States()); got.StateCount() > most {
			t.Errorf("the task run has %d states, want at most %d: each state of the subflow once", got.StateCount(), most)
		}
	})
}

func TestCopySubflowState_ofALateCallCopiesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	placeholder := f.mustCreateTask(t, f.mustCreate(t, inState(orchestration.Running)).ID, "1")
	child := f.mustCreate(t, withParent(placeholder.ID))
	taskRuns := &losingCopies{TaskRuns: f.TaskRuns, lost: true}
	f.TaskRuns = taskRuns
	running := f.mustSet(t, child.ID, orchestration.Running).Run
	taskRuns.lost = false
	f.mustSet(t, child.ID, orchestration.Completed)
	err := f.TaskRuns.CopySubflowState(t.Context(), placeholder.ID, false, func(context.Context) (*flowrun.Run, error) { return running, nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := f.mustGetTask(t, placeholder.ID).State.Type; got != orchestration.Completed {
		t.Errorf("the task run is %s, want COMPLETED", got)
	}
}

func TestRepairCopy_leavesTheStateOfAnotherSubflow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	placeholder := f.mustCreateTask(t, f.mustCreate(t, inState(orchestration.Running)).ID, "1")
	first := f.mustCreate(t, withParent(placeholder.ID), inState(orchestration.Failed))
	f.mustCreate(t, withParent(placeholder.ID), inState(orchestration.Running))
	if err := f.RepairCopy(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if got := f.mustGetTask(t, placeholder.ID).State.Type; got != orchestration.Running {
		t.Errorf("the task run is %s, want RUNNING", got)
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
	if err := f.CancelChildren(t.Context(), parent); err != nil {
		t.Fatal(err)
	}
	if got := f.mustGetTask(t, plain.ID).State.Type; got != orchestration.Pending {
		t.Errorf("a task run of a run that is RUNNING is %s, want PENDING", got)
	}
	cancelled := f.mustSet(t, parent.ID, orchestration.Cancelled).Run
	for range 2 {
		if err := f.CancelChildren(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
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
