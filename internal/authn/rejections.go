package authn

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// Limits on the tokens of one address that the API server rejects. They are no options: an address of good tokens never
// meets them, however many it sends.
const (
	// rejectedBurst is how many tokens of an address may be rejected at once.
	rejectedBurst = 40
	// rejectedPerSecond is how many more per second.
	rejectedPerSecond = 5
	// maxAddresses is how many addresses are remembered that sent such tokens recently.
	maxAddresses = 4096
)

// ErrTooManyRejected is wrapped by the ErrUnavailable of a token that was not reviewed, because the API server rejected
// too many tokens of the same address recently.
var ErrTooManyRejected = errors.New("too many tokens of the address were rejected recently")

type addressKey struct{}

// WithAddress returns a context of a request from that address, which tokens are counted by. Without one, the number of
// rejected tokens is not limited.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

func addressOf(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
}

// rejections knows whose tokens the API server has recently accepted and rejected.
type rejections struct {
	clock     clock.PassiveClock
	accepted  *cache.LRUExpireCache // seals of tokens
	mu        sync.Mutex
	byAddress *cache.LRUExpireCache // *budget
}

// budget is how many tokens of an address may still be rejected.
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

// origin is what a token counts by.
type origin struct {
	sender  string // in turns
	address string // "": rejections of the token are not limited
}

// originOf returns the origin of a token. One that was accepted recently is a sender of its own, so that its caller does
// not depend on what else comes from its address.
func (r *rejections) originOf(ctx context.Context, seal string) origin {
	if _, accepted := r.accepted.Get(seal); accepted {
		return origin{sender: "token " + seal}
	}
	address := addressOf(ctx)
	return origin{sender: "address " + address, address: address}
}

// allowed reports whether another token of the address may be rejected.
func (r *rejections) allowed(address string) bool { return r.add(address, 0) }

// take reports the same, and counts the token as a rejected one.
func (r *rejections) take(address string) bool { return r.add(address, -1) }

// settle corrects the count once it is known what became of the token.
func (r *rejections) settle(o origin, seal string, err error) {
	if err == nil {
		r.accepted.Add(seal, struct{}{}, maxTTL)
	}
	if errors.Is(err, ErrUnauthenticated) {
		r.accepted.Remove(seal)
		return
	}
	r.add(o.address, 1)
}

// add changes the budget of an address, unless there is nothing left to take from.
func (r *rejections) add(address string, n float64) bool {
	if address == "" {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	b := budget{left: rejectedBurst, at: now}
	if known, ok := r.byAddress.Get(address); ok {
		b = known.(budget) //nolint:errcheck,forcetypeassert // nothing else is in there
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

// tooManyRejected is the answer to a token that is not reviewed.
func tooManyRejected() error {
	return refuse(ErrUnavailable, ErrTooManyRejected, "too many tokens from your address were rejected recently: try again in a few seconds")
}
