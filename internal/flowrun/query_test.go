package flowrun

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestSorts(t *testing.T) {
	t.Parallel()
	tests := map[Sort]string{
		SortIDDesc: "dcba", SortNameAsc: "abcd", SortNameDesc: "dcba",
		SortExpectedStartTimeAsc: "abcd", SortExpectedStartTimeDesc: "dabc",
		SortStartTimeAsc: "abcd", SortStartTimeDesc: "dcba",
		SortNextScheduledStartTimeAsc: "dabc", SortEndTimeDesc: "abdc",
	}
	s, _ := crowd()
	for sort, want := range tests {
		for offset := range 6 {
			q := Query{Sort: sort, Offset: offset, Limit: 2, Counted: true}
			page := q.Page(s, Joined{})
			var all []string
			for _, run := range page.Runs {
				all = append(all, run.Name)
			}
			names, rest := strings.Join(all, ""), want[min(offset, 4):]
			if names != rest[:min(2, len(rest))] || page.Total != 4 {
				t.Errorf("%s, offset %d: %q of %d, want %q", sort, offset, names, page.Total, rest)
			}
		}
	}
}

func TestSortsOfFlows(t *testing.T) {
	t.Parallel()
	flows := []*Flow{
		{ID: "1", Name: "b", Created: *at(1), Updated: *at(9)},
		{ID: "2", Name: "C", Created: *at(2), Updated: *at(2)},
		{ID: "3", Name: "a", Created: *at(2), Updated: *at(5)},
	}
	s := snapshotOf(flows, nil)
	for sort, want := range map[FlowSort]string{
		FlowSortNameAsc: "2 3 1", FlowSortNameDesc: "1 3 2", FlowSortCreatedDesc: "2 3 1", FlowSortUpdatedDesc: "1 3 2",
	} {
		q := FlowQuery{Sort: sort, Limit: 10, Counted: true}
		page := q.Page(s, Joined{})
		var ids []string
		for _, flow := range page.Flows {
			ids = append(ids, flow.ID)
		}
		if got := strings.Join(ids, " "); got != want || page.Total != 3 {
			t.Errorf("%s: %q of %d, want %q", sort, got, page.Total, want)
		}
	}
}

// Pages are parts of one list, whatever is equal, and nothing is repeated or left out.
func TestPagesAreParts(t *testing.T) {
	t.Parallel()
	s := many(3000, 7)
	for _, sort := range []Sort{SortIDDesc, SortStartTimeAsc, SortNameDesc, SortEndTimeDesc, SortNextScheduledStartTimeAsc} {
		whole := (&Query{Sort: sort, Limit: 5000}).Page(s, Joined{}).Runs
		if len(whole) != 3000 {
			t.Fatalf("%s: %d runs", sort, len(whole))
		}
		for offset := 0; offset < 3000; offset += 700 {
			page := (&Query{Sort: sort, Offset: offset, Limit: 700}).Page(s, Joined{}).Runs
			if !slices.Equal(page, whole[offset:min(offset+700, 3000)]) {
				t.Errorf("%s: the page from %d on is not a part of the list", sort, offset)
			}
		}
	}
}

func TestLateness(t *testing.T) {
	t.Parallel()
	s, _ := crowd()
	// a is late by now, b and c started 30 and 60 s late, d is not due.
	mean, found := (&Filters{}).Lateness(s, Joined{}, *at(100))
	if want := (100.0 + 30 + 60 + 0) / 4; !found || mean != want {
		t.Errorf("lateness = %v, %t, want %v", mean, found, want)
	}
	if mean, found := (&Filters{WorkPools: true}).Lateness(s, Joined{}, noon); found || mean != 0 {
		t.Errorf("lateness of no run = %v, %t", mean, found)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s, _ := crowd()
	q := HistoryQuery{Window: taskrun.Window{Start: noon, End: *at(1200), Interval: 600 * taskrun.MinHistoryInterval}}
	bins, err := q.Bins(s, Joined{}, noon)
	if err != nil || len(bins) != 2 {
		t.Fatalf("%d bins, %v", len(bins), err)
	}
	var counted []string
	for _, bin := range bins {
		for _, state := range bin.States {
			counted = append(counted, fmt.Sprint(state.Type, " ", state.Name, " ", state.Count))
		}
	}
	got := strings.Join(counted, "; ")
	if want := "COMPLETED Fine 1; PENDING Pending 1; RUNNING Running 1; SCHEDULED Scheduled 1"; got != want {
		t.Errorf("states %q, want %q", got, want)
	}
	q.Interval = 1
	if _, err := q.Bins(s, Joined{}, noon); err == nil {
		t.Error("an interval of a microsecond is accepted")
	}
}

// many makes a snapshot of runs in random states, of 50 flows.
func many(n int, seed uint64) *fixed {
	r := rand.New(rand.NewPCG(seed, 0))
	flows := make([]*Flow, 50)
	for i := range flows {
		flows[i] = &Flow{ID: fmt.Sprintf("flow-%d", i), Name: fmt.Sprintf("flow %d", i)}
	}
	runs := make([]*Run, n)
	for i := range runs {
		run := &Run{ID: fmt.Sprintf("%08x-%04d", r.Uint32(), i), FlowID: flows[r.IntN(len(flows))].ID}
		run.Name = fmt.Sprintf("brave-%d", r.IntN(n/2))
		run.Tags = []string{"team", fmt.Sprintf("tag-%d", r.IntN(20))}
		run.State = state(orchestration.StateTypes[r.IntN(len(orchestration.StateTypes))])
		run.ExpectedStartTime = new(noon.Add(time.Duration(r.IntN(n/4)) * time.Second))
		if r.IntN(2) == 0 {
			run.StartTime = new(run.ExpectedStartTime.Add(time.Second))
		}
		if r.IntN(3) == 0 {
			run.EndTime = new(run.ExpectedStartTime.Add(time.Minute))
		}
		runs[i] = run
	}
	return snapshotOf(flows, runs)
}

// BenchmarkQuery measures pages of 200 runs of 10,000.
func BenchmarkQuery(b *testing.B) {
	s := many(10_000, 3)
	for name, filters := range map[string]Filters{
		"all":  {},
		"tags": {Runs: &RunFilter{Tags: &TagsFilter{All: []string{"tag-3"}}}},
		"state and flow": {
			Runs:  &RunFilter{State: &StateFilter{Type: &types{Any: []orchestration.StateType{"RUNNING", "FAILED"}}}},
			Flows: &FlowFilter{Name: &taskrun.NameFilter{Like: "flow 1"}},
		},
	} {
		for _, sort := range []Sort{SortIDDesc, SortExpectedStartTimeDesc, SortNameAsc} {
			b.Run(fmt.Sprint(name, "/", sort), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					q := Query{Filters: filters, Sort: sort, Limit: 200, Counted: true}
					q.Page(s, Joined{})
				}
			})
		}
	}
}
