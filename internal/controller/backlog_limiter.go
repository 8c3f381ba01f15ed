package controller

import (
	"sync"
	"time"
)

const (
	// paceInterval is the time between two writes of a backlog: 100 a second, which
	// uses about 0.3 s of kube-apiserver's CPU.
	backlogInterval = 10 * time.Millisecond
	// backlogBurst is the maximum number of writes at once.
	backlogBurst = 10
)

// backlogLimiter spreads the writes of a backlog over time: deletions of runs that
// expired some time ago, and new expiration times after a rule changed. A write that
// is not admitted gets a distinct time for its retry, so that each of 100,000 runs
// retries about once, and the queue is never full of due runs. The zero value is ready
// to use.
type backlogLimiter struct {
	mu   sync.Mutex
	full time.Time // time at which the whole burst is available again
	last time.Time // latest retry time that was assigned
}

// admit returns 0 if a write is admitted now, otherwise the time until the retry.
func (l *backlogLimiter) admit(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.full.After(now) { // no recent writes: assigned retries no longer matter
		l.full, l.last = now, now
	}
	if l.full.Sub(now) <= (backlogBurst-1)*backlogInterval {
		l.full = l.full.Add(backlogInterval)
		return 0
	}
	if earliest := l.full.Add(-(backlogBurst - 1) * backlogInterval); l.last.Before(earliest) {
		l.last = earliest
	}
	wait := l.last.Sub(now)
	l.last = l.last.Add(backlogInterval)
	return wait
}
