package controller

import (
	"slices"
	"testing"
	"time"
)

// asks holds the times, in order, at which runs retry.
type asks []time.Time

func (a *asks) add(at time.Time) {
	i, _ := slices.BinarySearchFunc(*a, at, time.Time.Compare)
	*a = slices.Insert(*a, i, at)
}

func (a *asks) first() time.Time {
	at := (*a)[0]
	*a = (*a)[1:]
	return at
}

// A backlog of 100,000 runs that are all due at once is written at 100 per
// second, and no run retries more than a few times: the queue holds them until
// then.
func TestBacklogLimiter_spreadsBacklog(t *testing.T) {
	t.Parallel()
	const runs = 100_000
	for name, late := range map[string]time.Duration{"workers in time": 0, "workers that are late": 3 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p backlogLimiter
			queue := make(asks, runs)
			for i := range queue {
				queue[i] = start
			}
			asked, perSecond, now := 0, map[time.Duration]int{}, start
			for len(queue) > 0 {
				if next := queue.first().Add(late); next.After(now) {
					now = next
				}
				asked++
				if wait := p.admit(now); wait > 0 {
					queue.add(now.Add(wait))
					continue
				}
				perSecond[now.Sub(start)/time.Second]++
			}
			for second, written := range perSecond {
				if written > int(time.Second/backlogInterval)+backlogBurst {
					t.Errorf("%d writes in second %d", written, second)
				}
			}
			if asked > 3*runs {
				t.Errorf("%d calls for %d runs", asked, runs)
			}
			if took, want := now.Sub(start), runs*backlogInterval; took > want+time.Minute {
				t.Errorf("the backlog took %v, want about %v", took, want)
			}
		})
	}
}

// Runs that no longer retry, because the rule changed, do not delay others.
func TestBacklogLimiter_dropsRetriesThatEnded(t *testing.T) {
	t.Parallel()
	var p backlogLimiter
	for range 10_000 {
		p.admit(start)
	}
	now := start.Add(time.Second)
	for range backlogBurst {
		if wait := p.admit(now); wait != 0 {
			t.Fatalf("wait %v after a second without writes", wait)
		}
	}
	if wait := p.admit(now); wait != backlogInterval {
		t.Errorf("wait of the next = %v, want %v", wait, backlogInterval)
	}
}
