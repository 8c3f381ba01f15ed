package controller

import (
	"sync"
	"time"
)

const (
	// paceInterval is the time between two writes of a backlog: 100 a second, which
	// takes about 0.3 s of kube-apiserver's CPU.
	paceInterval = 10 * time.Millisecond
	// paceBurst is how many of them may follow each other at once.
	paceBurst = 10
)

// pacer spreads the writes of a backlog over time: deletions of runs that expired
// a while ago, and new expiration times after a rule changed. A write that is not
// admitted gets a time of its own to ask again, so that each of 100,000 runs asks
// about twice, and the queue is never full of runs that are due. The zero pacer is
// ready to use.
type pacer struct {
	mu   sync.Mutex
	full time.Time // when the burst is available again in whole
	last time.Time // the last time that was given to ask again
}

// admit returns 0 if a write may be made now, else the time after which to ask
// again.
func (p *pacer) admit(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.full.After(now) { // nothing was written lately: what was to come is gone
		p.full, p.last = now, now
	}
	if p.full.Sub(now) <= (paceBurst-1)*paceInterval {
		p.full = p.full.Add(paceInterval)
		return 0
	}
	if earliest := p.full.Add(-(paceBurst - 1) * paceInterval); p.last.Before(earliest) {
		p.last = earliest
	}
	wait := p.last.Sub(now)
	p.last = p.last.Add(paceInterval)
	return wait
}
