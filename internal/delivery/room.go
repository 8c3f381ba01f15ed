package delivery

import "sync"

// MaxRoster bounds what a replica's workers take in a Roster without their task
// keys, in bytes of JSON: some thousands of workers.
const MaxRoster = 200 << 10

// Room is how much of that is taken by the workers of all namespaces.
type Room struct {
	mu    sync.Mutex
	taken int
}

// take is false if there is not so much left.
func (r *Room) take(bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken+bytes > MaxRoster {
		return false
	}
	r.taken += bytes
	return true
}

func (r *Room) give(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken -= bytes
}
