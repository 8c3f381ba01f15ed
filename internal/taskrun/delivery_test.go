package taskrun_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestSubmission_isInStatesButNotInReports(t *testing.T) {
	t.Parallel()
	state := func(deferred *bool, reported bool) orchestration.State {
		return orchestration.State{Type: orchestration.Scheduled, Reported: reported, Details: orchestration.StateDetails{Deferred: deferred, TaskParametersID: "p"}}
	}
	for name, tt := range map[string]struct {
		run            taskrun.Run
		wantID         string
		wantBackground bool
	}{
		"a deferred state":                        {run: withStates(state(new(true), false)), wantID: "p", wantBackground: true},
		"an earlier deferred state":               {run: withStates(state(new(true), false), orchestration.State{Type: orchestration.Running}), wantID: "p", wantBackground: true},
		"a delivery":                              {run: taskrun.Run{Delivery: &taskrun.Delivery{}}, wantBackground: true},
		"a state that is not deferred":            {run: withStates(state(new(false), false))},
		"a state without deferred":                {run: withStates(state(nil, false))},
		"a deferred state that a worker reported": {run: withStates(state(new(true), true))},
		"the newest parameters are returned":      {run: withStates(orchestration.State{Details: orchestration.StateDetails{TaskParametersID: "old"}}, state(new(true), false)), wantID: "p", wantBackground: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if id, background := tt.run.Submission(); id != tt.wantID || background != tt.wantBackground {
				t.Errorf("parameters %q, background %t, want %q, %t", id, background, tt.wantID, tt.wantBackground)
			}
		})
	}
}

// withStates returns a run with these states, oldest first.
func withStates(states ...orchestration.State) taskrun.Run {
	last := len(states) - 1
	return taskrun.Run{History: states[:last], Progress: orchestration.Progress{State: &states[last]}}
}

func TestCheckHolder_limitsLength(t *testing.T) {
	t.Parallel()
	if err := taskrun.CheckHolder(strings.Repeat("é", taskrun.MaxHolder)); err != nil {
		t.Errorf("the longest id: %v", err)
	}
	if invalid, ok := errors.AsType[*taskrun.InvalidError](taskrun.CheckHolder(strings.Repeat("é", taskrun.MaxHolder+1))); !ok || invalid.Field != "client_id" {
		t.Errorf("an id that is too long: %v", invalid)
	}
}

func TestHolds_withIncompleteHistory(t *testing.T) {
	t.Parallel()
	running := func(id string) orchestration.State { return orchestration.State{ID: id, Type: orchestration.Running} }
	for name, tt := range map[string]struct {
		dropped int64
		stateID string
		want    bool
	}{
		"a state of the history":                           {0, "a", true},
		"a state that the run never had":                   {0, "c", false},
		"a state that may have been dropped":               {1, "c", true},
		"a state of the history after others were dropped": {1, "b", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := withStates(running("a"), running("b"))
			run.HistoryDropped = tt.dropped
			if got := run.Holds(tt.stateID); got != tt.want {
				t.Errorf("holds %t, want %t", got, tt.want)
			}
		})
	}
}

func TestDelivery_Count(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]string{0: "delivered 0 times", 1: "delivered once", 3: "delivered 3 times"} {
		if got := (&taskrun.Delivery{Attempts: attempts}).Count(); got != want {
			t.Errorf("Count() of %d = %q, want %q", attempts, got, want)
		}
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	scheduled := orchestration.State{Type: orchestration.Scheduled, Details: orchestration.StateDetails{Deferred: new(true)}}
	reported := scheduled
	reported.Reported = true
	plain := orchestration.State{Type: orchestration.Scheduled}
	in := func(state orchestration.State, delivery *taskrun.Delivery) taskrun.Run {
		run := withStates(state)
		run.Delivery = delivery
		return run
	}
	held := in(scheduled, nil)
	held.OnHold = true
	for name, tc := range map[string]struct {
		run  taskrun.Run
		want bool
	}{
		"without a state":              {taskrun.Run{}, false},
		"submitted":                    {in(scheduled, nil), true},
		"not submitted":                {in(plain, nil), false},
		"reported as deferred":         {in(reported, nil), false},
		"running":                      {in(orchestration.State{Type: orchestration.Running, Details: scheduled.Details}, nil), false},
		"held by a worker":             {in(scheduled, &taskrun.Delivery{Holder: "w"}), false},
		"released by a worker":         {in(plain, &taskrun.Delivery{Attempts: 1}), true},
		"on hold":                      {held, false},
		"released, reported by it too": {in(reported, &taskrun.Delivery{Attempts: 1}), true},
	} {
		if got := tc.run.Waiting(); got != tc.want {
			t.Errorf("%s: waiting %t, want %t", name, got, tc.want)
		}
	}
}

func TestDeliverFirst(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	submitted := func(due time.Time) *taskrun.Run {
		run := withStates(orchestration.State{
			Type: orchestration.Scheduled, Timestamp: created, Details: orchestration.StateDetails{Deferred: new(true), ScheduledTime: &due},
		})
		run.Created = created
		return &run
	}
	to := taskrun.Hold{Worker: "w", LeaseNamespace: "ns"}
	for name, tc := range map[string]struct {
		run  *taskrun.Run
		to   taskrun.Hold
		want bool
	}{
		"due when it is created":       {submitted(created), to, true},
		"due later":                    {submitted(created.Add(time.Second)), to, false},
		"due earlier, and no worker":   {submitted(created.Add(-time.Second)), taskrun.Hold{}, false},
		"due earlier, with a worker":   {submitted(created.Add(-time.Second)), to, true},
		"not submitted, with a worker": {&taskrun.Run{Created: created}, to, false},
	} {
		tc.run.DeliverFirst(tc.to)
		if got := tc.run.Held(); got != tc.want {
			t.Errorf("%s: held %t, want %t", name, got, tc.want)
		}
		if !tc.want {
			if tc.run.Attempts() != 0 || tc.run.Holder() != "" || tc.run.Hold() != (taskrun.Hold{}) {
				t.Errorf("%s: delivery %+v, want none", name, tc.run.Delivery)
			}
			continue
		}
		if tc.run.Attempts() != 1 || tc.run.Holder() != "w" || tc.run.Hold() != to || !tc.run.Delivery.Since.Equal(created) {
			t.Errorf("%s: delivery %+v", name, tc.run.Delivery)
		}
	}
}

func TestDueIn_isTheScheduledTimeOrThatOfTheState(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	state := &orchestration.State{Timestamp: at}
	if due := taskrun.DueIn(state); !due.Equal(at) {
		t.Errorf("due at %s, want %s", due, at)
	}
	later := at.Add(time.Hour)
	state.Details.ScheduledTime = &later
	if due := taskrun.DueIn(state); !due.Equal(later) {
		t.Errorf("due at %s, want %s", due, later)
	}
}
