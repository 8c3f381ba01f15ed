package orchestration

import (
	"fmt"
	"unicode/utf8"
)

// maxCacheKeyLength is how many characters a cache key may have.
const maxCacheKeyLength = 2000

// cacheInsertion refuses cache keys that are too long, in word only: the state
// that takes the place of the proposed one is that same state, so it is written
// (contract §3.4).
var cacheInsertion = Rule{
	Name:  "CacheInsertion",
	From:  anyTypeOrNone,
	To:    []StateType{Completed},
	Judge: judgeCacheInsertion,
}

func judgeCacheInsertion(f Facts) Verdict {
	key := f.Proposed.Details.CacheKey
	if key == nil || utf8.RuneCountInString(*key) <= maxCacheKeyLength {
		return pass()
	}
	return reject(f.Proposed, fmt.Sprintf("Cache key exceeded maximum allowed length of %d characters.", maxCacheKeyLength))
}
