package authn

import (
	"context"
	"slices"
	"sync"
)

// fairQueue limits the number of concurrent reviews. Waiting reviews start round-robin by sender, so that a sender of
// many does not delay a sender of few. No sender gets the last quarter of the limit. If too many reviews wait, the newest
// one of the sender with the most is rejected.
type fairQueue struct {
	limit, senderLimit, waitingLimit int

	mu      sync.Mutex
	running int
	waiting int
	senders map[string]*sender
	order   []string // senders of reviews with waiting reviews, the next one first
}

// sender is a source of reviews.
type sender struct {
	running int
	waiting []*waiter // oldest first
}

// waiter is a waiting review.
type waiter struct{ granted chan bool } // false if too many wait

func newFairQueue(most, mostWaiting int) *fairQueue {
	return &fairQueue{limit: most, senderLimit: max(1, most-most/4), waitingLimit: mostWaiting, senders: map[string]*sender{}}
}

// acquire waits until a review of the sender may start, or ctx ends. The caller calls done at the end of the review.
func (q *fairQueue) acquire(ctx context.Context, name string) (done func(), err error) {
	w := q.enqueue(name)
	select {
	case granted := <-w.granted:
		if !granted {
			return nil, errTooMany
		}
		return func() { q.release(name) }, nil
	case <-ctx.Done():
		q.abandon(name, w)
		return nil, ctx.Err()
	}
}

func (q *fairQueue) enqueue(name string) *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.senders[name]
	if s == nil {
		s = &sender{}
		q.senders[name] = s
	}
	w := &waiter{granted: make(chan bool, 1)}
	s.waiting = append(s.waiting, w)
	q.waiting++
	if len(s.waiting) == 1 {
		q.order = append(q.order, name)
	}
	q.dispatch()
	if q.waiting > q.waitingLimit {
		q.rejectOne()
	}
	return w
}

// dispatch starts waiting reviews up to the limit.
func (q *fairQueue) dispatch() {
	for q.running < q.limit {
		i := slices.IndexFunc(q.order, func(name string) bool { return q.senders[name].running < q.senderLimit })
		if i < 0 {
			return
		}
		name := q.order[i]
		s := q.senders[name]
		next := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.running++
		q.running++
		q.waiting--
		q.order = slices.Delete(q.order, i, i+1)
		if len(s.waiting) > 0 {
			q.order = append(q.order, name)
		}
		next.granted <- true
	}
}

// rejectOne rejects the newest review of the sender with the most that wait.
func (q *fairQueue) rejectOne() {
	name := slices.MaxFunc(q.order, func(a, b string) int { return len(q.senders[a].waiting) - len(q.senders[b].waiting) })
	waiting := q.senders[name].waiting
	newest := waiting[len(waiting)-1]
	q.remove(name, newest)
	newest.granted <- false
}

// abandon removes a waiting review, or releases it if it was started since.
func (q *fairQueue) abandon(name string, w *waiter) {
	select {
	case granted := <-w.granted:
		if granted {
			q.release(name)
		}
		return
	default:
	}
	q.mu.Lock()
	left := q.remove(name, w)
	q.mu.Unlock()
	if !left && <-w.granted {
		q.release(name)
	}
}

// remove removes a waiting review. It returns false if the review does not wait anymore.
func (q *fairQueue) remove(name string, w *waiter) bool {
	s := q.senders[name]
	if s == nil {
		return false
	}
	i := slices.Index(s.waiting, w)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	q.waiting--
	if len(s.waiting) == 0 {
		q.order = slices.DeleteFunc(q.order, func(other string) bool { return other == name })
	}
	q.deleteIdle(name)
	return true
}

func (q *fairQueue) release(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	q.senders[name].running--
	q.deleteIdle(name)
	q.dispatch()
}

// deleteIdle deletes a sender without reviews.
func (q *fairQueue) deleteIdle(name string) {
	if s := q.senders[name]; s.running == 0 && len(s.waiting) == 0 {
		delete(q.senders, name)
	}
}

// size is the number of reviews that run or wait.
func (q *fairQueue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running + q.waiting
}
