package orchestration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCacheInsertion(t *testing.T) {
	t.Parallel()
	refused := "Cache key exceeded maximum allowed length of 2000 characters."
	tests := map[string]struct {
		key        *string
		wantEntry  bool
		wantReason string
	}{
		"no key":                        {},
		"an empty key":                  {key: new("")},
		"2000 characters":               {key: new(strings.Repeat("k", 2000)), wantEntry: true},
		"2000 characters of four bytes": {key: new(strings.Repeat("🗝", 2000)), wantEntry: true},
		"2001 characters":               {key: new(strings.Repeat("k", 2001)), wantEntry: true, wantReason: refused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Running, Completed)
			f.Proposed.Details.CacheKey = tt.key
			want := Verdict{CacheEntry: tt.wantEntry}
			if tt.wantReason != "" {
				want = Verdict{Status: Reject, Reason: tt.wantReason, State: &f.Proposed, CacheEntry: tt.wantEntry}
			}
			if diff := cmp.Diff(want, hear(t, cacheInsertion, f)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// Only a completion that the rules accepted becomes a cache entry, because a
// run that finds it does not run.
func TestCacheInsertion_whichStatesBecomeEntries(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to StateType
		edit     func(*Facts)
		want     bool
	}{
		"a completed run":               {from: Running, to: Completed, want: true},
		"a run that was never started":  {from: Pending, to: Completed, want: true},
		"a deferred run":                {from: Running, to: Completed, edit: func(f *Facts) { f.Proposed.Details.Deferred = new(true) }, want: true},
		"a run that completed by force": {from: Running, to: Completed, edit: func(f *Facts) { f.Force = true }},
		"a first state":                 {from: None, to: Completed, edit: func(f *Facts) { f.Force = true }},
		"a run without a key":           {from: Running, to: Completed, edit: func(f *Facts) { f.Proposed.Details.CacheKey = nil }},
		"a failed run":                  {from: Running, to: Failed},
		"a run with a cached state":     {from: Pending, to: Running, edit: func(f *Facts) { f.CacheEntry = cacheEntry() }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(tt.from, tt.to)
			f.Proposed.Details.CacheKey = new("key")
			if tt.edit != nil {
				tt.edit(&f)
			}
			got := Decide(f)
			if got.State == nil || got.State.CacheEntry != tt.want || got.Progress.State.CacheEntry != tt.want {
				t.Errorf("state %+v, want an entry: %v", got.State, tt.want)
			}
		})
	}
}

func TestCacheInsertion_overlongKeyIsRejectedButWritten(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Running, Completed)
	f.Proposed.Details.CacheKey = new(strings.Repeat("k", 2001))
	got := Decide(f)
	if got.Status != Reject {
		t.Errorf("status = %s, want REJECT", got.Status)
	}
	want := f.Proposed
	want.CacheEntry = true
	if diff := cmp.Diff(&want, got.State); diff != "" {
		t.Errorf("state to write (-want +got):\n%s", diff)
	}
	if got.Progress.EndTime == nil {
		t.Error("the run has not ended")
	}
}
