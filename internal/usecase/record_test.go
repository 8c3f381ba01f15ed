package usecase_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

const (
	eventRun  = "0198a1b2-0000-7000-8000-0000000000e1"
	otherRun  = "0198a1b2-0000-7000-8000-0000000000e2"
	eventFlow = "0198a1b2-0000-7000-8000-0000000000f1"
)

// event returns the nth event of a run, a second after the previous one.
func event(run string, n int, kind orchestration.StateType, edits ...func(*taskrun.Event)) taskrun.Event {
	e := taskrun.Event{
		RunID: run,
		State: orchestration.State{
			ID: fmt.Sprintf("0198a1b2-0000-7000-9000-%s%04d", run[28:], n), Type: kind, Name: kind.DefaultName(),
			Timestamp: start.Add(time.Duration(n) * time.Second), Message: new(""),
			Details: orchestration.StateDetails{Deferred: new(false)},
		},
		Patch: taskrun.Patch{
			FlowRunID: taskrun.Null[string](), Name: taskrun.Set("ev"), TaskKey: taskrun.Set("k"), DynamicKey: taskrun.Set("d"),
			Tags: taskrun.Set([]string{"b", "a"}), Labels: taskrun.Set(map[string]json.RawMessage{"l": json.RawMessage("1")}),
			RunCount: taskrun.Set(int64(n)),
		},
	}
	for _, edit := range edits {
		edit(&e)
	}
	return e
}

// recorder records events, and keeps the rejected ones.
type recorder struct {
	*usecase.Service
	clock   *testingclock.FakeClock
	refused []string
}

func newRecorder() *recorder {
	clock := testingclock.NewFakeClock(start.Add(time.Minute))
	store := memory.NewWithClock(clock)
	return &recorder{Service: usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock}), clock: clock}
}

func (r *recorder) record(t *testing.T, events ...taskrun.Event) {
	t.Helper()
	err := r.Record(t.Context(), events, func(e taskrun.Event, err error) {
		r.refused = append(r.refused, e.State.Name+": "+err.Error())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *recorder) get(t *testing.T, id string) *taskrun.Run {
	t.Helper()
	run, err := r.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func stateNames(run *taskrun.Run) string {
	names := []string{}
	for _, s := range run.States() {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

func TestRecord_firstEventCreatesRun(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.record(t, event(eventRun, 1, orchestration.Running))
	run := r.get(t, eventRun)
	want := &taskrun.Run{
		ID: eventRun, Name: "ev", TaskKey: "k", DynamicKey: "d", Tags: []string{"b", "a"},
		Labels: map[string]json.RawMessage{"l": json.RawMessage("1")}, Created: run.Created, Updated: run.Created,
	}
	want.State = new(event(eventRun, 1, orchestration.Running).State)
	want.State.Reported = true
	want.CreatedViaREST = true
	want.RunCount = 1
	if diff := cmp.Diff(want, run, cmpopts.IgnoreFields(taskrun.Run{}, "Ref", "StatusStale")); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestRecord_firstEventNeedsOnlyKeys(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.record(t, event(eventRun, 1, orchestration.Running, func(e *taskrun.Event) {
		e.Patch = taskrun.Patch{FlowRunID: taskrun.Null[string](), TaskKey: e.Patch.TaskKey, DynamicKey: e.Patch.DynamicKey}
	}))
	run := r.get(t, eventRun)
	if run.Name == "" || !run.Reported.Labels.Given || run.Reported.Labels.Value != nil || run.RunCount != 0 || run.StartTime != nil {
		t.Errorf("run %+v, want a made-up name, labels null, and nothing counted", run)
	}
}

func TestRecord_updatesFieldsOfRun(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		columns taskrun.Patch
		check   func(*taskrun.Run) bool
	}{
		"an unset field is kept": {
			columns: taskrun.Patch{FlowRunID: taskrun.Null[string]()},
			check:   func(r *taskrun.Run) bool { return *r.CacheKey == "ck" && r.Name == "ev" && r.RunCount == 1 },
		},
		"null clears a field": {
			columns: taskrun.Patch{FlowRunID: taskrun.Null[string](), CacheKey: taskrun.Null[string]()},
			check:   func(r *taskrun.Run) bool { return r.CacheKey == nil },
		},
		"a value replaces a field": {
			columns: taskrun.Patch{Name: taskrun.Set("new"), Tags: taskrun.Set([]string{}), RunCount: taskrun.Set(int64(7)), EndTime: taskrun.Set(start)},
			check: func(r *taskrun.Run) bool {
				return r.Name == "new" && len(r.Tags) == 0 && r.RunCount == 7 && r.EndTime.Equal(start)
			},
		},
		"the flow run is set": {
			columns: taskrun.Patch{FlowRunID: taskrun.Set(eventFlow)},
			check:   func(r *taskrun.Run) bool { return r.FlowRunID == eventFlow },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			r.record(t, event(eventRun, 1, orchestration.Pending, func(e *taskrun.Event) { e.Patch.CacheKey = taskrun.Set("ck") }))
			r.record(t, event(eventRun, 2, orchestration.Running, func(e *taskrun.Event) { e.Patch = tt.columns }))
			if run := r.get(t, eventRun); !tt.check(run) {
				t.Errorf("run is %+v", run)
			}
		})
	}
}

func TestRecord_idsOfOneKeyAreOneRunOnlyInFlowRun(t *testing.T) {
	t.Parallel()
	inFlow := func(e *taskrun.Event) { e.Patch.FlowRunID = taskrun.Set(eventFlow) }
	tests := map[string]struct {
		edit func(*taskrun.Event)
		want string
	}{
		"inside":  {edit: inFlow, want: "Pending Running"},
		"outside": {edit: func(*taskrun.Event) {}, want: "Pending"},
	}
	for name, tt := range tests {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", together ", together), func(t *testing.T) {
				t.Parallel()
				r := newRecorder()
				events := []taskrun.Event{event(eventRun, 1, orchestration.Pending, tt.edit), event(otherRun, 2, orchestration.Running, tt.edit)}
				if together {
					r.record(t, events...)
				} else {
					r.record(t, events[0])
					r.record(t, events[1])
				}
				if got := stateNames(r.get(t, eventRun)); got != tt.want {
					t.Errorf("states of the first id: %s, want %s", got, tt.want)
				}
			})
		}
	}
}

func TestRecord_eventOfKnownStateChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	made := mustCreate(t, r.Service, newRun("1"))
	same := event(made.ID, 1, made.State.Type, func(e *taskrun.Event) {
		e.State.ID, e.State.Timestamp = made.State.ID, made.State.Timestamp
	})
	r.record(t, same)
	if after := r.get(t, made.ID); after.Ref != made.Ref {
		t.Errorf("the run was written: %+v", after)
	}
	older := event(made.ID, 2, orchestration.Scheduled, func(e *taskrun.Event) { e.State.Timestamp = made.State.Timestamp.Add(-time.Hour) })
	r.record(t, older)
	after := r.get(t, made.ID)
	if stateNames(after) != "Scheduled Pending" || after.Name != made.Name || !after.Updated.Equal(made.Updated) {
		t.Errorf("run %s with states %s, updated %s, want the older state kept and nothing else changed", after.Name, stateNames(after), after.Updated)
	}
}

