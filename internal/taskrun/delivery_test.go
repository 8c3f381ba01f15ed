package taskrun_test

import (
	"errors"
	"strings"
	"testing"

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
