package index

import (
	"strconv"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// queried is a query of the benchmarks.
type queried struct {
	name  string
	query taskrun.Query
}

func benchedQueries(noon time.Time, id string) []queried {
	deep := 70_000
	page := func(sort taskrun.Sort, f taskrun.Filter, offset int) taskrun.Query {
		return taskrun.Query{Sort: sort, Filter: f, Offset: offset, Limit: 200, Now: noon.Add(3 * time.Hour)}
	}
	var all []queried
	for _, sort := range []taskrun.Sort{
		taskrun.SortIDDesc, taskrun.SortExpectedStartTimeAsc, taskrun.SortExpectedStartTimeDesc,
		taskrun.SortNameAsc, taskrun.SortNameDesc, taskrun.SortNextScheduledStartTimeAsc,
		taskrun.SortEndTimeDesc, taskrun.SortDurationAsc, taskrun.SortDurationDesc,
	} {
		all = append(all,
			queried{"all/" + string(sort), page(sort, taskrun.Filter{}, 0)},
			queried{"deep/" + string(sort), page(sort, taskrun.Filter{}, deep)})
	}
	kinds := func(kinds ...orchestration.StateType) taskrun.Filter {
		return taskrun.Filter{State: &taskrun.StateFilter{Types: kinds}}
	}
	filters := map[string]taskrun.Filter{
		"running":   kinds(orchestration.Running),
		"finished":  kinds(orchestration.Completed, orchestration.Failed, orchestration.Crashed, orchestration.Cancelled),
		"stateName": {State: &taskrun.StateFilter{Names: []string{"Completed"}}},
		"tags":      {Tags: &taskrun.TagsFilter{All: []string{"prod", "etl"}}},
		"flowRun":   {FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{"0198a1b2-0000-7000-8000-000000000005"}}},
		"name":      {Name: &taskrun.NameFilter{Any: []string{"extract-page-123"}}},
		"nameLike":  {Name: &taskrun.NameFilter{Like: "PAGE-1"}},
		"wildcard":  {Name: &taskrun.NameFilter{Like: "ex%page_1"}},
		"startTime": {StartTime: &taskrun.TimeFilter{After: new(noon.Add(time.Minute)), Before: new(noon.Add(time.Hour))}},
		"ids":       {ID: &taskrun.IDFilter{Any: []string{id}}},
		"either": {
			Or: true, ID: &taskrun.IDFilter{Any: []string{id}}, Name: &taskrun.NameFilter{Like: "page-1"},
			State: &taskrun.StateFilter{Types: []orchestration.StateType{orchestration.Running}},
		},
		"much": {
			State: &taskrun.StateFilter{Types: []orchestration.StateType{orchestration.Completed}},
			Tags:  &taskrun.TagsFilter{All: []string{"etl"}}, Name: &taskrun.NameFilter{Like: "page"},
			EndTime: &taskrun.TimeFilter{After: &noon},
		},
	}
	for _, name := range []string{
		"running", "finished", "stateName", "tags", "flowRun", "name", "nameLike", "wildcard", "startTime", "ids", "either", "much",
	} {
		all = append(all, queried{"filter/" + name, page(taskrun.SortIDDesc, filters[name], 0)})
	}
	return all
}

func sizes(b *testing.B, bench func(b *testing.B, s *NamespaceIndex, objects []*v1alpha1.TaskRun)) {
	b.Helper()
	for _, n := range []int{1_000, 10_000, 100_000} {
		objects := objecttest.NewFleet().Objects(b, n)
		s := indexOf(objects)
		b.Run(strconv.Itoa(n), func(b *testing.B) { bench(b, s, objects) })
	}
}

func BenchmarkQuery(b *testing.B) {
	sizes(b, func(b *testing.B, s *NamespaceIndex, objects []*v1alpha1.TaskRun) {
		b.Helper()
		for _, q := range benchedQueries(objecttest.NewFleet().Noon, objects[0].Spec.ID) {
			b.Run(q.name, func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Query(b.Context(), q.query); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

func BenchmarkCount(b *testing.B) {
	sizes(b, func(b *testing.B, s *NamespaceIndex, objects []*v1alpha1.TaskRun) {
		b.Helper()
		for _, q := range benchedQueries(objecttest.NewFleet().Noon, objects[0].Spec.ID) {
			if q.query.Sort != taskrun.SortIDDesc || q.query.Offset > 0 {
				continue
			}
			b.Run(q.name, func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Count(b.Context(), q.query.Filter); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

func BenchmarkEach(b *testing.B) {
	sizes(b, func(b *testing.B, s *NamespaceIndex, _ []*v1alpha1.TaskRun) {
		b.Helper()
		for b.Loop() {
			byType := map[orchestration.StateType]int{}
			err := s.Each(b.Context(), taskrun.Filter{}, func(run *taskrun.Run) { byType[run.State.Type]++ })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	sizes(b, func(b *testing.B, s *NamespaceIndex, objects []*v1alpha1.TaskRun) {
		b.Helper()
		id := objects[len(objects)/2].Spec.ID
		for b.Loop() {
			if s.ByID(id) == nil {
				b.Fatal("the run is not found")
			}
		}
	})
}

// BenchmarkWrite adds new versions of a run: without readers, and with a query
// after each.
func BenchmarkWrite(b *testing.B) {
	sizes(b, func(b *testing.B, s *NamespaceIndex, objects []*v1alpha1.TaskRun) {
		b.Helper()
		version := 10_000_000
		write := func() {
			next := *objects[version%len(objects)]
			version++
			next.ResourceVersion = strconv.Itoa(version)
			putWatched(s, &next)
		}
		b.Run("alone", func(b *testing.B) {
			for b.Loop() {
				write()
			}
		})
		b.Run("queried", func(b *testing.B) {
			for b.Loop() {
				write()
				if _, err := s.Query(b.Context(), taskrun.Query{Limit: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkLoad(b *testing.B) {
	objects := objecttest.NewFleet().Objects(b, 100_000)
	b.ResetTimer()
	for b.Loop() {
		indexOf(objects)
	}
}
