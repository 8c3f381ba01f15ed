package orchestration

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWaitForScheduledTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ahead time.Duration
		want  time.Duration // 0: the run starts
	}{
		"long past":                              {ahead: -time.Hour},
		"just past":                              {ahead: -time.Microsecond},
		"half a second past":                     {ahead: -500 * time.Millisecond},
		"now":                                    {ahead: 0},
		"less than half a second ahead":          {ahead: 350 * time.Millisecond},
		"half a second ahead is rounded to zero": {ahead: 500 * time.Millisecond},
		"more than half a second ahead is rounded to one": {ahead: 500001 * time.Microsecond, want: time.Second},
		"one second ahead":                           {ahead: time.Second, want: time.Second},
		"only the fraction is rounded to even":       {ahead: 1500 * time.Millisecond, want: time.Second},
		"half a second above an even second":         {ahead: 2500 * time.Millisecond, want: 2 * time.Second},
		"a fraction of more than half is rounded up": {ahead: 1500001 * time.Microsecond, want: 2 * time.Second},
		"a hundred seconds and a fraction":           {ahead: 100450 * time.Millisecond, want: 100 * time.Second},
		"an hour":                                    {ahead: time.Hour, want: time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, from := range []StateType{Scheduled, Pending} {
				f := transitionFacts(from, Running)
				f.Run.State.Details.ScheduledTime = new(noon.Add(tt.ahead))
				want := Verdict{}
				if tt.want != 0 {
					want = Verdict{Status: Wait, Delay: tt.want, Reason: "Scheduled time is in the future"}
				}
				if diff := cmp.Diff(want, hear(t, waitForScheduledTime, f)); diff != "" {
					t.Errorf("verdict from %s (-want +got):\n%s", from, diff)
				}
			}
		})
	}
}

func TestWaitForScheduledTime_withoutScheduledTime(t *testing.T) {
	t.Parallel()
	if got := hear(t, waitForScheduledTime, transitionFacts(Pending, Running)); got.ends() {
		t.Errorf("got %s, want the run to start", got)
	}
}

func TestWaitForScheduledTime_delayDoesNotOverflow(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Scheduled, Running)
	f.Run.State.Details.ScheduledTime = &latest
	got := hear(t, waitForScheduledTime, f).Delay
	if want := 9223372036 * time.Second; got != want {
		t.Errorf("delay until year 9999 = %s, want %s, the longest there is", got, want)
	}
	if got := wholeSeconds(math.MinInt64); got > 0 {
		t.Errorf("the longest time ago became a delay of %s", got)
	}
}

func TestWait_leavesTheRunUnchanged(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Scheduled, Running)
	f.Run.State.Details.ScheduledTime = new(noon.Add(time.Minute))
	f.Run.NextScheduledStartTime = f.Run.State.Details.ScheduledTime
	f.TagLimits = []TagLimit{limit("a", 0)}

	got := Decide(f)
	want := Decision{
		Status: Wait, Reason: "Scheduled time is in the future", Delay: time.Minute,
		Progress: f.Run.Progress,
		Trace: []TraceEntry{
			{Rule: "CacheRetrieval", Did: "passed"},
			{Rule: "PreventRunningTasksFromStoppedFlows", Did: "passed"},
			{Rule: "SecureTaskConcurrencySlots", Did: "asked for slots of a"},
			{Rule: "WaitForScheduledTime", Did: "WAIT 1m0s: Scheduled time is in the future"},
			{Rule: "RenameReruns", Did: "skipped: the transition changed before"},
			{Rule: "UpdateFlowRunTrackerOnTasks", Did: "skipped: the transition changed before"},
			{Rule: "SecureTaskConcurrencySlots", Did: "fizzled: no slots needed"},
			{Rule: "PreventRunningTasksFromStoppedFlows", Did: "fizzled"},
			{Rule: "CacheRetrieval", Did: "fizzled"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}
