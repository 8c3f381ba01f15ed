package taskrun

import (
	"cmp"
	"iter"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// NewestCacheEntry returns the newest of the run's cache entries under this key
// that have not expired, or other if that is newer. other may be nil. Prefect
// has a table of entries. Here the entries are states of runs, so a deletion of
// a run deletes its entries (contract §3.4).
func (r *Run) NewestCacheEntry(key string, now time.Time, other *orchestration.State) *orchestration.State {
	for state := range r.CacheEntries() {
		expiration := state.Details.CacheExpiration
		if *state.Details.CacheKey == key && (expiration == nil || expiration.After(now)) && newer(state, other) {
			other = state
		}
	}
	return other
}

// CacheEntries returns the current and past states of the run that are cache
// entries. Each has a cache key.
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

// newer orders entries by the time at which they were written, then by id, so
// that every replica returns the same entry.
func newer(a, b *orchestration.State) bool {
	return b == nil || cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.ID, b.ID)) > 0
}
