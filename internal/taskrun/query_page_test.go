package taskrun

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// fiveRuns returns runs named a to e, unsorted. Later letters have later times; c
// has no times at all; d is running; b and e are equal apart from their ids.
func fiveRuns() []*Run {
	at := func(minute int) *time.Time {
		return new(time.Date(2026, time.August, 21, 10, minute, 0, 0, time.UTC))
	}
	run := func(id, name string, times *time.Time, total time.Duration) *Run {
		r := &Run{ID: id, Name: name}
		r.ExpectedStartTime, r.NextScheduledStartTime, r.EndTime, r.TotalRunTime = times, times, times, total
		return r
	}
	d := run("4", "D", at(4), time.Minute)
	d.State = &orchestration.State{Type: orchestration.Running, Timestamp: *at(10)}
	return []*Run{
		run("3", "c", nil, 3*time.Minute), run("5", "b", at(2), 2*time.Minute), d,
		run("1", "a", at(1), 4*time.Minute), run("2", "b", at(2), 2*time.Minute),
	}
}

func TestPage_everySort(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		sort Sort
		now  int // minutes after ten; d has been running since ten past
		want string
	}{
		"descending ids":                                {sort: SortIDDesc, want: "5 4 3 2 1"},
		"an unknown sort is by id":                      {sort: "", want: "5 4 3 2 1"},
		"expected start, missing ones last":             {sort: SortExpectedStartTimeAsc, want: "1 2 5 4 3"},
		"expected start descending, missing ones first": {sort: SortExpectedStartTimeDesc, want: "3 4 2 5 1"},
		"next start, missing ones last":                 {sort: SortNextScheduledStartTimeAsc, want: "1 2 5 4 3"},
		"end descending, missing ones first":            {sort: SortEndTimeDesc, want: "3 4 2 5 1"},
		"names in byte order":                           {sort: SortNameAsc, want: "4 1 2 5 3"},
		"names in byte order, descending":               {sort: SortNameDesc, want: "3 2 5 1 4"},
		"durations, a run that has just started":        {sort: SortDurationAsc, now: 10, want: "4 2 5 3 1"},
		"durations, a running run":                      {sort: SortDurationAsc, now: 60, want: "2 5 3 1 4"},
		"durations descending":                          {sort: SortDurationDesc, now: 60, want: "4 1 3 2 5"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := Query{Sort: tc.sort, Limit: 200, Now: time.Date(2026, time.August, 21, 10, tc.now, 0, 0, time.UTC)}
			runs := fiveRuns()
			if diff := cmp.Diff(tc.want, order(q.Page(runs).Runs)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			slices.Reverse(runs)
			if diff := cmp.Diff(tc.want, order(q.Page(runs).Runs)); diff != "" {
				t.Errorf("from another order (-want +got):\n%s", diff)
			}
		})
	}
}

func order(runs []*Run) string {
	var ids []string
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	return strings.Join(ids, " ")
}

func TestPage_offsetAndLimit(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limit, offset int
		want          string
	}{
		"the first page":                   {limit: 2, want: "5 4"},
		"a page in the middle":             {limit: 2, offset: 2, want: "3 2"},
		"an incomplete last page":          {limit: 2, offset: 4, want: "1"},
		"beyond the last page":             {limit: 2, offset: 5},
		"far beyond the last page":         {limit: 2, offset: 1 << 62},
		"a limit of 0":                     {offset: 1},
		"a limit above the number of runs": {limit: 200, offset: 3, want: "2 1"},
		"the largest limit":                {limit: 1<<63 - 1, offset: 4, want: "1"},
		"negative numbers count as 0":      {limit: -1, offset: -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := order(Query{Limit: tc.limit, Offset: tc.offset}.Page(fiveRuns()).Runs)
			if got != tc.want {
				t.Errorf("page is %q, want %q", got, tc.want)
			}
		})
	}
}

// TestPage_equalsPartOfSortedRuns compares pages of many runs, with many equal
// keys, with a full sort.
func TestPage_equalsPartOfSortedRuns(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		runs := make([]*Run, random.IntN(400))
		for i := range runs {
			runs[i] = &Run{ID: fmt.Sprintf("%03d", i), Name: strconv.Itoa(random.IntN(1 + random.IntN(300)))}
		}
		random.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		q := Query{
			Sort: []Sort{SortNameAsc, SortNameDesc, SortIDDesc}[random.IntN(3)], Limit: random.IntN(250), Offset: random.IntN(250), Counted: true,
		}
		whole := slices.Clone(runs)
		slices.SortFunc(whole, q.total())
		want := whole[min(q.Offset, len(whole)):min(q.Offset+q.Limit, len(whole))]
		got := q.Page(runs)
		if !slices.Equal(got.Runs, want) || got.Total != len(whole) {
			t.Fatalf("%+v of %d: %s of %d in all, want %s", q, len(whole), order(got.Runs), got.Total, order(want))
		}
	}
}
