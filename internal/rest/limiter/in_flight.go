package limiter

import (
	"errors"
	"sync"
)

// ErrBusy means that too many requests are in flight.
var ErrBusy = errors.New("too many requests are in flight")

// The reasons for which requests are rejected because of load, as metric labels.
const (
	ReasonServer  = "server"  // too many requests in flight
	ReasonCaller  = "caller"  // too many requests of this caller in flight
	ReasonAddress = "address" // too many invalid tokens from this address
	ReasonMemory  = "memory"  // no memory is free for bodies and responses
)

// InFlight limits the requests in flight, in total and per caller.
type InFlight struct {
	max, maxPerCaller int

	mu     sync.Mutex
	all    int
	byName map[string]int // by the name of the caller
}

// NewInFlight returns a limit of limit requests in total, and of maxPerCaller requests per named caller.
func NewInFlight(limit, maxPerCaller int) *InFlight {
	return &InFlight{max: limit, maxPerCaller: maxPerCaller, byName: map[string]int{}}
}

// Enter counts a request until leave is called. ok is false if too many are in flight.
func (a *InFlight) Enter() (leave func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all >= a.max {
		return nil, false
	}
	a.all++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all--
	}, true
}

// EnterAs counts a request of a caller until leave is called. ok is false if too many of the caller are in flight.
// Callers without a name are not limited to a share.
func (a *InFlight) EnterAs(name string) (leave func(), ok bool) {
	if name == "" {
		return func() {}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byName[name] >= a.maxPerCaller {
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

// Callers returns the number of named callers with requests in flight.
func (a *InFlight) Callers() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.byName)
}

// Len returns the number of requests in flight.
func (a *InFlight) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}
