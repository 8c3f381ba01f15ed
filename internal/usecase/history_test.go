package usecase_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const second = taskrun.MinHistoryInterval

// put stores a run with its progress.
func put(t *testing.T, store taskrun.Store, run taskrun.Run, progress orchestration.Progress) {
	t.Helper()
	stored, err := store.Create(t.Context(), &run)
	if err != nil {
		t.Fatal(err)
	}
	next := *stored
	next.Progress = progress
	if _, err := store.UpdateProgress(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
}

func inState(kind orchestration.StateType, name string) *orchestration.State {
	return &orchestration.State{Type: kind, Name: name, Timestamp: start}
}

func TestHistory_countsRunsIntoBins(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	at := func(d time.Duration) *time.Time { return new(start.Add(d)) }
	for i, p := range []orchestration.Progress{
		{State: inState(orchestration.Completed, "Cached"), ExpectedStartTime: at(0), StartTime: at(time.Second), TotalRunTime: 2 * time.Second},
		{State: inState(orchestration.Completed, "Cached"), ExpectedStartTime: at(0), StartTime: at(0), TotalRunTime: -time.Hour},
		{State: inState(orchestration.Completed, "Completed"), ExpectedStartTime: at(10*time.Second - time.Microsecond), StartTime: at(0)},
		{State: inState(orchestration.Cancelled, "Zed"), ExpectedStartTime: at(0), StartTime: at(0)},
		{State: inState(orchestration.Failed, "Failed"), ExpectedStartTime: at(10 * time.Second), StartTime: at(0), TotalRunTime: 250 * time.Millisecond},
		{State: inState(orchestration.Failed, "before the first bin"), ExpectedStartTime: at(-time.Microsecond)},
		{State: inState(orchestration.Failed, "in the last bin, after the end"), ExpectedStartTime: at(29 * time.Second), StartTime: at(29 * time.Second)},
		{State: inState(orchestration.Failed, "after the last bin"), ExpectedStartTime: at(30 * time.Second)},
		{State: inState(orchestration.Pending, "never expected")},
	} {
		put(t, store, taskrun.Run{ID: strconv.Itoa(i), Name: "all"}, p)
	}
	got, err := s.History(t.Context(), taskrun.HistoryQuery{Window: taskrun.Window{Start: start, End: start.Add(21 * time.Second), Interval: 10 * second}})
	if err != nil {
		t.Fatal(err)
	}
	type state = taskrun.HistoryState
	want := []taskrun.HistoryBin{
		{Start: start, End: start.Add(10 * time.Second), States: []state{
			{Type: orchestration.Cancelled, Name: "Zed", Count: 1},
			{Type: orchestration.Completed, Name: "Cached", Count: 2},
			{Type: orchestration.Completed, Name: "Completed", Count: 1},
		}},
		{Start: start.Add(10 * time.Second), End: start.Add(20 * time.Second), States: []state{{Type: orchestration.Failed, Name: "Failed", Count: 1}}},
		{Start: start.Add(20 * time.Second), End: start.Add(30 * time.Second), States: []state{
			{Type: orchestration.Failed, Name: "in the last bin, after the end", Count: 1},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(state{}, "RunTime", "Lateness")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	cached := got[0].States[1]
	if cached.RunTime.Float() != 2 || cached.Lateness.Float() != 1 || got[1].States[0].RunTime.Float() != 0.25 {
		t.Errorf("sums %v %v %v, want 2 1 0.25", cached.RunTime.Float(), cached.Lateness.Float(), got[1].States[0].RunTime.Float())
	}
}

func TestHistory_numberOfBinsCoversTimeUpToLimit(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		length   time.Duration
		interval taskrun.Microseconds
		want     int
		lastEnd  time.Time
	}{
		"an end at the start has no bin":                {0, second, 0, time.Time{}},
		"an end before the start has no bin":            {-time.Hour, second, 0, time.Time{}},
		"the shortest time has one bin":                 {time.Microsecond, second, 1, start.Add(time.Second)},
		"the last bin ends with the end":                {time.Minute, second, 60, start.Add(time.Minute)},
		"the last bin ends after the end":               {time.Minute, 7 * second, 9, start.Add(63 * time.Second)},
		"fractional intervals add up exactly":           {time.Minute, second + 1, 60, start.Add(time.Minute + 60*time.Microsecond)},
		"at most 500 bins":                              {time.Hour, second, 500, start.Add(500 * time.Second)},
		"exactly 500 bins":                              {500 * time.Second, second, 500, start.Add(500 * time.Second)},
		"an interval longer than a Duration":            {time.Hour, 400 * 365 * 24 * 3600 * second, 1, start.AddDate(400, 0, -97)},
		"an interval beyond the last time ends with it": {time.Hour, 1e18, 1, time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newService(memory.New())
			bins, err := s.History(t.Context(), taskrun.HistoryQuery{Window: taskrun.Window{Start: start, End: start.Add(tc.length), Interval: tc.interval}})
			if err != nil || len(bins) != tc.want {
				t.Fatalf("%d bins, error %v, want %d", len(bins), err, tc.want)
			}
			if tc.want > 0 && !bins[tc.want-1].End.Equal(tc.lastEnd) {
				t.Errorf("the last bin ends %v, want %v", bins[tc.want-1].End, tc.lastEnd)
			}
			for i := 1; i < len(bins); i++ {
				if !bins[i].Start.Equal(bins[i-1].End) {
					t.Fatalf("bin %d begins %v, the one before ends %v", i, bins[i].Start, bins[i-1].End)
				}
			}
		})
	}
}

func TestHistory_rejectsShortIntervals(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	for _, interval := range []taskrun.Microseconds{second - 1, 0, -second} {
		var invalid *taskrun.InvalidError
		_, err := s.History(t.Context(), taskrun.HistoryQuery{Window: taskrun.Window{Start: start, End: start.Add(time.Hour), Interval: interval}})
		if !errors.As(err, &invalid) || invalid.Field != "history_interval_seconds" {
			t.Errorf("interval %d: error %v", interval, err)
		}
	}
}

func TestHistory_sumsMoreThanMaxDuration(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	const runs, each = 2000, 200 * 365 * 24 * time.Hour
	for i := range runs {
		put(t, store, taskrun.Run{ID: strconv.Itoa(i)}, orchestration.Progress{
			State: inState(orchestration.Completed, "Completed"), ExpectedStartTime: new(start), StartTime: new(start), TotalRunTime: each,
		})
	}
	bins, err := s.History(t.Context(), taskrun.HistoryQuery{Window: taskrun.Window{Start: start, End: start.Add(time.Second), Interval: second}})
	if err != nil || bins[0].States[0].RunTime.Float() != runs*each.Seconds() {
		t.Errorf("sum %v, error %v, want %v", bins, err, runs*each.Seconds())
	}
}

// TestHistory_agreesWithScanOfEachBin compares histories of random runs, with more names
// of states than fit a short list, with a scan of the runs for each bin and
// each state.
func TestHistory_agreesWithScanOfEachBin(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		store := memory.New()
		s, clock := newService(store)
		names := 1 + random.IntN(60)
		var runs []*taskrun.Run
		for i := range random.IntN(300) {
			put(t, store, taskrun.Run{ID: strconv.Itoa(i)}, orchestration.Progress{
				State: &orchestration.State{
					Type: orchestration.StateTypes[random.IntN(9)], Name: strconv.Itoa(random.IntN(names)), Timestamp: start,
				},
				ExpectedStartTime: new(start.Add(time.Duration(random.IntN(60_000_000)) * time.Microsecond)),
				TotalRunTime:      time.Duration(random.IntN(1000)) * time.Second,
			})
			run, err := store.Get(t.Context(), strconv.Itoa(i))
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, run)
		}
		q := taskrun.HistoryQuery{Window: taskrun.Window{
			Start: start, End: start.Add(time.Duration(random.IntN(70)) * time.Second), Interval: second + taskrun.Microseconds(random.IntN(20_000_000)),
		}}
		got, err := s.History(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		now := clock.Now().UTC().Truncate(time.Microsecond) // History used the same time
		if diff := cmp.Diff(scanHistory(q, runs, now), shown(got)); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", q, diff)
		}
	}
}

