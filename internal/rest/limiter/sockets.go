package limiter

import (
	"context"
	"sync"
)

// A caller that has its share can acquire more slots only while the reserve is free. The reserve is for callers with
// less than their share.
const (
	socketShare   = 10 // divisor of the slots that gives the share of a caller
	socketReserve = 4  // divisor of the slots that gives the reserve
)

// Sockets counts the open websockets, and ends them when the server stops.
type Sockets struct {
	life context.Context //nolint:containedctx // ends when the server stops
	stop context.CancelFunc

	max int // number of slots

	mu       sync.Mutex
	stopped  bool
	acquired int            // number of slots
	byCaller map[string]int // acquired slots, by the name of the caller
	inside   sync.WaitGroup
}

// NewSockets returns a tracker with limit slots.
func NewSockets(limit int) *Sockets {
	a := &Sockets{max: limit, byCaller: map[string]int{}}
	a.life, a.stop = context.WithCancel(context.Background())
	return a
}

// SocketSlot is one websocket of the tracker. It acquires one of the slots of --max-websockets when its caller is
// identified.
type SocketSlot struct {
	tracker *Sockets
	Open    bool // false: the server stops, and accepts no socket
	// LeavePool removes the socket from the pool of unidentified callers. nil: it is not in the pool.
	LeavePool func()

	acquired bool
	caller   string
}

// Len returns the number of acquired slots.
func (a *Sockets) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.acquired
}

// Stopping returns a context that ends when the server stops.
func (a *Sockets) Stopping() context.Context { return a.life }

// NewSlot adds a websocket. A stopping server waits for its release.
func (a *Sockets) NewSlot() *SocketSlot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return &SocketSlot{}
	}
	a.inside.Add(1)
	return &SocketSlot{tracker: a, Open: true}
}

// Acquire acquires a slot for a caller. ok is false if no slot is free for that caller. Callers without a name count as
// one.
func (t *SocketSlot) Acquire(caller string) (ok bool) {
	a := t.tracker
	a.mu.Lock()
	defer a.mu.Unlock()
	limit := a.max
	if caller != "" && a.byCaller[caller] >= max(1, a.max/socketShare) {
		limit -= a.max / socketReserve
	}
	if a.acquired >= limit {
		return false
	}
	a.acquired++
	a.byCaller[caller]++
	t.acquired, t.caller = true, caller
	return true
}

// Release releases the slot and removes the websocket from the tracker.
func (t *SocketSlot) Release() {
	if t.LeavePool != nil {
		t.LeavePool()
	}
	if !t.Open {
		return
	}
	a := t.tracker
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.acquired {
		a.acquired--
		if a.byCaller[t.caller]--; a.byCaller[t.caller] == 0 {
			delete(a.byCaller, t.caller)
		}
	}
	a.inside.Done()
}

// Close ends all sockets, and waits until they are closed or the context ends.
func (a *Sockets) Close(ctx context.Context) error {
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
