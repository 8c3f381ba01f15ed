//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// library stores six runs with different sort keys: the first three never ran, the
// others ran for some time.
func library(t *testing.T, s taskrun.Store) {
	t.Helper()
	names := []string{"b", "a", "B", "é", "a", "c"}
	for i, name := range names {
		initial := pending()
		if i < 2 {
			initial = taskrun.Proposal{
				Type:    orchestration.Scheduled,
				Details: orchestration.StateDetails{ScheduledTime: new(start.Add(time.Duration(5-i) * time.Hour))},
			}
		}
		run := mustCreate(t, s, begun(i+1, initial, func(r *taskrun.Run) {
			r.Name = name
			r.Created = start.Add(time.Duration(i%4) * time.Minute)
			r.Updated = r.Created
			if i%2 == 0 {
				r.Tags, r.FlowRunID = []string{"even", name}, runID(80)
			}
		}))
		if i < 3 {
			continue
		}
		run = mustUpdate(t, s, moved(run, stateID(20+i), orchestration.Running))
		if i == 3 {
			continue
		}
		finished := *moved(run, stateID(30+i), orchestration.Completed)
		finished.EndTime = new(start.Add(time.Duration(i) * time.Hour))
		finished.TotalRunTime = time.Duration(i) * time.Minute
		mustUpdate(t, s, &finished)
	}
}

func testSorts(t *testing.T, s taskrun.Store) {
	library(t, s)
	// Run 4 has been running since 10:03:01.
	now := start.Add(3*time.Minute + time.Second + 270*time.Second)
	cases := map[taskrun.Sort][]int{
		taskrun.SortIDDesc:                    {6, 5, 4, 3, 2, 1},
		taskrun.SortExpectedStartTimeAsc:      {5, 6, 3, 4, 2, 1},
		taskrun.SortExpectedStartTimeDesc:     {1, 2, 4, 3, 6, 5},
		taskrun.SortNameAsc:                   {3, 2, 5, 1, 6, 4},
		taskrun.SortNameDesc:                  {4, 6, 1, 2, 5, 3},
		taskrun.SortNextScheduledStartTimeAsc: {2, 1, 3, 4, 5, 6},
		taskrun.SortEndTimeDesc:               {1, 2, 3, 4, 6, 5},
		taskrun.SortDurationAsc:               {1, 2, 3, 5, 4, 6},
		taskrun.SortDurationDesc:              {6, 4, 5, 1, 2, 3},
	}
	for sort, numbers := range cases {
		want := []string{}
		for _, n := range numbers {
			want = append(want, runID(n))
		}
		for _, size := range []int{200, 4, 1} {
			got := []string{}
			for offset := 0; offset < len(want)+size; offset += size {
				page, err := s.Query(t.Context(), taskrun.Query{Sort: sort, Limit: size, Offset: offset, Now: now})
				if err != nil || len(page.Runs) > size {
					t.Fatalf("%s: page of %d at %d has %d runs, error %v", sort, size, offset, len(page.Runs), err)
				}
				got = append(got, ids(page.Runs)...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s in pages of %d (-want +got):\n%s", sort, size, diff)
			}
		}
	}
	none, err := s.Query(t.Context(), taskrun.Query{Limit: 0})
	if err != nil || len(none.Runs) != 0 {
		t.Errorf("Query() with limit 0 = %v, error %v, want no runs", ids(none.Runs), err)
	}
}

func testFilters(t *testing.T, s taskrun.Store) {
	library(t, s)
	for name, tc := range filterCases() {
		want := []string{}
		for _, n := range tc.want {
			want = append(want, runID(n))
		}
		page, err := s.Query(t.Context(), taskrun.Query{Filter: tc.filter, Limit: 200, Counted: true})
		got := ids(page.Runs)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", name, err, diff)
		}
		n, err := s.Count(t.Context(), tc.filter)
		if err != nil || n != len(want) {
			t.Errorf("%s: Count() = %d, error %v, want %d", name, n, err, len(want))
		}
		visited := []string{}
		err = s.Each(t.Context(), tc.filter, func(run *taskrun.Run) { visited = append(visited, run.ID) })
		slices.Sort(visited)
		if !slices.Equal(want, visited) || err != nil || page.Total != len(want) {
			t.Errorf("%s: Each() visits %v, error %v, and %d in all, want %v", name, visited, err, page.Total, want)
		}
	}
}

// filterCase is a filter and the numbers of the matching runs in the library.
type filterCase struct {
	filter taskrun.Filter
	want   []int
}

