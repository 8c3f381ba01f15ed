package kube

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var everySort = []taskrun.Sort{
	taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
	taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
	taskrun.SortEndTimeDesc, taskrun.SortDurationAsc, taskrun.SortDurationDesc, "",
}

// crowd makes objects that have much in common, so that filters match some and
// sorts meet equal keys. Half of the times are missing.
type crowd struct {
	storetest.Random

	plainIDs bool // every id is a UUID
}

var crowdNames = []string{"a", "B", "extract-page-1", "extract-page-10", "extract-page-2", "extract-pagé", "x_y"}

// object makes a version of the n-th object; another life is another object.
func (c crowd) object(n, life, version int) *v1alpha1.TaskRun {
	id := fmt.Sprintf("%08x-0000-7000-8000-%012x", c.IntN(3), n)
	if !c.plainIDs && n%7 == 0 {
		id = "odd-" + strconv.Itoa(n)
	}
	run := taskrun.Run{
		ID: id, Created: c.someTime(), Name: storetest.Pick(c.Random, crowdNames), TaskKey: "k", DynamicKey: strconv.Itoa(n),
		FlowRunID: storetest.Pick(c.Random, []string{"", stateA, stateB}),
		Tags:      storetest.Pick(c.Random, [][]string{nil, {"a"}, {"b", "a"}, {"ab"}, {"a", "b"}}),
	}
	run.Progress = orchestration.Progress{
		State: new(c.someState()), StartTime: storetest.Maybe(c.Random, c.someTime), EndTime: storetest.Maybe(c.Random, c.someTime),
		ExpectedStartTime: storetest.Maybe(c.Random, c.someTime), NextScheduledStartTime: storetest.Maybe(c.Random, c.someTime),
		TotalRunTime: time.Duration(c.IntN(5)) * time.Second,
	}
	for range c.IntN(3) {
		run.History = append(run.History, c.someState())
	}
	o := convert.ObjectFromRun(&run, "default")
	o.Name, o.UID, o.ResourceVersion = "x"+strconv.Itoa(n), types.UID(fmt.Sprint("u", n, "-", life)), strconv.Itoa(version)
	o.Status = convert.StatusFromRun(&run)
	return o
}

// someTime is one of a few.
func (c crowd) someTime() time.Time {
	return time.Date(2026, time.August, 21, 10, 0, 0, c.IntN(6)*1000, time.UTC)
}

func (c crowd) someState() orchestration.State {
	kind := storetest.Pick(c.Random, orchestration.StateTypes[:4])
	return orchestration.State{
		ID: c.ID(), Type: kind, Timestamp: c.someTime(),
		Name: storetest.Pick(c.Random, []string{kind.DefaultName(), orchestration.NameCached}),
	}
}

// filter makes a filter of random members.
func (c crowd) filter() taskrun.Filter {
	f := taskrun.Filter{Or: c.Flag()}
	rarely := func() bool { return c.IntN(3) == 0 }
	if rarely() {
		f.State = c.stateFilter()
	}
	if rarely() {
		f.Tags = &taskrun.TagsFilter{Or: c.Flag(), All: storetest.Pick(c.Random, [][]string{nil, {"a"}, {"a", "b"}}), IsNull: storetest.Maybe(c.Random, c.Flag)}
	}
	if rarely() {
		f.Name = &taskrun.NameFilter{
			Any:  storetest.Pick(c.Random, [][]string{nil, {}, {"a", "extract-page-2"}}),
			Like: storetest.Pick(c.Random, []string{"", "PAGE", "t%1", "x_y", "_", "é"}),
		}
	}
	if rarely() {
		f.FlowRunID = &taskrun.FlowRunIDFilter{Any: storetest.Pick(c.Random, [][]string{nil, {}, {stateA}}), IsNull: storetest.Maybe(c.Random, c.Flag)}
	}
	if rarely() {
		f.ID = &taskrun.IDFilter{Any: storetest.Pick(c.Random, [][]string{nil, {}, {
			"00000000-0000-7000-8000-000000000001", "00000001-0000-7000-8000-000000000002", "odd-7", "odd-7", "none",
		}})}
	}
	if rarely() {
		f.Parents = &taskrun.ParentFilter{FlowRun: &taskrun.ParentCriteria{
			Or: c.Flag(), Members: []taskrun.ParentCriterion{{Fact: taskrun.FactFlowRunID, Any: storetest.Pick(c.Random, [][]string{nil, {}, {stateA}})}},
		}}
	}
	if rarely() {
		f.Subflows = &taskrun.SubflowFilter{Exists: storetest.Maybe(c.Random, c.Flag)}
	}
	for _, member := range []**taskrun.TimeFilter{&f.StartTime, &f.EndTime, &f.ExpectedStartTime} {
		if rarely() {
			*member = &taskrun.TimeFilter{
				After: storetest.Maybe(c.Random, c.bound), Before: storetest.Maybe(c.Random, c.bound), IsNull: storetest.Maybe(c.Random, c.Flag),
			}
		}
	}
	return f
}

