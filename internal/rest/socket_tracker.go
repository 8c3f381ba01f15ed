package rest

import (
	"context"
	"sync"
)

// The parts of the places that separate callers. A caller that has its share can take more places only while the reserve
// is free. The reserve is for callers with less than their share.
const (
	socketShare   = 10 // divisor of the places that gives the share of a caller
	socketReserve = 4  // divisor of the places that gives the reserve
)

// socketTracker counts the open websockets, and ends them when the server stops.
type socketTracker struct {
	life context.Context //nolint:containedctx // ends when the server stops
	stop context.CancelFunc

	most int // number of places

	mu       sync.Mutex
	stopped  bool
	taken    int            // number of places
	byCaller map[string]int // of them, by the name of the caller
	inside   sync.WaitGroup
}

func newSocketTracker(most int) *socketTracker {
	a := &socketTracker{most: most, byCaller: map[string]int{}}
	a.life, a.stop = context.WithCancel(context.Background())
	return a
}

// socketSlot is one websocket of the tracker. It takes one of the places of --max-websockets when its caller is
// identified.
type socketSlot struct {
	tracker    *socketTracker
	open       bool // false: the server stops, and accepts no socket
	taken      bool
	caller     string
	identified func() // removes the socket from the pool of the unidentified; nil: it is not there
}

// newSlot adds a websocket. A server that stops waits for its release.
func (a *socketTracker) newSlot() *socketSlot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return &socketSlot{}
	}
	a.inside.Add(1)
	return &socketSlot{tracker: a, open: true}
}

// acquire takes a place for a caller. ok is false if no place is free for that caller. Callers without a name count as
// one.
func (t *socketSlot) acquire(caller string) (ok bool) {
	a := t.tracker
	a.mu.Lock()
	defer a.mu.Unlock()
	most := a.most
	if caller != "" && a.byCaller[caller] >= max(1, a.most/socketShare) {
		most -= a.most / socketReserve
	}
	if a.taken >= most {
		return false
	}
	a.taken++
	a.byCaller[caller]++
	t.taken, t.caller = true, caller
	return true
}

// release returns the place and removes the websocket from the tracker.
func (t *socketSlot) release() {
	if t.identified != nil {
		t.identified()
	}
	if !t.open {
		return
	}
	a := t.tracker
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.taken {
		a.taken--
		if a.byCaller[t.caller]--; a.byCaller[t.caller] == 0 {
			delete(a.byCaller, t.caller)
		}
	}
	a.inside.Done()
}

// close ends all sockets, and waits until they are closed or the context ends.
func (a *socketTracker) close(ctx context.Context) error {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.stop()
	left := make(chan struct{})
	go func() {
		a.inside.Wait()
		close(left)
	}()
	select {
	case <-left:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
