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

// Two subflows of one task run: the task run gets the state that was written last, whichever copies were lost.
func TestRepairCopy_givesTheTaskRunTheLatestStateOfAllSubflows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(t)
		taskRuns := &losingCopies{TaskRuns: f.TaskRuns}
		f.TaskRuns = taskRuns
		placeholder := f.mustCreateTask(t, f.mustCreate(t, inState(orchestration.Running)).ID, "1")
		var children []string
		var latest *flowrun.Run
		for range rapid.IntRange(1, 8).Draw(t, "writes") {
			f.clock.Step(time.Second)
			taskRuns.lost = rapid.Bool().Draw(t, "lost")
			if i := rapid.IntRange(0, len(children)).Draw(t, "child"); i < len(children) {
				outcome := f.mustSet(t, children[i], rapid.SampledFrom(orchestration.StateTypes).Draw(t, "type"), forced)
				if outcome.Written {
					latest = outcome.Run
				}
				continue
			}
			latest = f.mustCreate(t, withParent(placeholder.ID))
			children = append(children, latest.ID)
		}
		taskRuns.lost = false
		for _, id := range rapid.Permutation(children).Draw(t, "order") {
			if err := f.RepairCopy(t.Context(), f.mustGet(t, id)); err != nil {
				t.Fatalf("RepairCopy(): %v", err)
			}
		}
		got := f.mustGetTask(t, placeholder.ID).State
		if got.Type != latest.State.Type || got.Name != latest.State.Name || got.Details.ChildFlowRunID != latest.ID {
			t.Errorf("the task run is %s of subflow %s, want %s of %s", got.Name, got.Details.ChildFlowRunID, latest.State.Name, latest.ID)
		}
	})
}

// A client can name the subflow in a state that it sets itself.
func TestRepairCopy_replacesAnEarlierStateThatAClientSet(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	placeholder := f.mustCreateTask(t, f.mustCreate(t, inState(orchestration.Running)).ID, "1")
	child := f.mustCreate(t, withParent(placeholder.ID))
	ofClient := proposal(orchestration.Running, forced, func(p *taskrun.Proposal) { p.Details.ChildFlowRunID = child.ID })
	if _, err := f.tasks.SetState(t.Context(), placeholder.ID, ofClient); err != nil {
		t.Fatal(err)
	}
	f.clock.Step(time.Second)
	completed := f.mustSet(t, child.ID, orchestration.Completed, forced).Run
	if err := f.RepairCopy(t.Context(), completed); err != nil {
		t.Fatal(err)
	}
	if got := f.mustGetTask(t, placeholder.ID).State.Type; got != orchestration.Completed {
		t.Errorf("the task run is %s, want COMPLETED", got)
	}
}

// Objects that were created with kubectl have times in whole seconds, in any order.
func TestRepairCopy_replacesTheFirstStateOfATaskRun(t *testing.T) {
	t.Parallel()
	for name, created := range map[string]time.Duration{
		"of an earlier time": -time.Second, "of the same time": 0, "of a later time": time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			taskRuns := &losingCopies{TaskRuns: f.TaskRuns, lost: true}
			f.TaskRuns = taskRuns
			parent := f.mustCreate(t, inState(orchestration.Running))
			f.clock.Step(created)
			placeholder := f.mustCreateTask(t, parent.ID, "1")
			f.clock.SetTime(start)
			child := f.mustCreate(t, withParent(placeholder.ID), inState(orchestration.Completed))
			taskRuns.lost = false
			if err := f.RepairCopy(t.Context(), child); err != nil {
				t.Fatal(err)
			}
			if got := f.mustGetTask(t, placeholder.ID).State.Type; got != orchestration.Completed {
				t.Errorf("the task run is %s, want COMPLETED", got)
			}
		})
	}
}
