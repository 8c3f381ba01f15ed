package orchestration

// cacheRetrieval gives a run that is about to start the result that another one
// left under the same cache key, in place of the start (contract §3.4).
var cacheRetrieval = Rule[Facts]{
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
