package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// waitingPerReview is the number of reviews that wait for each one that runs. Further reviews are rejected, so that
// reviews whose callers have disconnected do not fill the memory.
const waitingPerReview = 32

var errTooMany = errors.New("too many reviews wait for the API server")

// result is the result of a review.
type result[V any] struct {
	value V
	err   error
	// ttl is the time in the cache. 0 means that the result is not cached.
	ttl time.Duration
	// expires is the time from which the result is invalid, whatever its ttl. Zero means never.
	expires time.Time
}

// reviewCache caches results of reviews, and merges concurrent reviews of one key. Accepted and rejected results have
// separate caches, so that many rejected ones do not evict the accepted ones.
type reviewCache[V any] struct {
	clock              clock.PassiveClock
	accepted, rejected *cache.LRUExpireCache
	flight             singleflight.Group
	queue              *fairQueue
	timeout            time.Duration
	fail               func(error) *Error
}

func newReviewCache[V any](o *Options, now clock.PassiveClock, fail func(error) *Error) *reviewCache[V] {
	return &reviewCache[V]{
		clock:    now,
		accepted: cache.NewLRUExpireCacheWithClock(o.CacheSize, now),
		rejected: cache.NewLRUExpireCacheWithClock(o.CacheSize, now),
		queue:    newFairQueue(o.MaxReviews, o.MaxReviews*waitingPerReview),
		timeout:  o.Timeout,
		fail:     fail,
	}
}

// review returns the cached result of a key, or that of do, which waits in the fair queue of senders. A caller that
// disconnects does not end the review, because others may wait for it.
func (c *reviewCache[V]) review(ctx context.Context, key, sender string, do func(context.Context) result[V]) (V, error) {
	if known, ok := c.get(key); ok {
		return known.value, known.err
	}
	var none V
	done := c.flight.DoChan(key, func() (any, error) {
		// Another review of the key may have ended since the first lookup.
		if known, ok := c.get(key); ok {
			return known, nil
		}
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		a := c.reviewQueued(detached, sender, do)
		c.add(key, a)
		return a, nil
	})
	select {
	case flight := <-done:
		if a, ok := flight.Val.(result[V]); ok {
			return a.value, a.err
		}
		// No result is not an accepted one.
		return none, c.fail(flight.Err)
	case <-ctx.Done():
		return none, c.fail(context.Cause(ctx))
	}
}

// reviewQueued reviews when the fair queue admits the sender.
func (c *reviewCache[V]) reviewQueued(ctx context.Context, sender string, do func(context.Context) result[V]) result[V] {
	done, err := c.queue.acquire(ctx, sender)
	if err != nil {
		return result[V]{err: c.fail(err)}
	}
	defer done()
	return do(ctx)
}

func (c *reviewCache[V]) get(key string) (result[V], bool) {
	for _, lru := range []*cache.LRUExpireCache{c.accepted, c.rejected} {
		found, ok := lru.Get(key)
		if !ok {
			continue
		}
		known, ok := found.(result[V])
		if ok && (known.expires.IsZero() || c.clock.Now().Before(known.expires)) {
			return known, true
		}
		lru.Remove(key)
	}
	return result[V]{}, false
}

func (c *reviewCache[V]) add(key string, a result[V]) {
	switch {
	case a.ttl <= 0:
	case a.err == nil:
		c.rejected.Remove(key)
		c.accepted.Add(key, a, a.ttl)
	default:
		c.rejected.Add(key, a, a.ttl)
	}
}

// keyHasher computes cache keys. A key does not reveal what it was computed from, and a caller cannot find two inputs
// with one key.
type keyHasher [sha256.Size]byte

func newKeyHasher() keyHasher {
	var h keyHasher
	_, _ = rand.Read(h[:]) // it cannot fail
	return h
}

// key returns the key of a list of texts. Each text follows its length, so no two lists have the same bytes.
func (h *keyHasher) key(texts ...string) string {
	mac := hmac.New(sha256.New, h[:])
	var length [8]byte
	for _, text := range texts {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		mac.Write(length[:])
		mac.Write([]byte(text))
	}
	return string(mac.Sum(nil))
}
