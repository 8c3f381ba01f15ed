package taskrun

import (
	"cmp"
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// NewestCacheEntry returns the newest of the run's cache entries under this key
// that have not expired, or other, whichever is newer; other may be nil. Prefect
// keeps a table of entries, this service finds them in the runs themselves, so a
// deleted run takes its entries with it (contract §3.4).
func (r *Run) NewestCacheEntry(key string, now time.Time, other *orchestration.State) *orchestration.State {
	for state := range r.CacheEntries() {
		expiration := state.Details.CacheExpiration
		if *state.Details.CacheKey == key && (expiration == nil || expiration.After(now)) && newer(state, other) {
			other = state
		}
	}
	return other
}

// CacheEntries are those states of the run, current and past, that later runs of
// the same cache key are given; each has a key.
func (r *Run) CacheEntries() iter.Seq[*orchestration.State] {
	return func(yield func(*orchestration.State) bool) {
		for i := range r.History {
			if isCacheEntry(&r.History[i]) && !yield(&r.History[i]) {
				return
			}
		}
		if r.State != nil && isCacheEntry(r.State) {
			yield(r.State)
		}
	}
}

func isCacheEntry(s *orchestration.State) bool { return s.CacheEntry && s.Details.CacheKey != nil }

// newer orders entries by the time they were written; their ids decide between
// equal ones, so that every replica answers alike.
func newer(a, b *orchestration.State) bool {
	return b == nil || cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.ID, b.ID)) > 0
}
