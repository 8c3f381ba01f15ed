package delivery

import (
	"maps"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// A lease is written before its run is sent, so a run can be leased to a worker
// that lives and never got it: this program died in between, or the answer to
// the write was lost, or a run that came back could not be given back. Such a
// run is sent to the same worker again, and to no other: if that one has it after
// all, Prefect's worker drops what it is at work on already.

// forgotten are those of the runs that a worker holds, has not begun for a
// while, and that none of its connections here handed out.
func (w *Workers) forgotten(now time.Time, grace time.Duration) map[*Consumer][]string {
	found := map[*Consumer][]string{}
	holders := w.queue.holders()
	w.mu.Lock()
	defer w.mu.Unlock()
	for holder, l := range w.here {
		if !l.gone.IsZero() || len(l.connections) == 0 {
			continue
		}
		sent := w.queue.sentBy(l.connections, holders[holder], now.Add(-grace))
		newest := l.connections[len(l.connections)-1]
		for _, id := range holders[holder] {
			if !sent[id] {
				found[newest] = append(found[newest], id)
			}
		}
	}
	return found
}

// sentBy are the runs that these connections have handed out or are to. What is
// no longer held is dropped from their books, unless it was handed out just now.
func (q *Queue) sentBy(connections []*Consumer, held []string, before time.Time) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := map[string]bool{}
	isHeld := taskrun.SetOf(held)
	for _, c := range connections {
		maps.DeleteFunc(c.sent, func(id string, at time.Time) bool { return at.Before(before) && !isHeld[id] })
		for id := range c.sent {
			all[id] = true
		}
	}
	return all
}

// sendAgain has the workers of this replica get what they should have got. What
// another operator sent to a worker that is connected to both is left to that one.
func (w *Workers) sendAgain(now time.Time, grace time.Duration) (ids []string) {
	own := w.registry.LeaseNamespace()
	for c, held := range w.forgotten(now, grace) {
		for _, id := range held {
			run := w.queue.runs.Known(id) // not under a lock: the store has its own
			if run == nil || !notBegun(run, c.clientID) || run.Delivery.LeaseNamespace != own || now.Sub(run.Delivery.Since) < grace || now.Sub(c.since) < grace {
				continue
			}
			w.queue.again(c, id, now)
			ids = append(ids, id)
		}
	}
	return ids
}

// notBegun reports whether a worker holds a run of which it has not reported
// anything since. One that waits for its next try has been begun.
func notBegun(run *taskrun.Run, clientID string) bool {
	return run.Holder() == clientID && run.State != nil && run.State.Type == orchestration.Scheduled &&
		!run.State.Reported
}

// again has a consumer hand out a run that its worker holds.
func (q *Queue) again(c *Consumer, id string, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c.sent[id] = now
	c.again = append(c.again, id)
	if c.idle {
		q.unlist(c)
		close(c.woken)
	}
}

// nextAgain is a run that is to be handed out again, nil for none.
func (c *Consumer) nextAgain() *taskrun.Run {
	for {
		c.queue.mu.Lock()
		if len(c.again) == 0 {
			c.queue.mu.Unlock()
			return nil
		}
		id := c.again[0]
		c.again = c.again[1:]
		c.queue.mu.Unlock()
		if run := c.queue.runs.Known(id); run != nil && notBegun(run, c.clientID) {
			return run
		}
	}
}

// note keeps in mind that this connection handed a run out.
func (c *Consumer) note(id string) {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	c.sent[id] = c.queue.clock.Now()
}

// closedChannel is what a consumer waits on that need not wait.
var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
