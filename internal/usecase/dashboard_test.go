package usecase_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestDashboard_countsRunsIntoBuckets(t *testing.T) {
	t.Parallel()
	// The fake clock is at 10:00:00. The window after 09:41:30 is therefore
	// from 09:41 to the end of 10:00: twenty minutes, with a minute per bucket.
	after := time.Date(2026, 8, 21, 9, 41, 30, 0, time.UTC)
	minute := func(n int) *time.Time { return new(after.Truncate(time.Minute).Add(time.Duration(n) * time.Minute)) }
	ended := func(kind orchestration.StateType, started *time.Time) orchestration.Progress {
		return orchestration.Progress{State: inState(kind, "x"), StartTime: started}
	}
	cases := map[string]struct {
		run    orchestration.Progress
		filter func(*taskrun.Filter)
		want   map[int]taskrun.DashboardBucket
	}{
		"completed in the first bucket":        {run: ended(orchestration.Completed, &after), want: completed(0)},
		"cancelled in the second":              {run: ended(orchestration.Cancelled, minute(1)), want: completed(1)},
		"failed in the last bucket":            {run: ended(orchestration.Failed, minute(19)), want: failed(19)},
		"crashed in the last but one bucket":   {run: ended(orchestration.Crashed, minute(18)), want: failed(18)},
		"a running run":                        {run: ended(orchestration.Running, minute(1))},
		"a run that never started":             {run: ended(orchestration.Cancelled, nil)},
		"a start before the window":            {run: ended(orchestration.Completed, minute(0))},
		"a start in the future counts last":    {run: ended(orchestration.Completed, minute(99)), want: completed(19)},
		"another filter on states is replaced": {run: ended(orchestration.Completed, minute(1)), filter: onlyRunning, want: completed(1)},
		"or: a start before the window counts first": {
			run: ended(orchestration.Completed, minute(-99)), filter: func(f *taskrun.Filter) { f.Or = true }, want: completed(0),
		},
		"or: a run that never started does not count": {
			run: ended(orchestration.Completed, nil), filter: func(f *taskrun.Filter) { f.Or = true },
		},
		"with an end, the window ends with its minute": {
			run:    ended(orchestration.Completed, minute(1)),
			filter: func(f *taskrun.Filter) { f.StartTime.Before = minute(1) }, want: completed(10),
		},
		"with an end before the start": {
			run:    ended(orchestration.Completed, minute(1)),
			filter: func(f *taskrun.Filter) { f.Or, f.StartTime.Before = true, minute(-9) }, want: completed(19),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			s, _ := newService(store)
			put(t, store, taskrun.Run{ID: "1"}, tc.run)
			filter := taskrun.Filter{StartTime: &taskrun.TimeFilter{After: &after}}
			if tc.filter != nil {
				tc.filter(&filter)
			}
			got, err := s.Dashboard(t.Context(), filter)
			var want [taskrun.DashboardBuckets]taskrun.DashboardBucket
			for i, bucket := range tc.want {
				want[i] = bucket
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func onlyRunning(f *taskrun.Filter) {
	f.State = &taskrun.StateFilter{Types: []orchestration.StateType{orchestration.Running}}
}

func completed(at int) map[int]taskrun.DashboardBucket {
	return map[int]taskrun.DashboardBucket{at: {Completed: 1}}
}

func failed(at int) map[int]taskrun.DashboardBucket {
	return map[int]taskrun.DashboardBucket{at: {Failed: 1}}
}

func TestDashboard_rejectsFilterWithoutStartTime(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	for _, f := range []taskrun.Filter{{}, {StartTime: &taskrun.TimeFilter{Before: &start}}} {
		var invalid *taskrun.InvalidError
		if _, err := s.Dashboard(t.Context(), f); !errors.As(err, &invalid) {
			t.Errorf("%+v: error %v, want an InvalidError", f, err)
		}
	}
}

func TestCountByState_listsEachCountedTypeInOrder(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	for i, kind := range []orchestration.StateType{orchestration.Running, orchestration.Pending, orchestration.Running, orchestration.Crashed} {
		put(t, store, taskrun.Run{ID: strconv.Itoa(i)}, orchestration.Progress{State: inState(kind, "x")})
	}
	put(t, store, taskrun.Run{ID: "without a state"}, orchestration.Progress{})
	got, err := s.CountByState(t.Context(), taskrun.Filter{})
	want := []taskrun.StateCount{
		{Type: orchestration.Completed, Count: 0},
		{Type: orchestration.Pending, Count: 1},
		{Type: orchestration.Running, Count: 2},
		{Type: orchestration.Failed, Count: 0},
		{Type: orchestration.Cancelled, Count: 0},
		{Type: orchestration.Crashed, Count: 1},
		{Type: orchestration.Paused, Count: 0},
		{Type: orchestration.Cancelling, Count: 0},
		{Type: orchestration.Scheduled, Count: 0},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	got, err = s.CountByState(t.Context(), taskrun.Filter{ID: &taskrun.IDFilter{Any: []string{"3"}}})
	if err != nil || got[2].Count != 0 || got[5].Count != 1 {
		t.Errorf("of one run: %v, error %v", got, err)
	}
}

func TestCountByFlowRun_countsRunsOfGivenFlowRuns(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	for i, flowRun := range []string{"a", "b", "a", "", "c"} {
		put(t, store, taskrun.Run{ID: strconv.Itoa(i), FlowRunID: flowRun}, orchestration.Progress{})
	}
	got, err := s.CountByFlowRun(t.Context(), []string{"a", "c", "d", "a"})
	if diff := cmp.Diff(map[string]int{"a": 2, "c": 1, "d": 0}, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	got, err = s.CountByFlowRun(t.Context(), nil)
	if len(got) != 0 || err != nil {
		t.Errorf("of none: %v, error %v", got, err)
	}
}

func TestCounts_returnErrorOfStore(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, _ := newService(store)
	store.Break(taskrun.ErrUnavailable)
	_, history := s.History(t.Context(), taskrun.HistoryQuery{Window: taskrun.Window{Start: start, End: start, Interval: second}})
	_, dashboard := s.Dashboard(t.Context(), taskrun.Filter{StartTime: &taskrun.TimeFilter{After: &start}})
	_, byState := s.CountByState(t.Context(), taskrun.Filter{})
	_, byFlowRun := s.CountByFlowRun(t.Context(), []string{"a"})
	_, observed := s.ObservedStates(t.Context(), taskrun.ObservedQuery{})
	for name, err := range map[string]error{"observed": observed, "history": history, "dashboard": dashboard, "by state": byState, "by flow run": byFlowRun} {
		if !errors.Is(err, taskrun.ErrUnavailable) {
			t.Errorf("%s: error %v, want ErrUnavailable", name, err)
		}
	}
}
