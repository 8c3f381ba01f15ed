package taskrun_test

import (
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var startOfCache = time.Date(2026, 8, 21, 10, 0, 0, 0, time.UTC)

func TestNewestCacheEntry(t *testing.T) {
	t.Parallel()
	entry := func(id string, at time.Duration, edits ...func(*orchestration.State)) orchestration.State {
		s := orchestration.State{ID: id, Timestamp: startOfCache.Add(at), CacheEntry: true, Details: orchestration.StateDetails{CacheKey: new("key")}}
		for _, edit := range edits {
			edit(&s)
		}
		return s
	}
	expires := func(at time.Duration) func(*orchestration.State) {
		return func(s *orchestration.State) { s.Details.CacheExpiration = new(startOfCache.Add(at)) }
	}
	now := startOfCache.Add(time.Hour)
	for name, tt := range map[string]struct {
		states []orchestration.State
		other  *orchestration.State
		want   string
	}{
		"the last state":                        {states: []orchestration.State{entry("a", 0), entry("b", 1)}, want: "b"},
		"an earlier state with a later time":    {states: []orchestration.State{entry("a", 1), entry("b", 0)}, want: "a"},
		"of equal times the greater id":         {states: []orchestration.State{entry("b", 0), entry("a", 0)}, want: "b"},
		"not an older entry than another run's": {states: []orchestration.State{entry("a", 1)}, other: new(entry("z", 0)), want: "a"},
		"a newer entry than another run's":      {states: []orchestration.State{entry("z", 0)}, other: new(entry("a", 1)), want: "a"},
		"an entry that expires later":           {states: []orchestration.State{entry("a", 0), entry("b", 1, expires(time.Hour+1))}, want: "b"},
		"not an entry that expires now":         {states: []orchestration.State{entry("a", 0), entry("b", 1, expires(time.Hour))}, want: "a"},
		"not an entry with another key":         {states: []orchestration.State{entry("a", 0), entry("b", 1, func(s *orchestration.State) { s.Details.CacheKey = new("other") })}, want: "a"},
		"not an entry without a key":            {states: []orchestration.State{entry("a", 0), entry("b", 1, func(s *orchestration.State) { s.Details.CacheKey = nil })}, want: "a"},
		"not a state that is not an entry":      {states: []orchestration.State{entry("a", 0), entry("b", 1, func(s *orchestration.State) { s.CacheEntry = false })}, want: "a"},
		"none":                                  {states: []orchestration.State{{ID: "a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := withStates(tt.states...)
			got := run.NewestCacheEntry("key", now, tt.other)
			if (got == nil) != (tt.want == "") || (got != nil && got.ID != tt.want) {
				t.Errorf("entry %+v, want %q", got, tt.want)
			}
		})
	}
	none := taskrun.Run{}
	if got := none.NewestCacheEntry("key", now, nil); got != nil {
		t.Errorf("entry of a run without a state: %+v", got)
	}
}
