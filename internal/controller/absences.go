package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// absences records since when the runs of proposals are missing, by the operator's
// own clock: the creation time of a proposal is by that of the API server. The zero
// value is ready to use.
type absences struct {
	mu    sync.Mutex
	since map[types.NamespacedName]time.Time // by the name of the proposal
}

// note returns for how long the run of a proposal has been missing.
func (a *absences) note(proposal types.NamespacedName, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	since, known := a.since[proposal]
	if !known {
		if a.since == nil {
			a.since = map[types.NamespacedName]time.Time{}
		}
		a.since[proposal] = now
		return 0
	}
	return now.Sub(since)
}

// end forgets a proposal.
func (a *absences) end(proposal types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.since, proposal)
}
