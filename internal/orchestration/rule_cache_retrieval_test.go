package orchestration

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cacheEntry is a state that another run stored an hour ago.
func cacheEntry() *State {
	return &State{
		ID: "entry", Type: Completed, Name: "Done", Timestamp: noon.Add(-time.Hour),
		Message: new("first"), Data: json.RawMessage(`{"v":1}`), CacheEntry: true,
		Details: StateDetails{CacheKey: new("key"), CacheExpiration: at(60), TaskParametersID: "parameters"},
	}
}

func TestCacheRetrieval(t *testing.T) {
	t.Parallel()
	hit := cacheEntry()
	hit.ID, hit.Name, hit.Timestamp, hit.CacheEntry = "new", NameCached, noon, false
	tests := map[string]struct {
		edit func(*Facts)
		want Verdict
	}{
		"an entry replaces the start": {
			edit: func(*Facts) {},
			want: Verdict{Status: Reject, Reason: "Retrieved state from cache", State: hit},
		},
		"without an entry the run starts":     {edit: func(f *Facts) { f.CacheEntry = nil }},
		"without a key there is no lookup":    {edit: func(f *Facts) { f.Proposed.Details.CacheKey = nil }},
		"an empty key counts as no key":       {edit: func(f *Facts) { f.Proposed.Details.CacheKey = new("") }},
		"refresh_cache true skips the lookup": {edit: func(f *Facts) { f.Proposed.Details.RefreshCache = new(true) }},
		"refresh_cache false does not skip the lookup": {
			edit: func(f *Facts) { f.Proposed.Details.RefreshCache = new(false) },
			want: Verdict{Status: Reject, Reason: "Retrieved state from cache", State: hit},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Pending, Running, func(f *Facts) {
				f.Proposed.Details.CacheKey = new("key")
				f.CacheEntry = cacheEntry()
			}, tt.edit)
			if diff := cmp.Diff(tt.want, hear(t, cacheRetrieval, f)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// The cache rule is the first rule: a run gets its cached result despite a
// scheduled time in the future and a stopped flow, and the run count does not
// change.
func TestCacheRetrieval_precedesAllOtherRules(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Scheduled, Running, func(f *Facts) {
		f.Run.State.Details.ScheduledTime = at(3600)
		f.FlowRun = &FlowRun{State: &State{Type: Failed}}
		f.Proposed.Details.CacheKey = new("key")
		f.CacheEntry = cacheEntry()
	})
	got := Decide(f)
	if got.Status != Reject || got.State == nil || got.State.Name != NameCached || got.Progress.RunCount != 0 || got.Progress.EndTime == nil {
		t.Errorf("decision %+v, want the cached state, and a run that ended without a start", got)
	}
}