func TestRecord_repeatedEventKeepsRename(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	only := event(eventRun, 1, orchestration.Running)
	r.record(t, only)
	if err := r.Rename(t.Context(), eventRun, "renamed"); err != nil {
		t.Fatal(err)
	}
	r.record(t, only)
	if run := r.get(t, eventRun); run.Name != "renamed" {
		t.Errorf("the run is called %s", run.Name)
	}
}

func TestRecord_nullNameIsGenerated(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.NewName = func() string { return "made-up" }
	r.record(t, event(eventRun, 1, orchestration.Pending))
	r.record(t, event(eventRun, 2, orchestration.Running, func(e *taskrun.Event) { e.Patch.Name = taskrun.Null[string]() }))
	if run := r.get(t, eventRun); run.Name != "made-up" {
		t.Errorf("the run is called %s", run.Name)
	}
}

func TestRecord_eventDoesNotSubmitRun(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.record(t, event(eventRun, 1, orchestration.Scheduled, func(e *taskrun.Event) { e.State.Details.Deferred = new(true) }))
	if run := r.get(t, eventRun); run.Waiting() {
		t.Errorf("the run waits for a worker: %+v", run.State)
	}
}

func TestRecord_resubmittedRunIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	submitted := func(name string, deferred bool) taskrun.Proposal {
		return taskrun.Proposal{Type: orchestration.Scheduled, Name: &name, Details: orchestration.StateDetails{Deferred: &deferred}, Force: true}
	}
	in := newRun("1")
	in.State = new(submitted("Scheduled", true))
	id := mustCreate(t, r.Service, in).ID
	lease := func() error { _, err := r.Lease(t.Context(), id, taskrun.Hold{Worker: "w"}); return err }
	if err := lease(); err != nil {
		t.Fatal(err)
	}
	mustSet(t, r.Service, id, submitted("Later", false))
	if err := lease(); !errors.Is(err, usecase.ErrNotWaiting) {
		t.Errorf("a state that is not to be run in the background: %v", err)
	}
	late := event(id, 1, orchestration.Scheduled, func(e *taskrun.Event) {
		e.State.Details.Deferred, e.State.Timestamp = new(true), start.Add(time.Hour)
	})
	r.record(t, late)
	if err := lease(); !errors.Is(err, usecase.ErrNotWaiting) {
		t.Errorf("a retry that its worker reported: %v", err)
	}
	mustSet(t, r.Service, id, submitted("AwaitingRetry", true))
	if err := lease(); err != nil {
		t.Errorf("submitted again: %v", err)
	}
}

