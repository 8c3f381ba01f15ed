package orchestration

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at returns a time some seconds after noon.
func at(seconds int) *time.Time { return new(noon.Add(time.Duration(seconds) * time.Second)) }

// Each case is one forced transition. The proposed state has the time noon.
func TestTransforms(t *testing.T) {
	t.Parallel()
	soon := func(s *State) { s.Details.ScheduledTime = at(30) }
	tests := map[string]struct {
		from, to StateType
		propose  func(*State)
		before   Progress
		want     Progress // without the state
	}{
		"a first PENDING sets the expected start to its time": {
			from: None, to: Pending,
			want: Progress{ExpectedStartTime: at(0)},
		},
		"a first SCHEDULED sets the expected start to the scheduled time": {
			from: None, to: Scheduled, propose: soon,
			want: Progress{ExpectedStartTime: at(30), NextScheduledStartTime: at(30)},
		},
		"a SCHEDULED without a scheduled time sets the expected start to its time": {
			from: None, to: Scheduled,
			want: Progress{ExpectedStartTime: at(0)},
		},
		"a scheduled time of another type does not count": {
			from: None, to: Pending, propose: soon,
			want: Progress{ExpectedStartTime: at(0)},
		},
		"a first RUNNING sets the start time": {
			from: None, to: Running,
			want: Progress{RunCount: 1, ExpectedStartTime: at(0), StartTime: at(0)},
		},
		"a first COMPLETED sets the start and end time": {
			from: None, to: Completed,
			want: Progress{ExpectedStartTime: at(0), StartTime: at(0), EndTime: at(0)},
		},
		"the expected start never changes": {
			from: Pending, to: Scheduled, propose: soon,
			before: Progress{ExpectedStartTime: at(-60)},
			want:   Progress{ExpectedStartTime: at(-60), NextScheduledStartTime: at(30)},
		},
		"leaving SCHEDULED clears the next scheduled start time": {
			from: Scheduled, to: Pending, propose: soon,
			before: Progress{ExpectedStartTime: at(-60), NextScheduledStartTime: at(-10)},
			want:   Progress{ExpectedStartTime: at(-60)},
		},
		"SCHEDULED again sets the new time": {
			from: Scheduled, to: Scheduled, propose: soon,
			before: Progress{ExpectedStartTime: at(-60), NextScheduledStartTime: at(-10)},
			want:   Progress{ExpectedStartTime: at(-60), NextScheduledStartTime: at(30)},
		},
		"a start keeps the first start time and adds the time in RUNNING": {
			from: Running, to: Running,
			before: Progress{RunCount: 1, ExpectedStartTime: at(-60), StartTime: at(-60)},
			want:   Progress{RunCount: 2, ExpectedStartTime: at(-60), StartTime: at(-60), TotalRunTime: time.Minute},
		},
		"times in RUNNING add up": {
			from: Running, to: Completed,
			before: Progress{RunCount: 2, ExpectedStartTime: at(-90), StartTime: at(-90), TotalRunTime: time.Second},
			want:   Progress{RunCount: 2, ExpectedStartTime: at(-90), StartTime: at(-90), EndTime: at(0), TotalRunTime: 61 * time.Second},
		},
		"time in other states does not count": {
			from: Paused, to: Running,
			before: Progress{RunCount: 1, ExpectedStartTime: at(-90), StartTime: at(-90), TotalRunTime: time.Second},
			want:   Progress{RunCount: 2, ExpectedStartTime: at(-90), StartTime: at(-90), TotalRunTime: time.Second},
		},
		"a restart clears the end time": {
			from: Failed, to: Pending,
			before: Progress{RunCount: 1, ExpectedStartTime: at(-90), StartTime: at(-90), EndTime: at(-60)},
			want:   Progress{RunCount: 1, ExpectedStartTime: at(-90), StartTime: at(-90)},
		},
		"a change from one end to another keeps the end time": {
			from: Cancelled, to: Completed,
			before: Progress{ExpectedStartTime: at(-90), StartTime: at(-60), EndTime: at(-60)},
			want:   Progress{ExpectedStartTime: at(-90), StartTime: at(-60), EndTime: at(-60)},
		},
		"a missing end time is set by the next end": {
			from: Cancelled, to: Completed,
			before: Progress{ExpectedStartTime: at(-90), StartTime: at(-60)},
			want:   Progress{ExpectedStartTime: at(-90), StartTime: at(-60), EndTime: at(0)},
		},
		"the total run time is limited to the longest Duration": {
			from: Running, to: Completed,
			before: Progress{RunCount: 1, ExpectedStartTime: at(0), StartTime: at(0), TotalRunTime: math.MaxInt64 - 1},
			want:   Progress{RunCount: 1, ExpectedStartTime: at(0), StartTime: at(0), EndTime: at(0), TotalRunTime: math.MaxInt64},
		},
		"the run count is limited to the largest number": {
			from: Pending, to: Running,
			before: Progress{RunCount: math.MaxInt64, ExpectedStartTime: at(0), StartTime: at(0)},
			want:   Progress{RunCount: math.MaxInt64, ExpectedStartTime: at(0), StartTime: at(0)},
		},
		"flow run fields do not change": {
			from: Pending, to: Running,
			before: Progress{FlowRunRunCount: 4, ExpectedStartTime: at(0), StartTime: at(0)},
			want:   Progress{FlowRunRunCount: 4, RunCount: 1, ExpectedStartTime: at(0), StartTime: at(0)},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(tt.from, tt.to)
			f.Force = true
			tt.before.State = f.Run.State
			f.Run.Progress = tt.before
			if tt.propose != nil {
				tt.propose(&f.Proposed)
			}
			tt.want.State = &f.Proposed
			if diff := cmp.Diff(tt.want, Decide(f).Progress); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTimestamps_increaseFromStateToState(t *testing.T) {
	t.Parallel()
	nextMicro := noon.Add(time.Microsecond)
	tests := map[string]struct {
		initial, proposed, want time.Time
	}{
		"a later state keeps its time":                                   {noon, nextMicro, nextMicro},
		"an equal time moves by a microsecond":                           {noon, noon, nextMicro},
		"a time of a clock that stepped back moves after the last state": {noon, noon.Add(-time.Hour), nextMicro},
		"nanoseconds of the state do not count":                          {noon, noon.Add(999), nextMicro},
		"nanoseconds of the state before do not count":                   {noon.Add(999), nextMicro, nextMicro},
		"the time ends with year 9999":                                   {latest, noon, latest},
		"time zones do not matter":                                       {noon, noon.In(time.FixedZone("", 7200)), nextMicro},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, force := range []bool{false, true} {
				f := transitionFacts(Pending, Running)
				f.Force, f.Run.State.Timestamp, f.Proposed.Timestamp = force, tt.initial, tt.proposed
				got := Decide(f)
				if !got.State.Timestamp.Equal(tt.want) {
					t.Errorf("timestamp = %s, want %s", got.State.Timestamp, tt.want)
				}
				if !got.Progress.StartTime.Equal(tt.want) {
					t.Errorf("start time = %s, want the state's %s", got.Progress.StartTime, tt.want)
				}
			}
		})
	}
}

func TestTimestamps_ofAReplacedStateMoveToo(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Running, Failed)
	f.Run.Policy.Retries = new(1.0)
	f.Run.State.Timestamp = noon
	if got, want := Decide(f).State.Timestamp, noon.Add(time.Microsecond); !got.Equal(want) {
		t.Errorf("timestamp of the retry = %s, want %s", got, want)
	}
}

func TestTimestamps_firstStateKeepsItsOffset(t *testing.T) {
	t.Parallel()
	f := transitionFacts(None, Pending)
	f.Proposed.Timestamp = noon.In(time.FixedZone("", 7200))
	got := Decide(f).State.Timestamp
	if _, offset := got.Zone(); offset != 7200 {
		t.Errorf("timestamp = %s, want the offset it came with", got)
	}
}
