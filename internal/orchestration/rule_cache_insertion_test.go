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
		wantReason string
	}{
		"no key":                           {},
		"an empty key":                     {key: new("")},
		"2000 characters":                  {key: new(strings.Repeat("k", 2000))},
		"2000 characters of four bytes":    {key: new(strings.Repeat("🗝", 2000))},
		"2001 characters are one too many": {key: new(strings.Repeat("k", 2001)), wantReason: refused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Running, Completed)
			f.Proposed.Details.CacheKey = tt.key
			want := Verdict{}
			if tt.wantReason != "" {
				want = Verdict{Status: Reject, Reason: tt.wantReason, State: &f.Proposed}
			}
			if diff := cmp.Diff(want, hear(t, cacheInsertion, f)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStateWithAnOverlongCacheKeyIsWrittenAllTheSame(t *testing.T) {
	t.Parallel()
	f := transitionFacts(Running, Completed)
	f.Proposed.Details.CacheKey = new(strings.Repeat("k", 2001))
	got := Decide(f)
	if got.Status != Reject {
		t.Errorf("status = %s, want REJECT", got.Status)
	}
	if diff := cmp.Diff(&f.Proposed, got.State); diff != "" {
		t.Errorf("state to write (-proposed +got):\n%s", diff)
	}
	if got.Progress.EndTime == nil {
		t.Error("the run has not ended")
	}
}
