package controller

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// fakeFlowRuns has one run, and records the calls.
type fakeFlowRuns struct {
	run *flowrun.Run
	err error // of each call
	ttl *time.Duration

	moreChildren bool // after a call of CancelChildren

	calls []string
}

func (f *fakeFlowRuns) change(call string, change func(*flowrun.Run)) (*flowrun.Run, error) {
	f.calls = append(f.calls, call)
	if f.err != nil {
		return nil, f.err
	}
	next := *f.run
	next.StatusStale = false
	change(&next)
	f.run = &next
	return f.run, nil
}

func (f *fakeFlowRuns) PersistStatus(context.Context, string) (*flowrun.Run, error) {
	return f.change("PersistStatus", func(run *flowrun.Run) { run.ExpirationTime, _ = f.Expiration(run) })
}

func (f *fakeFlowRuns) ExpirePause(context.Context, string) (*flowrun.Run, error) {
	return f.change("ExpirePause", func(run *flowrun.Run) { run.State = newState(orchestration.Failed) })
}

func (f *fakeFlowRuns) EndCancelling(context.Context, string) (*flowrun.Run, error) {
	return f.change("EndCancelling", func(run *flowrun.Run) { run.State = newState(orchestration.Cancelled) })
}

func (f *fakeFlowRuns) MarkLate(context.Context, string) (*flowrun.Run, error) {
	return f.change("MarkLate", func(run *flowrun.Run) {
		run.State = newState(orchestration.Scheduled)
		run.State.ID, run.State.Name = uuid.NewString(), orchestration.NameLate
	})
}

func (f *fakeFlowRuns) RepairCopy(context.Context, *flowrun.Run) error {
	f.calls = append(f.calls, "RepairCopy")
	return f.err
}

func (f *fakeFlowRuns) CancelChildren(context.Context, *flowrun.Run) (bool, error) {
	f.calls = append(f.calls, "CancelChildren")
	return f.moreChildren, f.err
}

func (f *fakeFlowRuns) Expiration(run *flowrun.Run) (*time.Time, bool) {
	if !run.Finished() {
		return nil, true
	}
	return usecase.ExpirationTime(run.TTL, run.EndRecorded, "default", f)
}

func (f *fakeFlowRuns) FinishedTTL(string) (*time.Duration, bool) { return f.ttl, true }

func (f *fakeFlowRuns) FinishedWithoutTTL(_ context.Context, visit func(string)) error {
	visit("hello")
	return f.err
}

func (f *fakeFlowRuns) Expire(context.Context, string) (time.Duration, bool, error) {
	f.calls = append(f.calls, "Expire")
	return 0, f.err == nil, f.err
}

// flowFixture is a FlowReconciler with one object, hello.
type flowFixture struct {
	*FlowReconciler
	runs  *fakeFlowRuns
	clock *testingclock.FakePassiveClock
	idle  time.Duration
}

func newFlowFixture(run *flowrun.Run) *flowFixture {
	b := &flowFixture{runs: &fakeFlowRuns{run: run}, clock: testingclock.NewFakePassiveClock(start)}
	b.FlowReconciler = &FlowReconciler{
		Options: DefaultOptions(),
		Object: func(_, name string) *flowrun.Object {
			switch {
			case name != "hello" || b.runs.run == nil:
				return nil
			default:
				return &flowrun.Object{Run: b.runs.run}
			}
		},
		Runs:    func(string) FlowRuns { return b.runs },
		Clock:   b.clock,
		IdleFor: func() time.Duration { return b.idle },
		Events:  events.NewFakeRecorder(16),
	}
	return b
}

func (b *flowFixture) reconcile(t *testing.T) (Result, error) {
	t.Helper()
	return b.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "default", Name: "hello"}})
}

// newFlowRun returns a stored run, RUNNING.
func newFlowRun(change func(*flowrun.Run)) *flowrun.Run {
	run := &flowrun.Run{
		ID: runID, FlowID: object, Created: start, Updated: start,
		Ref: taskrun.ObjectRef{UID: "uid", ResourceVersion: "100", Name: "hello", Generation: 1},
	}
	run.State = newState(orchestration.Running)
	if change != nil {
		change(run)
	}
	return run
}
