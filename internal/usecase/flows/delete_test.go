package flows_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

func TestDelete_removesStatesInputsAndTaskRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run, other := f.mustCreate(t, inState(orchestration.Running)), f.mustCreate(t, inState(orchestration.Running))
	var gone, kept []string
	for i := range 20 {
		gone = append(gone, f.mustCreateTask(t, run.ID, strconv.Itoa(i)).ID)
		kept = append(kept, f.mustCreateTask(t, other.ID, strconv.Itoa(i)).ID)
	}
	f.mustAsk(t, run.ID)
	if err := f.Delete(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range gone {
		if _, err := f.tasks.Get(t.Context(), id); !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("task run of the deleted run: error %v, want ErrNotFound", err)
		}
	}
	for _, id := range kept {
		if _, err := f.tasks.Get(t.Context(), id); err != nil {
			t.Errorf("task run of another run: %v", err)
		}
	}
	_, input := f.Input(t.Context(), run.ID, "paused-1-schema")
	_, _, state := f.State(t.Context(), run.State.ID)
	for what, err := range map[string]error{"the run": second(f.Get(t.Context(), run.ID)), "its input": input, "its state": state, "deleted again": f.Delete(t.Context(), run.ID)} {
		if !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s: error %v, want ErrNotFound", what, err)
		}
	}
	if _, _, err := f.tasks.Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{FlowRunID: run.ID, TaskKey: "t", DynamicKey: "late"}}); !errors.Is(err, taskrun.ErrUnknownParent) {
		t.Errorf("a task run of the deleted run: error %v, want ErrUnknownParent", err)
	}
}

func TestDelete_keepsSubflowsWithoutParent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	parent := f.mustCreate(t, inState(orchestration.Running))
	placeholder := f.mustCreateTask(t, parent.ID, "1")
	child := f.mustCreate(t, withParent(placeholder.ID))
	if got := f.mustGet(t, child.ID); got.ParentTaskRunID != placeholder.ID {
		t.Errorf("parent %q, want %s", got.ParentTaskRunID, placeholder.ID)
	}
	if err := f.Delete(t.Context(), parent.ID); err != nil {
		t.Fatal(err)
	}
	if got := f.mustGet(t, child.ID); got.ParentTaskRunID != "" {
		t.Errorf("parent %q, want none: it was deleted", got.ParentTaskRunID)
	}
	if outcome := f.mustSet(t, child.ID, orchestration.Running); !outcome.Written {
		t.Errorf("outcome %+v, want RUNNING", outcome)
	}
}

// taskRunsThatFail fail to delete, or create a task run while others are deleted.
type taskRunsThatFail struct {
	flows.TaskRuns
	err    error
	during func()
}

func (s *taskRunsThatFail) DeleteOfFlowRun(ctx context.Context, id string) error {
	if s.err != nil {
		return s.err
	}
	err := s.TaskRuns.DeleteOfFlowRun(ctx, id)
	if s.during != nil {
		s.during()
		s.during = nil
	}
	return err
}

func TestDelete_canBeRepeatedAfterFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	task := f.mustCreateTask(t, run.ID, "1")
	taskRuns := &taskRunsThatFail{TaskRuns: f.TaskRuns, err: taskrun.ErrUnavailable}
	f.TaskRuns = taskRuns
	if err := f.Delete(t.Context(), run.ID); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	if err := f.DeleteFlow(t.Context(), f.flow.ID); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
	f.mustGet(t, run.ID)
	if _, err := f.Flow(t.Context(), f.flow.ID); err != nil {
		t.Errorf("the flow: %v, want it there", err)
	}
	taskRuns.err = nil
	if err := f.Delete(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tasks.Get(t.Context(), task.ID); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("task run: error %v, want ErrNotFound", err)
	}
}

func TestDelete_removesTaskRunsThatWereCreatedDuringIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, inState(orchestration.Running))
	var late string
	f.TaskRuns = &taskRunsThatFail{TaskRuns: f.TaskRuns, during: func() { late = f.mustCreateTask(t, run.ID, "late").ID }}
	if err := f.Delete(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tasks.Get(t.Context(), late); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("the late task run: error %v, want ErrNotFound", err)
	}
}

// Whatever is deleted, what is left belongs to something that is left, and nothing else is
// gone.
func TestDelete_removesWhatBelongsToIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		flowOf, runOf := map[string]string{}, map[string]string{} // flow by run, run by task run
		flowIDs := []string{f.flow.ID}
		for i := range rapid.IntRange(0, 2).Draw(t, "flows") {
			flow, _, err := f.CreateFlow(t.Context(), flowrun.NewFlow{Name: strconv.Itoa(i)})
			if err != nil {
				t.Fatal(err)
			}
			flowIDs = append(flowIDs, flow.ID)
		}
		var runIDs []string
		for range rapid.IntRange(1, 6).Draw(t, "runs") {
			run := f.mustCreate(t, func(in *flowrun.NewRun) { in.Run.FlowID = rapid.SampledFrom(flowIDs).Draw(t, "flow") })
			flowOf[run.ID] = run.FlowID
			runIDs = append(runIDs, run.ID)
		}
		for i := range rapid.IntRange(0, 10).Draw(t, "task runs") {
			id := rapid.SampledFrom(runIDs).Draw(t, "run")
			runOf[f.mustCreateTask(t, id, strconv.Itoa(i)).ID] = id
		}
		goneFlow, goneRun := rapid.SampledFrom(flowIDs).Draw(t, "deleted flow"), rapid.SampledFrom(runIDs).Draw(t, "deleted run")
		if err := f.Delete(t.Context(), goneRun); err != nil {
			t.Fatal(err)
		}
		if err := f.DeleteFlow(t.Context(), goneFlow); err != nil {
			t.Fatal(err)
		}
		expect := func(what, id string, gone bool, err error) {
			if gone != errors.Is(err, taskrun.ErrNotFound) || (err != nil && !gone) {
				t.Fatalf("%s %s: error %v, want it gone: %t", what, id, err, gone)
			}
		}
		for _, id := range flowIDs {
			expect("flow", id, id == goneFlow, second(f.Flow(t.Context(), id)))
		}
		isGone := func(run string) bool { return run == goneRun || flowOf[run] == goneFlow }
		for run := range flowOf {
			expect("run", run, isGone(run), second(f.Get(t.Context(), run)))
		}
		for task, run := range runOf {
			expect("task run", task, isGone(run), second(f.tasks.Get(t.Context(), task)))
		}
	})
}
