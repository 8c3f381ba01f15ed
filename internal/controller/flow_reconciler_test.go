package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestFlowReconciler_callsUseCasesThatAreDue(t *testing.T) {
	t.Parallel()
	minute := time.Minute
	in := func(kind orchestration.StateType, change func(*flowrun.Run)) *flowrun.Run {
		return newFlowRun(func(run *flowrun.Run) {
			run.State = newState(kind)
			if run.Finished() {
				run.EndRecorded = start
			}
			if change != nil {
				change(run)
			}
		})
	}
	pausedFor := func(d time.Duration) *flowrun.Run {
		return in(orchestration.Paused, func(run *flowrun.Run) { run.State.Details.PauseTimeout = new(start.Add(d)) })
	}
	subflow := func(run *flowrun.Run) { run.ParentTaskRunID = runID }
	scheduled := in(orchestration.Scheduled, func(run *flowrun.Run) { run.NextScheduledStartTime = &start })
	stale := func(viaREST bool) *flowrun.Run {
		return in(orchestration.Pending, func(run *flowrun.Run) { run.StatusStale, run.CreatedViaREST = true, viaREST })
	}
	cases := map[string]struct {
		run       *flowrun.Run
		ttl       *time.Duration
		more      bool // children after a call of CancelChildren
		idle      time.Duration
		after     time.Duration
		wantCalls []string
		wantAfter time.Duration
	}{
		"nothing of a deleted object":                      {},
		"nothing of a running run":                         {run: in(orchestration.Running, nil), after: time.Hour},
		"nothing within 10 s after the timeout of a pause": {run: pausedFor(minute), after: minute, wantAfter: 10 * time.Second},
		"nothing of a pause without a timeout":             {run: in(orchestration.Paused, nil), after: time.Hour},
		"the end of a pause":                               {run: pausedFor(minute), after: minute + 10*time.Second, wantCalls: []string{"ExpirePause"}},
		"the end of a pause, then its expiration":          {run: pausedFor(minute), after: 2 * minute, ttl: &minute, wantCalls: []string{"ExpirePause"}, wantAfter: untilRuleKnown},
		"nothing of a cancellation within 300 s":           {run: in(orchestration.Cancelling, nil), after: minute, wantAfter: 4 * minute},
		"the end of a cancellation":                        {run: in(orchestration.Cancelling, nil), after: 5 * minute, wantCalls: []string{"EndCancelling", "CancelChildren"}, wantAfter: 20 * time.Second},
		"nothing of a scheduled run within 15 s":           {run: scheduled, after: 5 * time.Second, wantAfter: 10 * time.Second},
		"the mark of a late run":                           {run: scheduled, after: 15 * time.Second, wantCalls: []string{"MarkLate"}},
		"nothing of a subflow within 5 s":                  {run: in(orchestration.Running, subflow), after: time.Second, wantAfter: 4 * time.Second},
		"the copy of a subflow's state":                    {run: in(orchestration.Running, subflow), after: 5 * time.Second, wantCalls: []string{"RepairCopy"}},
		"the children of a cancelled run, and again after 20 s": {
			run: in(orchestration.Cancelled, nil), after: 10 * minute, wantCalls: []string{"CancelChildren"}, wantAfter: 20 * time.Second,
		},
		"the children of a cancelled run, less often later": {
			run: in(orchestration.Cancelled, nil), after: time.Hour, wantCalls: []string{"CancelChildren"}, wantAfter: 2 * minute,
		},
		"the children of a cancelled run, as long as it exists": {
			run: in(orchestration.Cancelled, nil), after: 48 * time.Hour, wantCalls: []string{"CancelChildren"}, wantAfter: maxWait,
		},
		"more children of a cancelled run, before its expiration": {
			run: in(orchestration.Cancelled, nil), more: true, ttl: &minute, after: minute, wantCalls: []string{"CancelChildren"}, wantAfter: minWait,
		},
		"the children of a cancelled run, then its expiration": {
			run: in(orchestration.Cancelled, nil), ttl: &minute, after: minute, wantCalls: []string{"CancelChildren", "Expire"}, wantAfter: 20 * time.Second,
		},
		"no children of a run that failed or crashed": {run: in(orchestration.Crashed, nil), after: minute},
		"nothing before the status write delay":       {run: stale(false), after: 100 * time.Millisecond, wantAfter: 400 * time.Millisecond},
		"the first status":                            {run: stale(false), after: time.Second, wantCalls: []string{"PersistStatus"}},
		"nothing of a REST run while clients write":   {run: stale(true), after: 10 * time.Second, wantAfter: 20 * time.Second},
		"the first status of a REST run when clients are idle": {
			run: stale(true), after: time.Second, idle: idleBeforeWrite, wantCalls: []string{"PersistStatus"},
		},
		"the first status of a REST run at the maximum delay": {run: stale(true), after: minute, wantCalls: []string{"PersistStatus"}},
		"a new expiration time":                               {run: in(orchestration.Failed, nil), ttl: &minute, after: 20 * time.Second, wantCalls: []string{"PersistStatus"}, wantAfter: 40 * time.Second},
		"the expiration":                                      {run: in(orchestration.Failed, nil), ttl: &minute, after: minute, wantCalls: []string{"Expire"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFlowFixture(tc.run)
			b.runs.ttl, b.runs.moreChildren, b.idle = tc.ttl, tc.more, tc.idle
			b.clock.SetTime(start.Add(tc.after))
			result, err := b.reconcile(t)
			check(t, result, err, tc.wantAfter)
			if diff := cmp.Diff(tc.wantCalls, b.runs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlowReconciler_retriesFailedCall(t *testing.T) {
	t.Parallel()
	b := newFlowFixture(newFlowRun(func(run *flowrun.Run) { run.StatusStale = true }))
	b.runs.err = taskrun.ErrUnavailable
	b.clock.SetTime(start.Add(time.Minute))
	if _, err := b.reconcile(t); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

func TestFlowReconciler_requeuesChangedObjectsWhenSomethingIsDue(t *testing.T) {
	t.Parallel()
	fresh := func(change func(*flowrun.Run)) *flowrun.Run {
		return newFlowRun(func(run *flowrun.Run) {
			run.StatusStale, run.CreatedViaREST = true, true
			if change != nil {
				change(run)
			}
		})
	}
	const low = handler.LowPriority
	cases := map[string]struct {
		run  *flowrun.Run
		want addition
	}{
		"a run created over REST waits for its first status": {fresh(nil), addition{after: 400 * time.Millisecond, priority: low}},
		"a run created with kubectl does not wait":           {fresh(func(run *flowrun.Run) { run.CreatedViaREST = false }), addition{}},
		"a run with a status does not wait":                  {fresh(func(run *flowrun.Run) { run.StatusStale = false }), addition{}},
		"a finished run can expire":                          {fresh(func(run *flowrun.Run) { run.State = newState(orchestration.Failed) }), addition{}},
		"a run with a deadline does not wait":                {fresh(func(run *flowrun.Run) { run.State = newState(orchestration.Cancelling) }), addition{}},
		"an object that is not a run does not wait":          {},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFlowFixture(nil)
			b.clock.SetTime(start.Add(100 * time.Millisecond))
			b.OnChange = func(call flowrun.ObjectChanged) func() {
				call("team", "hello", tc.run)
				return func() {}
			}
			b.EachObject = func(visit func(namespace, name string)) { visit("team", "old") }
			queue := &delayedQueue{}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := b.changes().Start(ctx, queue); err != nil {
				t.Fatal(err)
			}
			tc.want.name = "team/hello"
			want := []addition{tc.want, {name: "team/old", priority: low}}
			if diff := cmp.Diff(want, queue.added, cmp.AllowUnexported(addition{})); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlowReconciler_requeuesFinishedRunsAfterRuleChange(t *testing.T) {
	t.Parallel()
	b := newFlowFixture(nil)
	var changed func(string)
	b.OnRuleChange = func(f func(string)) { changed = f }
	queue := &delayedQueue{}
	if err := b.ruleChanges().Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	changed("team")
	want := []addition{{name: "team/hello", priority: handler.LowPriority}}
	if diff := cmp.Diff(want, queue.added, cmp.AllowUnexported(addition{})); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
