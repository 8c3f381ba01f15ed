package index

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// A query returns the same as a filter of every run and a full sort, at any time.
func TestQuery_equalsFullScanAndSort(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		plainIDs bool
		runs     int
	}{
		"few runs":                            {plainIDs: true, runs: 9},
		"several blocks of runs":              {plainIDs: true, runs: 3*blockSize + 5},
		"several blocks, not every id a UUID": {runs: 3*blockSize + 5},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := objecttest.Crowd{Random: storetest.NewRandom(uint64(tc.runs), 5), PlainIDs: tc.plainIDs}
			s := indexOf(nil)
			known := map[int]*v1alpha1.TaskRun{}
			lives := make([]int, tc.runs)
			for version := range 6 * tc.runs {
				n := c.IntN(tc.runs)
				if old := known[n]; old != nil && c.IntN(3) == 0 {
					s.Remove(old.UID)
					delete(known, n)
					lives[n]++
				} else {
					known[n] = c.Object(n, lives[n], version+1)
					putWatched(s, known[n])
				}
				if version%7 == 0 {
					compareQueries(t, s, known, c.Query())
				}
			}
		})
	}
}

func compareQueries(t *testing.T, s *NamespaceIndex, known map[int]*v1alpha1.TaskRun, q taskrun.Query) {
	t.Helper()
	var matching []*taskrun.Run
	for _, o := range known {
		if run := convert.RunFromObject(o); q.Filter.Matcher()(run) {
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

// Pruned rows do not change the result.
func TestQuery_pagesOfManyRuns(t *testing.T) {
	t.Parallel()
	const many = 5000
	f := objecttest.NewFleet()
	s := indexOf(f.Objects(t, many))
	var runs []*taskrun.Run
	runs = slices.AppendSeq(runs, s.snapshot().all())
	for _, sort := range objecttest.EverySort {
		for _, offset := range []int{0, 199, 2500, many - 100, many, 10 * many} {
			q := taskrun.Query{Sort: sort, Offset: offset, Limit: 200, Counted: true, Now: f.Noon}
			got, err := s.Query(t.Context(), q)
			want := q.Page(slices.Clone(runs))
			if diff := cmp.Diff(idsOf(want.Runs), idsOf(got.Runs)); diff != "" || got.Total != many || err != nil {
				t.Errorf("%s at %d: total %d, error %v (-want +got):\n%s", sort, offset, got.Total, err, diff)
			}
		}
	}
}

func TestOrderID_comparesLikeTexts(t *testing.T) {
	t.Parallel()
	m := storetest.NewRandom(8, 8)
	for range 1000 {
		a, b := m.ID(), m.ID()
		x, isUUID := orderID(a)
		y, alsoUUID := orderID(b)
		if !isUUID || !alsoUUID || (a < b) != (x.high < y.high || (x.high == y.high && x.low < y.low)) {
			t.Fatalf("%s and %s are %x and %x, UUIDs %v and %v", a, b, x, y, isUUID, alsoUUID)
		}
	}
	for _, text := range []string{
		"", "u", "0198A1B2-0000-7000-8000-00000000000a", "0198a1b2-0000-7000-8000-00000000000g",
		"0198a1b200000-7000-8000-00000000000a", "0198a1b2-0000-7000-8000-00000000000a0",
	} {
		if _, isUUID := orderID(text); isUUID {
			t.Errorf("%q is taken for a UUID", text)
		}
	}
}