// scanHistory returns the text of each bin, by a scan of the runs.
func scanHistory(q taskrun.HistoryQuery, runs []*taskrun.Run, now time.Time) []string {
	lines := []string{}
	interval := time.Duration(q.Interval) * time.Microsecond
	for begin := q.Start; begin.Before(q.End); begin = begin.Add(interval) {
		sums := map[string][3]float64{}
		for _, run := range runs {
			if run.ExpectedStartTime.Before(begin) || !run.ExpectedStartTime.Before(begin.Add(interval)) {
				continue
			}
			key := fmt.Sprintf("%s %q", run.State.Type, run.State.Name)
			sum := sums[key]
			sum[0]++
			sum[1] += max(0, run.EstimatedRunTime(now).Seconds())
			sum[2] += max(0, run.EstimatedStartTimeDelta(now).Seconds())
			sums[key] = sum
		}
		lines = append(lines, begin.String())
		var states []string
		for key, sum := range sums {
			states = append(states, fmt.Sprintf("%s %.0f %.3f %.3f", key, sum[0], sum[1], sum[2]))
		}
		slices.Sort(states)
		lines = append(lines, states...)
	}
	return lines
}

func shown(bins []taskrun.HistoryBin) []string {
	lines := []string{}
	for _, bin := range bins {
		lines = append(lines, bin.Start.String())
		var states []string
		for _, s := range bin.States {
			states = append(states, fmt.Sprintf("%s %q %d %.3f %.3f", s.Type, s.Name, s.Count, s.RunTime.Float(), s.Lateness.Float()))
		}
		slices.Sort(states)
		lines = append(lines, states...)
	}
	return lines
}
