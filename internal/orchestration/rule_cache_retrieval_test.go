package orchestration

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// cacheEntry is what another run left an hour ago.
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
		"an entry takes the place of the start": {
			edit: func(*Facts) {},
			want: Verdict{Status: Reject, Reason: "Retrieved state from cache", State: hit},
		},
		"without an entry the run starts": {edit: func(f *Facts) { f.CacheEntry = nil }},
		"without a key no lookup":         {edit: func(f *Facts) { f.Proposed.Details.CacheKey = nil }},
		"an empty key is none":            {edit: func(f *Facts) { f.Proposed.Details.CacheKey = new("") }},
		"refreshing does not ask":         {edit: func(f *Facts) { f.Proposed.Details.RefreshCache = new(true) }},
		"saying not to refresh does": {
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

// It speaks first: neither a scheduled time ahead nor a flow that has stopped
// keeps a run from its cached result, and the run was never started.
func TestACachedResultNeedsNothingElse(t *testing.T) {
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
