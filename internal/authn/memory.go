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

// waitingPerReview is how many questions wait for each that is asked; what comes then is refused, so that a flood of
// questions whose callers have long gone does not fill the memory.
const waitingPerReview = 32

var errTooMany = errors.New("too many questions wait for the API server")

// answer is what the API server said.
type answer[V any] struct {
	value V
	err   error
	// keep is how long it is remembered. 0: not at all.
	keep time.Duration
	// expires is the first moment at which it is not good any more, however long it is remembered. Zero: none.
	expires time.Time
}

// memory remembers answers and asks a question once for all that want the answer at the same time. Good answers and bad
// ones have a cache each, so that a flood of bad ones does not displace the good.
type memory[V any] struct {
	clock     clock.PassiveClock
	good, bad *cache.LRUExpireCache
	flight    singleflight.Group
	turns     *turns
	timeout   time.Duration
	fail      func(error) *Error
}

func newMemory[V any](o *Options, now clock.PassiveClock, fail func(error) *Error) *memory[V] {
	return &memory[V]{
		clock:   now,
		good:    cache.NewLRUExpireCacheWithClock(o.CacheSize, now),
		bad:     cache.NewLRUExpireCacheWithClock(o.CacheSize, now),
		turns:   newTurns(o.MaxReviews, o.MaxReviews*waitingPerReview),
		timeout: o.Timeout,
		fail:    fail,
	}
}

// ask returns the remembered answer to a question, or that of review, for which the senders of questions take turns. A
// caller who goes away does not end the review, for others may wait for it.
func (m *memory[V]) ask(ctx context.Context, question, sender string, review func(context.Context) answer[V]) (V, error) {
	if known, ok := m.recall(question); ok {
		return known.value, known.err
	}
	var none V
	done := m.flight.DoChan(question, func() (any, error) {
		// It may have been answered between the look above and now.
		if known, ok := m.recall(question); ok {
			return known, nil
		}
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.timeout)
		defer cancel()
		a := m.inTurn(detached, sender, review)
		m.remember(question, a)
		return a, nil
	})
	select {
	case result := <-done:
		if a, ok := result.Val.(answer[V]); ok {
			return a.value, a.err
		}
		// No answer is not a good one.
		return none, m.fail(result.Err)
	case <-ctx.Done():
		return none, m.fail(context.Cause(ctx))
	}
}

// inTurn reviews when it is the sender's turn.
func (m *memory[V]) inTurn(ctx context.Context, sender string, review func(context.Context) answer[V]) answer[V] {
	done, err := m.turns.take(ctx, sender)
	if err != nil {
		return answer[V]{err: m.fail(err)}
	}
	defer done()
	return review(ctx)
}

func (m *memory[V]) recall(question string) (answer[V], bool) {
	for _, c := range []*cache.LRUExpireCache{m.good, m.bad} {
		found, ok := c.Get(question)
		if !ok {
			continue
		}
		known, ok := found.(answer[V])
		if ok && (known.expires.IsZero() || m.clock.Now().Before(known.expires)) {
			return known, true
		}
		c.Remove(question)
	}
	return answer[V]{}, false
}

func (m *memory[V]) remember(question string, a answer[V]) {
	switch {
	case a.keep <= 0:
	case a.err == nil:
		m.bad.Remove(question)
		m.good.Add(question, a, a.keep)
	default:
		m.bad.Add(question, a, a.keep)
	}
}

// sealer makes the keys of caches: what was asked about cannot be read from them, and no caller can choose two questions
// with one key.
type sealer [sha256.Size]byte

func newSealer() sealer {
	var s sealer
	_, _ = rand.Read(s[:]) // it cannot fail
	return s
}

// seal returns a key for texts. Each has its length before it, so no two lists of texts have the same bytes.
func (s *sealer) seal(texts ...string) string {
	mac := hmac.New(sha256.New, s[:])
	var length [8]byte
	for _, text := range texts {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		mac.Write(length[:])
		mac.Write([]byte(text))
	}
	return string(mac.Sum(nil))
}