func filterCases() map[string]filterCase {
	return map[string]filterCase{
		"no filter":          {want: []int{1, 2, 3, 4, 5, 6}},
		"by id":              {filter: taskrun.Filter{ID: &taskrun.IDFilter{Any: []string{runID(2), runID(9)}}}, want: []int{2}},
		"by an id twice":     {filter: taskrun.Filter{ID: &taskrun.IDFilter{Any: []string{runID(2), runID(2)}}}, want: []int{2}},
		"by no id":           {filter: taskrun.Filter{ID: &taskrun.IDFilter{Any: []string{}}}},
		"by name":            {filter: taskrun.Filter{Name: &taskrun.NameFilter{Any: []string{"a"}}}, want: []int{2, 5}},
		"by part of a name":  {filter: taskrun.Filter{Name: &taskrun.NameFilter{Like: "B"}}, want: []int{1, 3}},
		"by tags":            {filter: taskrun.Filter{Tags: &taskrun.TagsFilter{All: []string{"even", "a"}}}, want: []int{5}},
		"by having no tags":  {filter: taskrun.Filter{Tags: &taskrun.TagsFilter{IsNull: new(true)}}, want: []int{2, 4, 6}},
		"by flow run":        {filter: taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{runID(80)}}}, want: []int{1, 3, 5}},
		"by having none":     {filter: taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{IsNull: new(true)}}, want: []int{2, 4, 6}},
		"by current state":   {filter: stateFilter(orchestration.Completed, orchestration.Running), want: []int{4, 5, 6}},
		"by state's name":    {filter: taskrun.Filter{State: &taskrun.StateFilter{Names: []string{"Pending"}}}, want: []int{3}},
		"by past state only": {filter: stateFilter(orchestration.Failed)},
		"by start":           {filter: taskrun.Filter{StartTime: &taskrun.TimeFilter{IsNull: new(true)}}, want: []int{1, 2, 3}},
		"by end":             {filter: taskrun.Filter{EndTime: &taskrun.TimeFilter{After: new(start.Add(5 * time.Hour))}}, want: []int{6}},
		"by expected start":  {filter: taskrun.Filter{ExpectedStartTime: &taskrun.TimeFilter{After: new(start.Add(4 * time.Hour))}}, want: []int{1, 2}},
		"by being a subflow": {filter: taskrun.Filter{Subflows: &taskrun.SubflowFilter{Exists: new(true)}}},
		"by being none":      {filter: taskrun.Filter{Subflows: &taskrun.SubflowFilter{Exists: new(false)}}, want: []int{1, 2, 3, 4, 5, 6}},
		"by belonging to any flow run": {filter: taskrun.Filter{Parents: &taskrun.ParentFilter{
			FlowRun: &taskrun.ParentCriteria{},
		}}, want: []int{1, 3, 5}},
		"by parents, even where either is enough": {filter: taskrun.Filter{
			Or: true, ID: &taskrun.IDFilter{Any: []string{runID(2), runID(3)}},
			Parents: &taskrun.ParentFilter{FlowRun: &taskrun.ParentCriteria{Members: []taskrun.ParentCriterion{
				{Fact: taskrun.FactFlowRunID, Any: []string{runID(80)}},
			}}},
		}, want: []int{3}},
		"by either": {filter: taskrun.Filter{
			Or: true, ID: &taskrun.IDFilter{Any: []string{runID(2)}},
			Name:      &taskrun.NameFilter{Any: []string{"c"}},
			Tags:      &taskrun.TagsFilter{All: []string{"none"}},
			State:     &taskrun.StateFilter{Names: []string{"none"}},
			FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{}},
		}, want: []int{2, 6}},
	}
}

func stateFilter(types ...orchestration.StateType) taskrun.Filter {
	return taskrun.Filter{State: &taskrun.StateFilter{Types: types}}
}

func testReadYourWrites(t *testing.T, s taskrun.Store) {
	clock := testingclock.NewFakeClock(start)
	service := newService(s, clock)
	run, _, err := service.Create(t.Context(), taskrun.NewRun{Run: taskrun.Run{TaskKey: "k", DynamicKey: "0"}})
	if err != nil {
		t.Fatal(err)
	}
	kinds := []orchestration.StateType{orchestration.Running, orchestration.Paused, orchestration.Pending}
	for i := range 12 {
		kind := kinds[i%len(kinds)]
		clock.Step(time.Millisecond)
		outcome, err := service.SetState(t.Context(), run.ID, taskrun.Proposal{Type: kind})
		if err != nil || !outcome.Written {
			t.Fatalf("SetState(%s): written %v, error %v", kind, outcome.Written, err)
		}
		expectEverywhere(t, s, outcome.Run, outcome.Run)
		if n, err := s.Count(t.Context(), stateFilter(kind)); err != nil || n != 1 {
			t.Errorf("after write %d: Count(%s) = %d, error %v, want 1", i, kind, n, err)
		}
		if now, err := service.Get(t.Context(), run.ID); err != nil || len(now.States()) != i+2 {
			t.Errorf("after write %d: %d states, error %v", i, len(now.States()), err)
		}
	}
}