// bound is a time near those of the runs, with nanoseconds.
func (c crowd) bound() time.Time {
	return c.someTime().Add(time.Duration(c.IntN(3)-1) * time.Nanosecond)
}

func (c crowd) stateFilter() *taskrun.StateFilter {
	return &taskrun.StateFilter{
		Or:    c.Flag(),
		Types: storetest.Pick(c.Random, [][]orchestration.StateType{nil, {}, orchestration.StateTypes[:1], orchestration.StateTypes[1:3]}),
		Names: storetest.Pick(c.Random, [][]string{nil, {}, {orchestration.NameCached}, {"Running", "Pending"}}),
	}
}

func (c crowd) query() taskrun.Query {
	return taskrun.Query{
		Filter: c.filter(), Sort: storetest.Pick(c.Random, everySort), Counted: c.Flag(),
		Offset: storetest.Pick(c.Random, []int{0, 0, 1, 3, 20, 150, 5000}), Limit: storetest.Pick(c.Random, []int{0, 1, 3, 10, 200}),
		Now: c.someTime().Add(time.Second),
	}
}

// Whatever is asked, at whatever time, the view answers as a look at every run
// and a full sort do.
func TestEveryQueryIsAnsweredAsByAFullSearch(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		plainIDs bool
		runs     int
	}{
		"few runs":                         {plainIDs: true, runs: 9},
		"some blocks of runs":              {plainIDs: true, runs: 3*perBlock + 5},
		"some blocks, not every id a UUID": {runs: 3*perBlock + 5},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := crowd{Random: storetest.NewRandom(uint64(tc.runs), 5), plainIDs: tc.plainIDs}
			s := storeOf(nil)
			known := map[int]*v1alpha1.TaskRun{}
			lives := make([]int, tc.runs)
			for version := range 6 * tc.runs {
				n := c.IntN(tc.runs)
				if old := known[n]; old != nil && c.IntN(3) == 0 {
					feed{s.cluster.view}.OnDelete(old)
					delete(known, n)
					lives[n]++
				} else {
					known[n] = c.object(n, lives[n], version+1)
					feed{s.cluster.view}.OnAdd(known[n], false)
				}
				if version%7 == 0 {
					compareQueries(t, s, known, c.query())
				}
			}
		})
	}
}

func compareQueries(t *testing.T, s *Store, known map[int]*v1alpha1.TaskRun, q taskrun.Query) {
	t.Helper()
	var matching []*taskrun.Run
	for _, o := range known {
		if run := convert.RunFromObject(o); q.Filter.Match(run) {
			matching = append(matching, run)
		}
	}
	got, err := s.Query(t.Context(), q)
	want := q.Page(slices.Clone(matching))
	if diff := cmp.Diff(idsOf(want.Runs), idsOf(got.Runs)); diff != "" || got.Total != want.Total || err != nil {
		t.Fatalf("%+v: total %d, want %d, error %v (-want +got):\n%s", q, got.Total, want.Total, err, diff)
	}
	n, err := s.Count(t.Context(), q.Filter)
	if n != len(matching) || err != nil {
		t.Fatalf("Count(%+v) = %d, error %v, want %d", q.Filter, n, err, len(matching))
	}
	var visited []*taskrun.Run
	err = s.Each(t.Context(), q.Filter, func(run *taskrun.Run) { visited = append(visited, run) })
	seen, all := idsOf(visited), idsOf(matching)
	slices.Sort(seen)
	slices.Sort(all)
	if diff := cmp.Diff(all, seen); diff != "" || err != nil {
		t.Fatalf("Each(%+v): error %v (-want +got):\n%s", q.Filter, err, diff)
	}
}

