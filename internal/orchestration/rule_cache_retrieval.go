package orchestration

// cacheRetrieval replaces a start with the cached result of another run with
// the same cache key (contract §3.4).
var cacheRetrieval = Rule{
	Name:     "CacheRetrieval",
	From:     anyTypeOrNone,
	To:       []StateType{Running},
	Evaluate: evaluateCacheRetrieval,
}

func evaluateCacheRetrieval(f Facts) Verdict {
	if f.CacheEntry == nil || !f.Proposed.AsksCache() {
		return pass()
	}
	cached := f.CacheEntry.clone()
	cached.ID = f.NewID
	cached.Type = Completed
	cached.Name = NameCached
	cached.Timestamp = f.now()
	cached.CacheEntry = false // only the state of a run that ran is an entry
	return reject(cached, "Retrieved state from cache")
}

// AsksCache reports whether a start in this state requires a lookup of its
// cache key.
func (s State) AsksCache() bool {
	refresh := s.Details.RefreshCache
	return s.Type == Running && s.Details.cacheKey() != "" && (refresh == nil || !*refresh)
}

// cacheKey returns the key, or an empty text.
func (d StateDetails) cacheKey() string {
	if d.CacheKey == nil {
		return ""
	}
	return *d.CacheKey
}
