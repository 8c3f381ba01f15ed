package authn

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// Limits on the rejected tokens of one address. They are not options, because accepted tokens do not count.
const (
	// rejectedBurst is the maximum number of tokens of an address that are rejected at once.
	rejectedBurst = 40
	// rejectedPerSecond is the number of further ones per second.
	rejectedPerSecond = 5
	// maxAddresses is the maximum number of addresses with recently rejected tokens.
	maxAddresses = 4096
)

// ErrTooManyRejected is wrapped by the ErrUnavailable of a token that was not reviewed, because the API server rejected
// too many tokens of the same address recently.
var ErrTooManyRejected = errors.New("too many tokens of the address were rejected recently")

type addressKey struct{}

// WithAddress returns the context of a request from that address. Rejected tokens are counted by address. Without an
// address, their number is not limited.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

func addressOf(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
}

// rejections counts recently rejected tokens by address, and keeps the hashes of recently accepted ones.
type rejections struct {
	clock     clock.PassiveClock
	accepted  *cache.LRUExpireCache // keys of tokens
	mu        sync.Mutex
	byAddress *cache.LRUExpireCache // *budget
}

// budget is the number of tokens of an address that may still be rejected.
type budget struct {
	left float64
	at   time.Time // when left was right
}

func newRejections(size int, now clock.PassiveClock) *rejections {
	return &rejections{
		clock:     now,
		accepted:  cache.NewLRUExpireCacheWithClock(size, now),
		byAddress: cache.NewLRUExpireCacheWithClock(maxAddresses, now),
	}
}

// origin identifies the sender of a token.
type origin struct {
	sender  string // in the fair queue
	address string // "": rejections of the token are not limited
}

// originOf returns the origin of a token. A recently accepted token is its own sender, so that its caller does not share
// the limits of its address.
func (r *rejections) originOf(ctx context.Context, key string) origin {
	if _, accepted := r.accepted.Get(key); accepted {
		return origin{sender: "token " + key}
	}
	address := addressOf(ctx)
	return origin{sender: "address " + address, address: address}
}

// allowed reports whether another token of the address may be rejected.
func (r *rejections) allowed(address string) bool { return r.add(address, 0) }

// reserve does the same, and counts the token as rejected until record is called.
func (r *rejections) reserve(address string) bool { return r.add(address, -1) }

// record corrects the count by the result of the review.
func (r *rejections) record(o origin, key string, err error) {
	if err == nil {
		r.accepted.Add(key, struct{}{}, maxTTL)
	}
	if errors.Is(err, ErrUnauthenticated) {
		r.accepted.Remove(key)
		return
	}
	r.add(o.address, 1)
}

// add changes the budget of an address. It returns false, and changes nothing, if the budget is used up.
func (r *rejections) add(address string, n float64) bool {
	if address == "" {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	b := budget{left: rejectedBurst, at: now}
	if known, ok := r.byAddress.Get(address); ok {
		b = known.(budget) //nolint:errcheck,forcetypeassert // the cache has no other values
	}
	b.left = min(rejectedBurst, b.left+rejectedPerSecond*max(0, now.Sub(b.at).Seconds()))
	b.at = now
	if n <= 0 && b.left < 1 {
		return false
	}
	if b.left = min(rejectedBurst, b.left+n); b.left == rejectedBurst {
		r.byAddress.Remove(address)
		return true
	}
	r.byAddress.Add(address, b, time.Second*rejectedBurst/rejectedPerSecond)
	return true
}

// newTooManyRejectedError returns the error for a token that is not reviewed.
func newTooManyRejectedError() error {
	return newError(ErrUnavailable, ErrTooManyRejected, "too many tokens from your address were rejected recently: try again in a few seconds")
}