func idsOf(runs []*taskrun.Run) []string {
	ids := []string{}
	for _, run := range runs {
		ids = append(ids, run.ID)
	}
	return ids
}

// Rows that are thinned out on the way change nothing of the answer.
func TestPagesOfManyRuns(t *testing.T) {
	t.Parallel()
	const many = 5000
	f := newFleet()
	s := storeOf(f.objects(t, many))
	var runs []*taskrun.Run
	runs = slices.AppendSeq(runs, s.shelf.moment().all())
	for _, sort := range everySort {
		for _, offset := range []int{0, 199, 2500, many - 100, many, 10 * many} {
			q := taskrun.Query{Sort: sort, Offset: offset, Limit: 200, Counted: true, Now: f.noon}
			got, err := s.Query(t.Context(), q)
			want := q.Page(slices.Clone(runs))
			if diff := cmp.Diff(idsOf(want.Runs), idsOf(got.Runs)); diff != "" || got.Total != many || err != nil {
				t.Errorf("%s at %d: total %d, error %v (-want +got):\n%s", sort, offset, got.Total, err, diff)
			}
		}
	}
}

func TestTheFirstRowsAreFoundInAnyOrder(t *testing.T) {
	t.Parallel()
	const rows = 1000
	orders := map[string]func(i int) uint64{
		"rising":          func(i int) uint64 { return uint64(i) },
		"falling":         func(i int) uint64 { return uint64(rows - i) },
		"all equal":       func(int) uint64 { return 7 },
		"up and down":     func(i int) uint64 { return uint64(min(i, rows-i)) },
		"a few different": func(i int) uint64 { return uint64(i % 3) },
		"mixed":           func(i int) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 },
	}
	for name, rank := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := make([]ranked, rows)
			for i := range all {
				all[i] = ranked{rank: rank(i), high: uint64(i * 7919 % rows)}
			}
			c := &choice{moment: &moment{}}
			compare := func(a, b ranked) int { return c.compare(&a, &b) }
			sorted := slices.SortedFunc(slices.Values(all), compare)
			for _, n := range []int{0, 1, 23, 500, rows - 1, rows} {
				got := slices.Clone(all)
				c.first(got, n)
				slices.SortFunc(got[:n], compare)
				slices.SortFunc(got[n:], compare)
				if !slices.Equal(sorted, got) {
					t.Errorf("the first %d rows are others", n)
				}
			}
		})
	}
}

func TestIDsCompareAsTheirTextsDo(t *testing.T) {
	t.Parallel()
	m := storetest.NewRandom(8, 8)
	for range 1000 {
		a, b := m.ID(), m.ID()
		x, usual := orderID(a)
		y, alsoUsual := orderID(b)
		if !usual || !alsoUsual || (a < b) != (x.high < y.high || (x.high == y.high && x.low < y.low)) {
			t.Fatalf("%s and %s are %x and %x, UUIDs %v and %v", a, b, x, y, usual, alsoUsual)
		}
	}
	for _, text := range []string{
		"", "u", "0198A1B2-0000-7000-8000-00000000000a", "0198a1b2-0000-7000-8000-00000000000g",
		"0198a1b200000-7000-8000-00000000000a", "0198a1b2-0000-7000-8000-00000000000a0",
	} {
		if _, usual := orderID(text); usual {
			t.Errorf("%q is taken for a UUID", text)
		}
	}
}
