package delivery

import (
	"maps"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// A lease is written before its run is sent, so a connected worker can hold a run
// that it never received: the operator ended in between, the response to the write
// was lost, or the release after a Nack failed. Such a run is redelivered to the
// same worker, and to no other. If the worker has the run already, Prefect's
// worker ignores it.

// undelivered is a run that a connected worker holds and that none of the worker's
// present connections to this replica delivered.
type undelivered struct {
	id          string
	connections []*Consumer // latest last
}

// undelivered returns the undelivered runs of this replica's workers.
func (w *Workers) undelivered(now time.Time, grace time.Duration) (found []undelivered) {
	holders := w.queue.holders()
	w.mu.Lock()
	defer w.mu.Unlock()
	for holder, l := range w.local {
		if !l.disconnectedAt.IsZero() || len(l.connections) == 0 {
			continue
		}
		delivered := w.queue.deliveredBy(l.connections, holders[holder], now.Add(-grace))
		connections := slices.Clone(l.connections)
		for _, id := range holders[holder] {
			if !delivered[id] {
				found = append(found, undelivered{id, connections})
			}
		}
	}
	return found
}

// deliveredBy returns the runs that these connections have delivered or are about
// to redeliver. It removes runs from Consumer.delivered that are no longer held and
// were delivered before the given time.
func (q *Queue) deliveredBy(connections []*Consumer, held []string, before time.Time) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := map[string]bool{}
	isHeld := taskrun.SetOf(held)
	for _, c := range connections {
		maps.DeleteFunc(c.delivered, func(id string, at time.Time) bool { return at.Before(before) && !isHeld[id] })
		for id := range c.delivered {
			all[id] = true
		}
	}
	return all
}

// redeliver queues the undelivered runs of this replica's workers whose lease and
// connection are older than the grace period. It returns their ids. A run that
// another operator delivered, to a worker that is connected to both, is left to it.
// A worker that does not serve the task, which a user can name as the holder when a
// run is created, is not sent the run.
func (w *Workers) redeliver(now time.Time, grace time.Duration) (ids []string) {
	own := w.registry.LeaseNamespace()
	for _, u := range w.undelivered(now, grace) {
		run := w.queue.runs.Known(u.id) // not under a lock: the store has its own
		if run == nil || !run.Held() || run.Delivery.LeaseNamespace != own || now.Sub(run.Delivery.Since) < grace {
			continue
		}
		c := latestServing(u.connections, run.TaskKey)
		if c == nil || !unstarted(run, c.clientID) || now.Sub(c.connectedAt) < grace {
			continue
		}
		w.queue.redeliver(c, u.id, now)
		ids = append(ids, u.id)
	}
	return ids
}

// latestServing returns the latest connection that serves the task, nil for none.
func latestServing(connections []*Consumer, taskKey string) *Consumer {
	for _, c := range slices.Backward(connections) {
		if slices.Contains(c.keys, taskKey) {
			return c
		}
	}
	return nil
}

// unstarted reports whether a worker holds a run and has not reported a state of it
// since the delivery. A run that awaits its next attempt has been started.
func unstarted(run *taskrun.Run, clientID string) bool {
	return run.Holder() == clientID && run.State != nil && run.State.Type == orchestration.Scheduled &&
		!run.State.Reported
}

// redeliver has a consumer deliver a run that its worker holds.
func (q *Queue) redeliver(c *Consumer, id string, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c.delivered[id] = now
	c.redeliveries = append(c.redeliveries, id)
	if c.idle {
		q.removeIdle(c)
		close(c.woken)
	}
}

// nextRedelivery returns the next run to redeliver, nil for none.
func (c *Consumer) nextRedelivery() *taskrun.Run {
	for {
		c.queue.mu.Lock()
		if len(c.redeliveries) == 0 {
			c.queue.mu.Unlock()
			return nil
		}
		id := c.redeliveries[0]
		c.redeliveries = c.redeliveries[1:]
		c.queue.mu.Unlock()
		if run := c.queue.runs.Known(id); run != nil && unstarted(run, c.clientID) {
			return run
		}
	}
}

// recordDelivery records that this connection delivers a run.
func (c *Consumer) recordDelivery(run *taskrun.Run) {
	c.metrics.RunDelivered(run.Delivery.Attempts, run.Delivery.Since.Sub(run.Due()))
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	c.delivered[run.ID] = c.queue.clock.Now()
}

// closedChannel never blocks a consumer that waits on it.
var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
