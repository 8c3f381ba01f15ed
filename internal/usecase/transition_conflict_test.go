package usecase_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// losing is a store in which other writers succeed first a number of times.
type losing struct {
	taskrun.Store
	left, writes int
}

func (l *losing) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if l.writes++; l.left > 0 {
		l.left--
		return nil, taskrun.ErrConflict
	}
	return l.Store.UpdateProgress(ctx, run)
}

func TestSetState_retriesConflictsUpToLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		conflicts, wantWrites int
		want                  error
	}{
		"without a conflict":              {0, 1, nil},
		"the maximum number of conflicts": {39, 40, nil},
		"more conflicts":                  {1000, 40, taskrun.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSlotsFixture(map[string]int64{"a": 1})
			run := b.tagged(t, "k", "a")
			store := &losing{Store: b.Store, left: tt.conflicts}
			b.Store = store
			outcome, err := b.SetState(t.Context(), run.ID, toRunning)
			if !errors.Is(err, tt.want) || store.writes != tt.wantWrites || outcome.Written != (tt.want == nil) {
				t.Errorf("written %t after %d writes, error %v, want %d writes, %v", outcome.Written, store.writes, err, tt.wantWrites, tt.want)
			}
			if released := slices.Contains(b.slots.calls, "give back"); released != (tt.want != nil) {
				t.Errorf("the slot was released: %t", released)
			}
		})
	}
}

// flowRuns has one flow run, or fails.
type flowRuns struct {
	facts *orchestration.FlowRun
	shown *usecase.FlowRun
	err   error
}

func (f flowRuns) Facts(context.Context, string) (*orchestration.FlowRun, error) {
	return f.facts, f.err
}

func (f flowRuns) Describe(context.Context, string) (*usecase.FlowRun, error) {
	return f.shown, f.err
}

func TestSetState_rulesReadFlowRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		flowRuns  usecase.FlowRuns // nil: none are kept
		wantErr   error
		wantCount int64
	}{
		"no flow runs are stored":    {},
		"it has started three times": {flowRuns: flowRuns{facts: &orchestration.FlowRun{State: &orchestration.State{Type: orchestration.Running}, RunCount: 3}}, wantCount: 3},
		"it cannot be read":          {flowRuns: flowRuns{err: taskrun.ErrUnavailable}, wantErr: taskrun.ErrUnavailable},
		"it does not exist":          {flowRuns: flowRuns{err: taskrun.ErrNotFound}, wantErr: usecase.ErrNoFlowRun},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := usecase.New(usecase.Options{
				Namespace: "default", Store: memory.New(), Clock: testingclock.NewFakeClock(start), FlowRuns: tt.flowRuns,
			})
			in := newRun("k")
			in.Run.FlowRunID = eventFlow
			known, _ := newService(s.Store)
			run := mustCreate(t, known, in)
			outcome, err := s.SetState(t.Context(), run.ID, toRunning)
			if !errors.Is(err, tt.wantErr) {
				t.Fatalf("error %v, want %v", err, tt.wantErr)
			}
			if err == nil && (!outcome.Written || outcome.Run.FlowRunRunCount != tt.wantCount) {
				t.Errorf("written %t, flow run's count %d, want %d", outcome.Written, outcome.Run.FlowRunRunCount, tt.wantCount)
			}
		})
	}
}

func TestExpire_deletesRunNotBeforeExpiration(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		early         time.Duration
		wantRemaining time.Duration
		wantDeleted   bool
	}{
		"a microsecond before": {early: time.Microsecond, wantRemaining: time.Microsecond},
		"at the expiration":    {wantDeleted: true},
		"after the expiration": {early: -time.Second, wantDeleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			run := applied(t, store, taskrun.Proposal{Type: orchestration.Completed}, func(r *taskrun.Run) { r.TTL = new(time.Minute) })
			s := usecase.New(usecase.Options{
				Namespace: "default", Store: store, Clock: testingclock.NewFakePassiveClock(run.EndRecorded.Add(time.Minute - tt.early)),
			})
			remaining, deleted, err := s.Expire(t.Context(), run.ID)
			if err != nil || remaining != tt.wantRemaining || deleted != tt.wantDeleted {
				t.Errorf("remaining %s, deleted %t, error %v, want %s, %t", remaining, deleted, err, tt.wantRemaining, tt.wantDeleted)
			}
		})
	}
}

func TestExpiration_keepsStoredTimeWithinOneSecond(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stored, now *time.Time
		want        bool
	}{
		"neither":                 {want: true},
		"no stored time":          {now: &start},
		"no longer an expiration": {stored: &start},
		"the same time":           {stored: &start, now: &start, want: true},
		"almost a second later":   {stored: &start, now: new(start.Add(time.Second - 1)), want: true},
		"almost a second earlier": {stored: &start, now: new(start.Add(-time.Second + 1)), want: true},
		"a second later":          {stored: &start, now: new(start.Add(time.Second))},
		"a second earlier":        {stored: &start, now: new(start.Add(-time.Second))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := &taskrun.Run{ExpirationTime: tt.stored}
			if got := run.ShowsExpiration(tt.now); got != tt.want {
				t.Errorf("holds %t, want %t", got, tt.want)
			}
		})
	}
}
