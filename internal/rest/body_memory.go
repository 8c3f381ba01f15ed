package rest

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// memoryWait is how long a body or response waits for memory before its client
	// is told to come again.
	memoryWait = 5 * time.Second
	// uncountedBytes is the size up to which a response is so small that the number
	// of requests limits the memory of such responses well enough.
	uncountedBytes = 4 << 10
	// callerShare is the divisor of the memory that gives the part of one caller.
	callerShare = 2
)

// bodyMemory limits the memory of bodies, frames and responses, in total and per caller. A request that waits for one
// of its parts holds none of a later one: arriving comes before parsed, and no request waits for responses.
type bodyMemory struct {
	arriving  *byteBudget // text that is read, or waits to be recorded
	parsed    *byteBudget // values until their request is answered
	responses *byteBudget // until they are sent
}

// newBodyMemory divides the bytes among the parts. Parsed values get most.
func newBodyMemory(bytes int64) *bodyMemory {
	part := bytes / 6
	return &bodyMemory{newByteBudget(part), newByteBudget(bytes - 2*part), newByteBudget(part)}
}

// byteBudget is a number of bytes that callers reserve and release. A caller has at most its share. While it waits for
// its share, other callers do not wait.
type byteBudget struct {
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

func newByteBudget(total int64) *byteBudget {
	return &byteBudget{total: semaphore.NewWeighted(total), share: max(1, total/callerShare), byCaller: map[string]*callerBytes{}}
}

// Acquire waits until n bytes are free for the caller. More than the share of a caller counts as its share, so that
// every request can be served. Each caller without a name has a share of its own. release may be called more than once.
func (b *byteBudget) Acquire(ctx context.Context, caller string, n int64) (release func(), err error) {
	n = min(n, b.share)
	own := b.join(caller)
	if err := own.bytes.Acquire(ctx, n); err != nil {
		b.part(caller, own)
		return func() {}, errMemory
	}
	if err := b.total.Acquire(ctx, n); err != nil {
		own.bytes.Release(n)
		b.part(caller, own)
		return func() {}, errMemory
	}
	return b.releaser(caller, own, n), nil
}

// Try is Acquire that does not wait.
func (b *byteBudget) Try(caller string, n int64) (release func(), ok bool) {
	n = min(n, b.share)
	own := b.join(caller)
	if !own.bytes.TryAcquire(n) {
		b.part(caller, own)
		return func() {}, false
	}
	if !b.total.TryAcquire(n) {
		own.bytes.Release(n)
		b.part(caller, own)
		return func() {}, false
	}
	return b.releaser(caller, own, n), true
}

func (b *byteBudget) releaser(caller string, own *callerBytes, n int64) func() {
	return sync.OnceFunc(func() {
		b.total.Release(n)
		own.bytes.Release(n)
		b.part(caller, own)
	})
}

func (b *byteBudget) join(caller string) *callerBytes {
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

func (b *byteBudget) part(caller string, own *callerBytes) {
	if caller == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(b.byCaller, caller)
	}
}

// errMemory means that no memory is free for a body or response.
var errMemory = errors.New("no memory is free for bodies")