func TestRecord_keepsTerminalStateSetByOthers(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	made := mustCreate(t, r.Service, newRun("1"))
	mustSet(t, r.Service, made.ID, taskrun.Proposal{Type: orchestration.Cancelled})
	late := func(n int, kind orchestration.StateType) taskrun.Event {
		return event(made.ID, n, kind, func(e *taskrun.Event) { e.State.Timestamp = start.Add(time.Hour + time.Duration(n)*time.Second) })
	}
	r.record(t, late(1, orchestration.Running), late(2, orchestration.Completed))
	if run := r.get(t, made.ID); run.State.Type != orchestration.Cancelled {
		t.Errorf("the run is %s", run.State.Type)
	}
	want := []string{"Running: " + usecase.ErrLate.Error(), "Completed: " + usecase.ErrLate.Error()}
	if diff := cmp.Diff(want, r.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

func TestRecord_reportedTerminalStateCanBeFollowed(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	rolledBack := event(eventRun, 2, orchestration.Completed, func(e *taskrun.Event) { e.State.Name = "RolledBack" })
	r.record(t, event(eventRun, 1, orchestration.Completed))
	r.record(t, rolledBack)
	if got := stateNames(r.get(t, eventRun)); got != "Completed RolledBack" {
		t.Errorf("states %s", got)
	}
}

func TestRecord_deletedRunStaysDeleted(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.record(t, event(eventRun, 1, orchestration.Running))
	if err := r.Delete(t.Context(), eventRun); err != nil {
		t.Fatal(err)
	}
	r.record(t, event(eventRun, 2, orchestration.Completed))
	if run, err := r.Get(t.Context(), eventRun); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("the run is %+v, error %v", run, err)
	}
	later := func(n int) taskrun.Event {
		return event(eventRun, n, orchestration.Completed, func(e *taskrun.Event) { e.State.Timestamp = start.Add(time.Hour) })
	}
	r.record(t, later(3))
	if run, err := r.Get(t.Context(), eventRun); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("after an event from later, the run is %+v, error %v", run, err)
	}
	recreated := newRun("1")
	recreated.Run.ID = eventRun
	mustCreate(t, r.Service, recreated)
	r.record(t, event(eventRun, 4, orchestration.Running), later(5))
	if got := stateNames(r.get(t, eventRun)); got != "Pending Completed" {
		t.Errorf("created again by a client, the run has states %s, want what was reported of it since", got)
	}
	want := slices.Repeat([]string{"Completed: " + usecase.ErrLate.Error()}, 2)
	if diff := cmp.Diff(append(want, "Running: "+usecase.ErrLate.Error()), r.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

func TestRecord_invalidEventLeavesOtherEvents(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	r.record(t,
		event(eventRun, 1, orchestration.Pending),
		event(eventRun, 2, orchestration.Running, func(e *taskrun.Event) { e.Patch.TaskKey = taskrun.Set(strings.Repeat("k", 600)) }),
		event(otherRun, 1, orchestration.Running, func(e *taskrun.Event) { e.Patch.DynamicKey = taskrun.Set(strings.Repeat("d", 600)) }),
		event(eventRun, 3, orchestration.Completed),
	)
	if got := stateNames(r.get(t, eventRun)); got != "Pending Completed" || len(r.refused) != 2 {
		t.Errorf("states %s, refused %v", got, r.refused)
	}
}

func TestRecord_ignoresRepeatedEventOfDroppedState(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	for n := range taskrun.MaxHistory + 5 {
		r.record(t, event(eventRun, n+1, orchestration.Running))
	}
	before := r.get(t, eventRun)
	r.record(t, event(eventRun, 1, orchestration.Running))
	if after := r.get(t, eventRun); after.Ref != before.Ref || after.HistoryDropped == 0 {
		t.Errorf("dropped %d, then %d", before.HistoryDropped, after.HistoryDropped)
	}
}
