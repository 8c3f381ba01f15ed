package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// absences records the times from which the runs of proposals are missing, by the clock
// of this replica. The creation time of a proposal is by the clock of the API server.
// The zero value is ready to use.
type absences struct {
	mu    sync.Mutex
	since map[types.NamespacedName]time.Time // by the name of the proposal
}

// begin returns the time for which the run of a proposal has been missing.
func (a *absences) begin(proposal types.NamespacedName, now time.Time) time.Duration {
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

// end removes a proposal.
func (a *absences) end(proposal types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.since, proposal)
}
