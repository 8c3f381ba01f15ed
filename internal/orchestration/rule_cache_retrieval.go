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
	cached.CacheEntry = false // only what was run is an entry, not what was found
	return reject(cached, "Retrieved state from cache")
}

// AsksCache reports whether a start in this state is to look for a result under
// its cache key first.
func (s State) AsksCache() bool {
	refresh := s.Details.RefreshCache
	return s.Type == Running && s.Details.cacheKey() != "" && (refresh == nil || !*refresh)
}

// cacheKey is the key, empty if there is none.
func (d StateDetails) cacheKey() string {
	if d.CacheKey == nil {
		return ""
	}
	return *d.CacheKey
}
