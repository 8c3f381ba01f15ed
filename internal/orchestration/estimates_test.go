package orchestration

import (
	"testing"
	"time"
)

func TestEstimatedRunTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := func(kind StateType, ago time.Duration) *State { return &State{Type: kind, Timestamp: now.Add(-ago)} }
	for name, tc := range map[string]struct {
		state *State
		total time.Duration
		want  time.Duration
	}{
		"no state":                         {nil, time.Second, time.Second},
		"running for a minute":             {in(Running, time.Minute), 0, time.Minute},
		"running again":                    {in(Running, time.Minute), time.Second, time.Minute + time.Second},
		"running since a time to come":     {in(Running, -time.Minute), time.Second, time.Second},
		"finished":                         {in(Completed, time.Minute), time.Second, time.Second},
		"finished, with a total below 0":   {in(Completed, time.Minute), -time.Second, 0},
		"running, with a total far below":  {in(Running, time.Second), -time.Minute, 0},
		"waiting for the start of a retry": {in(Scheduled, time.Minute), time.Second, time.Second},
	} {
		p := Progress{State: tc.state, TotalRunTime: tc.total}
		if got := p.EstimatedRunTime(now); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestEstimatedStartTimeDelta(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { return new(now.Add(-d)) }
	for name, tc := range map[string]struct {
		state           StateType
		expected, start *time.Time
		want            time.Duration
	}{
		"never expected to start":            {Pending, nil, nil, 0},
		"never expected, but started":        {Running, nil, ago(time.Minute), 0},
		"started late":                       {Running, ago(time.Minute), ago(time.Second), 59 * time.Second},
		"started in time":                    {Running, ago(time.Minute), ago(time.Minute), 0},
		"started early":                      {Running, ago(time.Second), ago(time.Minute), 0},
		"late, and not started":              {Scheduled, ago(time.Minute), nil, time.Minute},
		"expected later":                     {Scheduled, ago(-time.Minute), nil, 0},
		"expected now":                       {Scheduled, ago(0), nil, 0},
		"ended without a start":              {Cancelled, ago(time.Minute), nil, 0},
		"late, and without a state":          {"", ago(time.Minute), nil, time.Minute},
		"started late, and ended since then": {Completed, ago(time.Minute), ago(time.Second), 59 * time.Second},
	} {
		p := Progress{ExpectedStartTime: tc.expected, StartTime: tc.start}
		if tc.state != "" {
			p.State = &State{Type: tc.state}
		}
		if got := p.EstimatedStartTimeDelta(now); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
