package flowrun_test

import (
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

func TestLateTime(t *testing.T) {
	scheduled := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		stateName string
		since     time.Duration // of the state, after the scheduled time
		want      time.Duration // after the scheduled time; negative: never
	}{
		"scheduled for later":     {stateName: "Scheduled", since: -time.Hour, want: 15 * time.Second},
		"scheduled for the past":  {stateName: "Scheduled", since: time.Hour, want: time.Hour + 15*time.Second},
		"late already":            {stateName: "Late", since: -time.Hour, want: -1},
		"waits for its own retry": {stateName: "AwaitingRetry", since: -time.Hour, want: -1},
	} {
		t.Run(name, func(t *testing.T) {
			state := &orchestration.State{Type: orchestration.Scheduled, Name: test.stateName, Timestamp: scheduled.Add(test.since)}
			run := &flowrun.Run{}
			run.State, run.NextScheduledStartTime = state, &scheduled
			late := run.LateTime()
			switch {
			case late == nil && test.want >= 0:
				t.Errorf("never late, want after %v", test.want)
			case late != nil && late.Sub(scheduled) != test.want:
				t.Errorf("late after %v, want %v", late.Sub(scheduled), test.want)
			}
		})
	}
}
