package rest

import (
	"errors"
	"sync"
)

// errBusy means that too many requests are in flight.
var errBusy = errors.New("too many requests are under way")

// The reasons for which requests are rejected because of load, as metric labels.
const (
	busyServer  = "server"  // too many of all callers
	busyCaller  = "caller"  // too many of this one
	busyAddress = "address" // too many bad tokens of its address
	busyMemory  = "memory"  // bodies and responses take all the memory that they may
)

// admission limits the requests in flight, in total and per caller.
type admission struct {
	most, mostEach int

	mu     sync.Mutex
	all    int
	byName map[string]int // by the name of the caller
}

func newAdmission(most, mostEach int) *admission {
	return &admission{most: most, mostEach: mostEach, byName: map[string]int{}}
}

// enter counts a request. ok is false if there are too many.
func (a *admission) enter() (leave func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all >= a.most {
		return nil, false
	}
	a.all++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all--
	}, true
}

// enterAs counts a request of a caller. Callers without a name are not limited to a share.
func (a *admission) enterAs(name string) (leave func(), ok bool) {
	if name == "" {
		return func() {}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byName[name] >= a.mostEach {
		return nil, false
	}
	a.byName[name]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.byName[name]--; a.byName[name] == 0 {
			delete(a.byName, name)
		}
	}, true
}

// underWay returns the number of requests in flight.
func (a *admission) underWay() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}
