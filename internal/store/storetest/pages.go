//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// testPages requests all pages of random queries: together they are the sorted
// runs of Each.
func testPages(t *testing.T, s taskrun.Store) {
	const runs, queries = 60, 60
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same numbers in each test
	for n := range runs {
		mustCreate(t, s, begun(n+1, anyProposal(random), func(r *taskrun.Run) {
			r.Name = []string{"a", "b", "B", "é"}[random.IntN(4)]
			r.Created = start.Add(time.Duration(random.IntN(5)) * time.Minute)
			r.Updated = r.Created
		}))
	}
	now := start.Add(time.Hour)
	sorts := []taskrun.Sort{
		taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc, taskrun.SortNameAsc, taskrun.SortNameDesc,
		taskrun.SortNextScheduledStartTimeAsc, taskrun.SortEndTimeDesc, taskrun.SortDurationDesc, taskrun.SortDurationAsc,
	}
	for i := range queries {
		q := taskrun.Query{Sort: sorts[i%len(sorts)], Limit: 1 + random.IntN(runs), Counted: true, Now: now}
		if random.IntN(2) == 0 {
			q.Filter.Name = &taskrun.NameFilter{Any: []string{"a", "é"}[:1+random.IntN(2)]}
		}
		var want []*taskrun.Run
		if err := s.Each(t.Context(), q.Filter, func(run *taskrun.Run) { want = append(want, run) }); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(want, func(a, b *taskrun.Run) int { return cmp.Or(inOrder(q.Sort, now, a, b), cmp.Compare(a.ID, b.ID)) })
		if got := allPages(t, s, q, len(want)); !slices.Equal(got, ids(want)) {
			t.Errorf("%s in pages of %d: %v, want %v", q.Sort, q.Limit, got, ids(want))
		}
	}
}

func anyProposal(random *rand.Rand) taskrun.Proposal {
	kinds := []orchestration.StateType{orchestration.Scheduled, orchestration.Running, orchestration.Completed, orchestration.Pending}
	p := taskrun.Proposal{Type: kinds[random.IntN(len(kinds))]}
	if p.Type == orchestration.Scheduled {
		p.Details.ScheduledTime = new(start.Add(time.Duration(random.IntN(5)) * time.Hour))
	}
	return p
}

// allPages returns the pages of a query together, and checks the total in each.
func allPages(t *testing.T, s taskrun.Store, q taskrun.Query, total int) []string {
	all := []string{}
	for {
		page, err := s.Query(t.Context(), q)
		if err != nil || page.Total != total {
			t.Fatalf("page from %d on: %d runs in all, error %v, want %d", q.Offset, page.Total, err, total)
		}
		all = append(all, ids(page.Runs)...)
		if len(page.Runs) < q.Limit {
			return all
		}
		q.Offset += q.Limit
	}
}

// inOrder implements the order that the name of a sort describes, without the ids:
// missing times are last in ascending and first in descending order.
func inOrder(sort taskrun.Sort, now time.Time, a, b *taskrun.Run) int {
	name, descending := strings.CutSuffix(string(sort), "_DESC")
	if descending {
		a, b = b, a
	}
	byTime := func(of func(*taskrun.Run) *time.Time) int {
		return cmp.Compare(microseconds(of(a)), microseconds(of(b)))
	}
	switch strings.TrimSuffix(name, "_ASC") {
	case "NAME":
		return strings.Compare(a.Name, b.Name)
	case "DURATION":
		return cmp.Compare(a.EstimatedRunTime(now), b.EstimatedRunTime(now))
	case "EXPECTED_START_TIME":
		return byTime(func(r *taskrun.Run) *time.Time { return r.ExpectedStartTime })
	case "NEXT_SCHEDULED_START_TIME":
		return byTime(func(r *taskrun.Run) *time.Time { return r.NextScheduledStartTime })
	case "END_TIME":
		return byTime(func(r *taskrun.Run) *time.Time { return r.EndTime })
	default:
		return strings.Compare(a.ID, b.ID)
	}
}

// microseconds orders a missing time after all others.
func microseconds(t *time.Time) int64 {
	if t == nil {
		return 1<<63 - 1
	}
	return t.UnixMicro()
}
