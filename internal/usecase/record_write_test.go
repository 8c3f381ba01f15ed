package usecase_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// wholeEvent reports all fields of a run that is created with its state: no second write is needed.
func wholeEvent(edits ...func(*taskrun.Event)) taskrun.Event {
	return event(eventRun, 1, orchestration.Running, append([]func(*taskrun.Event){func(e *taskrun.Event) {
		state := e.State
		state.Reported = true
		p := taskrun.Begin(taskrun.Run{ID: eventRun, TaskKey: "k", DynamicKey: "d"}, state).Progress
		e.Patch.RunCount, e.Patch.FlowRunRunCount = taskrun.Set(p.RunCount), taskrun.Set(p.FlowRunRunCount)
		e.Patch.TotalRunTime = taskrun.Set(p.TotalRunTime)
		for column, at := range map[*taskrun.Optional[time.Time]]*time.Time{
			&e.Patch.ExpectedStartTime: p.ExpectedStartTime, &e.Patch.NextScheduledStartTime: p.NextScheduledStartTime,
			&e.Patch.StartTime: p.StartTime, &e.Patch.EndTime: p.EndTime,
		} {
			if at != nil {
				*column = taskrun.Set(*at)
			}
		}
	}}, edits...)...)
}

// countingBroken counts the writes of progress of a store that creates runs with only their states.
type countingBroken struct {
	*brokenStore
	writes int
}

func (c *countingBroken) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	c.writes++
	return c.brokenStore.UpdateProgress(ctx, run)
}

func newCountingRecorder() (*recorder, *countingBroken) {
	clock := testingclock.NewFakeClock(start.Add(time.Hour))
	store := &countingBroken{brokenStore: &brokenStore{Store: memory.NewWithClock(clock)}}
	return &recorder{Service: usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock}), clock: clock}, store
}

func TestRecord_writesCreatedRunAgainOnlyIfItDiffers(t *testing.T) {
	t.Parallel()
	pending := event(eventRun, 0, orchestration.Pending, func(e *taskrun.Event) {
		e.Patch.RunCount = taskrun.Optional[int64]{}
	})
	for name, tt := range map[string]struct {
		events     []taskrun.Event
		wantWrites int
		wantStates string
		want       func(*taskrun.Run) bool
	}{
		"the event has only its state": {events: []taskrun.Event{wholeEvent()}, wantStates: "Running"},
		"the run has an earlier state": {events: []taskrun.Event{pending, wholeEvent()}, wantWrites: 1, wantStates: "Pending Running"},
		"the labels are null": {
			events:     []taskrun.Event{wholeEvent(func(e *taskrun.Event) { e.Patch.Labels = taskrun.Null[map[string]json.RawMessage]() })},
			wantWrites: 1, wantStates: "Running",
			want: func(r *taskrun.Run) bool {
				return r.Reported != nil && r.Reported.Labels.Given && r.Reported.Labels.Value == nil
			},
		},
		"the state follows an unknown one": {
			events:     []taskrun.Event{wholeEvent(func(e *taskrun.Event) { e.State.Follows = eventID(9) })},
			wantWrites: 1, wantStates: "Running", want: func(r *taskrun.Run) bool { return r.State.Follows == eventID(9) },
		},
		"the event has another run count": {
			events:     []taskrun.Event{wholeEvent(func(e *taskrun.Event) { e.Patch.RunCount = taskrun.Set(int64(7)) })},
			wantWrites: 1, wantStates: "Running", want: func(r *taskrun.Run) bool { return r.RunCount == 7 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, store := newCountingRecorder()
			r.record(t, tt.events...)
			run := r.get(t, eventRun)
			if store.writes != tt.wantWrites || stateNames(run) != tt.wantStates || (tt.want != nil && !tt.want(run)) {
				t.Errorf("%d writes, states %s of %+v, want %d, %s", store.writes, stateNames(run), run, tt.wantWrites, tt.wantStates)
			}
		})
	}
}

// The second of the two writes that create the run fails with a conflict: the events are merged into the stored
// run.
func TestRecord_mergesEventsAfterConflictOfSecondWrite(t *testing.T) {
	t.Parallel()
	pending := event(eventRun, 0, orchestration.Pending)
	noLabels := func(e *taskrun.Event) { e.Patch.Labels = taskrun.Null[map[string]json.RawMessage]() }
	for name, tt := range map[string]struct {
		events       []taskrun.Event
		wantStates   string
		wantReported bool
	}{
		"of several events":               {[]taskrun.Event{pending, wholeEvent()}, "Pending Running", false},
		"an event without labels":         {[]taskrun.Event{wholeEvent(noLabels)}, "Running", true},
		"an event with another run count": {[]taskrun.Event{wholeEvent(func(e *taskrun.Event) { e.Patch.RunCount = taskrun.Set(int64(7)) })}, "Running", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, store := newBrokenRecorder(taskrun.ErrConflict)
			r.record(t, tt.events...)
			run := r.get(t, eventRun)
			if !store.failed || stateNames(run) != tt.wantStates || (run.Reported != nil) != tt.wantReported {
				t.Errorf("states %s, reported %+v, want %s, %t; conflict %t", stateNames(run), run.Reported, tt.wantStates, tt.wantReported, store.failed)
			}
		})
	}
}

