package orchestration

import (
	"fmt"
	"unicode/utf8"
)

// maxCacheKeyLength is the maximum length of a cache key, in characters.
const maxCacheKeyLength = 2000

// cacheInsertion makes the result of a completed run available to later runs
// with the same cache key. It rejects a cache key that is too long, but replaces
// the proposed state with the same state. The state is therefore written and
// becomes a cache entry (contract §3.4).
var cacheInsertion = Rule{
	Name:     "CacheInsertion",
	From:     anyTypeOrNone,
	To:       []StateType{Completed},
	Evaluate: evaluateCacheInsertion,
}

func evaluateCacheInsertion(f Facts) Verdict {
	key := f.Proposed.Details.cacheKey()
	verdict := pass()
	if utf8.RuneCountInString(key) > maxCacheKeyLength {
		verdict = reject(f.Proposed, fmt.Sprintf("Cache key exceeded maximum allowed length of %d characters.", maxCacheKeyLength))
	}
	verdict.CacheEntry = key != ""
	return verdict
}
