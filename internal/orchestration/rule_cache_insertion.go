package orchestration

import (
	"fmt"
	"unicode/utf8"
)

// maxCacheKeyLength is the maximum length of a cache key, in characters.
const maxCacheKeyLength = 2000

// cacheInsertion offers the result of a run that completed to later runs of the
// same cache key. It refuses keys that are too long, in word only: the state
// that takes the place of the proposed one is that same state, so it is written,
// and offered (contract §3.4).
var cacheInsertion = Rule[Facts]{
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
