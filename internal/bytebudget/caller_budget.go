package bytebudget

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// ErrFull means that no bytes are free.
var ErrFull = errors.New("no memory is free for bodies")

// callerShare is the divisor of a CallerBudget that gives the share of one caller.
const callerShare = 2

// CallerBudget is a number of bytes that callers of the API acquire and release. A caller has at most its share. A
// caller that waits for its share does not block other callers.
type CallerBudget struct {
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

// NewCallerBudget returns a budget of that many bytes.
func NewCallerBudget(total int64) *CallerBudget {
	return &CallerBudget{total: semaphore.NewWeighted(total), share: max(1, total/callerShare), byCaller: map[string]*callerBytes{}}
}

// Share returns the maximum number of bytes of one caller.
func (b *CallerBudget) Share() int64 { return b.share }

// Acquire waits until n bytes are free for the caller. A number above the share counts as the share, so that every
// request can be served. Each caller without a name has its own share. release may be called more than once.
func (b *CallerBudget) Acquire(ctx context.Context, caller string, n int64) (release func(), err error) {
	n = min(n, b.share)
	own := b.join(caller)
	if err := own.bytes.Acquire(ctx, n); err != nil {
		b.part(caller, own)
		return func() {}, ErrFull
	}
	if err := b.total.Acquire(ctx, n); err != nil {
		own.bytes.Release(n)
		b.part(caller, own)
		return func() {}, ErrFull
	}
	return b.releaser(caller, own, n), nil
}

// Try is Acquire without waiting.
func (b *CallerBudget) Try(caller string, n int64) (release func(), ok bool) {
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

func (b *CallerBudget) releaser(caller string, own *callerBytes, n int64) func() {
	return sync.OnceFunc(func() {
		b.total.Release(n)
		own.bytes.Release(n)
		b.part(caller, own)
	})
}

func (b *CallerBudget) join(caller string) *callerBytes {
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

func (b *CallerBudget) part(caller string, own *callerBytes) {
	if caller == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(b.byCaller, caller)
	}
}