func TestRecord_notifiesOfChangedStateOnly(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	n := &transitions{}
	r.Notifier = n
	for _, step := range []struct {
		e    taskrun.Event
		want []orchestration.StateType
	}{
		{event(eventRun, 2, orchestration.Running), []orchestration.StateType{orchestration.Running}},
		{event(eventRun, 1, orchestration.Pending), nil},
		{event(eventRun, 2, orchestration.Running), nil},
		{event(eventRun, 3, orchestration.Completed), []orchestration.StateType{orchestration.Completed}},
	} {
		n.types = nil
		r.record(t, step.e)
		if diff := cmp.Diff(step.want, n.types); diff != "" {
			t.Errorf("notified of, after %s (-want +got):\n%s", step.e.State.Name, diff)
		}
	}
	if names := stateNames(r.get(t, eventRun)); names != "Pending Running Completed" {
		t.Errorf("states %s", names)
	}
}

// unindexed is a store that has not indexed its runs yet, and may be unavailable.
type unindexed struct {
	taskrun.Store
	get error
}

func (unindexed) Known(string) *taskrun.Run { return nil }

func (u unindexed) Get(ctx context.Context, id string) (*taskrun.Run, error) {
	if u.get != nil {
		return nil, u.get
	}
	return u.Store.Get(ctx, id)
}

func TestRecord_rejectsCreateWithoutPermission(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stored      bool
		check, get  error
		want        error
		wantRefused int
		wantStates  string
	}{
		"a run that another replica created": {stored: true, check: taskrun.ErrForbidden, wantStates: "Running Completed"},
		"a run that does not exist":          {check: taskrun.ErrForbidden, wantRefused: 1},
		"a run that cannot be read":          {check: taskrun.ErrForbidden, get: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
		"an unknown permission":              {check: taskrun.ErrUnavailable, want: taskrun.ErrUnavailable},
		"a permission that exists":           {wantStates: "Completed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			if tt.stored {
				r.record(t, event(eventRun, 1, orchestration.Running))
			}
			service := usecase.New(usecase.Options{Namespace: "default", Store: unindexed{r.Store, tt.get}, Clock: r.clock})
			ctx := usecase.WithCreateCheck(t.Context(), func(context.Context) error { return tt.check })
			refused := 0
			err := service.Record(ctx, []taskrun.Event{event(eventRun, 2, orchestration.Completed)}, func(_ taskrun.Event, err error) {
				if refused++; !errors.Is(err, taskrun.ErrForbidden) {
					t.Errorf("refused: %v", err)
				}
			})
			if !errors.Is(err, tt.want) || refused != tt.wantRefused {
				t.Errorf("error %v, %d refused, want %v, %d", err, refused, tt.want, tt.wantRefused)
			}
			if tt.wantStates != "" {
				if names := stateNames(r.get(t, eventRun)); names != tt.wantStates {
					t.Errorf("states %s, want %s", names, tt.wantStates)
				}
			}
		})
	}
}

// Only events that follow a state of the new run, or one of its events, belong to it.
func TestRecord_recreatedRunRejectsEventsThatFollowEarlierStates(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	old := deferredRun(t, r)
	if err := r.Delete(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	run := deferredRun(t, r)
	own := func(e taskrun.Event) taskrun.Event { e.State.Follows = run.State.ID; return e }
	r.record(t,
		own(reported{n: 1, kind: orchestration.Pending, at: -3600}.event(run)),
		reported{n: 2, kind: orchestration.Running, at: -3599, follows: 1}.event(run),
		reported{n: 3, kind: orchestration.Failed, at: -3598, follows: 9}.event(run))
	if names := stateNames(r.get(t, run.ID)); names != "Scheduled Pending Running" {
		t.Errorf("states %s", names)
	}
	if diff := cmp.Diff([]string{"Failed: " + usecase.ErrLate.Error()}, r.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// An event can follow the first state of a run like any other.
func TestRecord_ordersStatesThatFollowFirstState(t *testing.T) {
	t.Parallel()
	t.Run("comes after later states of the operator", func(t *testing.T) {
		t.Parallel()
		r := newRecorder()
		run := mustCreate(t, r.Service, newRun("1"))
		r.clock.Step(time.Minute)
		mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Paused, Force: true})
		e := reported{n: 1, kind: orchestration.Running, at: 1}.event(run)
		e.State.Follows = run.State.ID
		r.record(t, e)
		if names := stateNames(r.get(t, run.ID)); names != "Pending Paused Running" {
			t.Errorf("states %s", names)
		}
	})
	t.Run("in the order of times if all follow the delivery", func(t *testing.T) {
		t.Parallel()
		r := newRecorder()
		run := deferredRun(t, r)
		for n, kind := range []orchestration.StateType{orchestration.Pending, orchestration.Running} {
			e := reported{n: n + 1, kind: kind, at: float64(n + 1)}.event(run)
			e.State.Follows = run.State.ID
			r.record(t, e)
		}
		if names := stateNames(r.get(t, run.ID)); names != "Scheduled Pending Running" {
			t.Errorf("states %s", names)
		}
	})
	t.Run("belongs to the former worker if the run was delivered again", func(t *testing.T) {
		t.Parallel()
		r := newRecorder()
		run := deferredRun(t, r)
		mustSet(t, r.Service, run.ID, taskrun.Proposal{Type: orchestration.Pending, Force: true})
		if _, err := r.Abandon(t.Context(), run.ID, run.Hold(), 5); err != nil {
			t.Fatal(err)
		}
		r.clock.Step(time.Minute)
		if _, err := r.Lease(t.Context(), run.ID, taskrun.Hold{Worker: "other"}); err != nil {
			t.Fatal(err)
		}
		e := reported{n: 1, kind: orchestration.Running, at: 3600}.event(run)
		e.State.Follows = run.State.ID
		r.record(t, e)
		if got := r.get(t, run.ID); got.State.Type != orchestration.Scheduled || got.Holder() != "other" {
			t.Errorf("states %s, held by %q, want Scheduled last", stateNames(got), got.Holder())
		}
	})
}
