package limiter

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// ErrMemory means that no memory is free for a body or response.
var ErrMemory = errors.New("no memory is free for bodies")

// callerShare is the divisor of the memory that gives the share of one caller.
const callerShare = 2

// Memory limits the memory of bodies, frames and responses, in total and per caller. A request that waits for one
// of its parts holds none of a later one: Arriving comes before Parsed, and no request waits for Responses.
type Memory struct {
	Arriving  *Budget // text that is being read, or waits to be recorded
	Parsed    *Budget // values, until the response of their request
	Responses *Budget // until they are sent
}

// NewMemory divides the bytes among the parts. Parsed gets two thirds.
func NewMemory(bytes int64) *Memory {
	part := bytes / 6
	return &Memory{NewBudget(part), NewBudget(bytes - 2*part), NewBudget(part)}
}

// Budget is a number of bytes that callers reserve and release. A caller has at most its share. While it waits for
// its share, other callers do not wait.
type Budget struct {
	total *semaphore.Weighted
	share int64

	mu       sync.Mutex
	byCaller map[string]*callerBytes
}

// callerBytes is the share of one caller. It exists while it is used.
type callerBytes struct {
	bytes *semaphore.Weighted
	users int
}

// Share returns the number of bytes that one caller can hold.
func (b *Budget) Share() int64 { return b.share }

// Callers returns the number of named callers that hold bytes or wait for them.
func (b *Budget) Callers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.byCaller)
}

// NewBudget returns a budget of total bytes.
func NewBudget(total int64) *Budget {
	return &Budget{total: semaphore.NewWeighted(total), share: max(1, total/callerShare), byCaller: map[string]*callerBytes{}}
}

// Acquire waits until n bytes are free for the caller. More than the share of a caller counts as its share, so that
// every request can be served. Each caller without a name has a share of its own. release may be called more than once.
func (b *Budget) Acquire(ctx context.Context, caller string, n int64) (release func(), err error) {
	n = min(n, b.share)
	own := b.register(caller)
	if err := own.bytes.Acquire(ctx, n); err != nil {
		b.unregister(caller, own)
		return func() {}, ErrMemory
	}
	if err := b.total.Acquire(ctx, n); err != nil {
		own.bytes.Release(n)
		b.unregister(caller, own)
		return func() {}, ErrMemory
	}
	return b.releaser(caller, own, n), nil
}

// Try is Acquire that does not wait.
func (b *Budget) Try(caller string, n int64) (release func(), ok bool) {
	n = min(n, b.share)
	own := b.register(caller)
	if !own.bytes.TryAcquire(n) {
		b.unregister(caller, own)
		return func() {}, false
	}
	if !b.total.TryAcquire(n) {
		own.bytes.Release(n)
		b.unregister(caller, own)
		return func() {}, false
	}
	return b.releaser(caller, own, n), true
}

func (b *Budget) releaser(caller string, own *callerBytes, n int64) func() {
	return sync.OnceFunc(func() {
		b.total.Release(n)
		own.bytes.Release(n)
		b.unregister(caller, own)
	})
}

func (b *Budget) register(caller string) *callerBytes {
	share := b.share
	if caller == "" {
		return &callerBytes{bytes: semaphore.NewWeighted(share)}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	own := b.byCaller[caller]
	if own == nil {
		own = &callerBytes{bytes: semaphore.NewWeighted(share)}
		b.byCaller[caller] = own
	}
	own.users++
	return own
}

func (b *Budget) unregister(caller string, own *callerBytes) {
	if caller == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(b.byCaller, caller)
	}
}
