package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// A run that is created while a worker of its task is idle is created in the hands of
// that worker: the object has its first lease, so that one write is enough. The worker
// is reserved during the write, and gets no other run.

// releaseTimeout limits the release of a run whose worker left during the create.
const releaseTimeout = 10 * time.Second

// Reservation is an idle consumer that is kept for a run. It ends with Deliver or
// Cancel, further calls have no effect.
type Reservation struct {
	consumer *Consumer
	hold     taskrun.Hold
	ended    bool
}

var _ usecase.IdleWorkers = (*Workers)(nil)

// Reserve reserves the consumer of the task key that has been idle longest. It returns
// nil if there is none, if runs of the task key are due, which go first, or if this
// replica cannot keep a Lease: other operators would not find the worker.
func (w *Workers) Reserve(taskKey string) usecase.Reservation {
	namespace := w.registry.LeaseNamespace()
	if namespace == taskrun.NoLease {
		return nil
	}
	r := w.queue.reserve(taskKey)
	if r == nil {
		return nil
	}
	r.hold = taskrun.Hold{Worker: r.consumer.clientID, LeaseNamespace: namespace}
	return r
}

// Hold returns the worker that was reserved.
func (r *Reservation) Hold() taskrun.Hold { return r.hold }

// Deliver gives the created run to the worker. If the worker has disconnected since,
// Deliver releases the run.
func (r *Reservation) Deliver(ctx context.Context, run *taskrun.Run) {
	if r.ended {
		return
	}
	r.ended = true
	if r.consumer.queue.assign(r, run) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	r.consumer.Nack(ctx, run)
}

// Cancel gives the worker back.
func (r *Reservation) Cancel() {
	if r.ended {
		return
	}
	r.ended = true
	r.consumer.queue.assign(r, nil)
}

// reserve removes the consumer that has been idle longest from the idle consumers, and
// reserves it.
func (q *Queue) reserve(key string) *Reservation {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.backlog != nil || len(q.idle[key]) == 0 || q.hasDue(key) {
		return nil
	}
	c := q.idle[key][0]
	q.removeIdle(c)
	c.nextKey = (slices.Index(c.keys, key) + 1) % len(c.keys) // round robin
	c.reservation = &Reservation{consumer: c}
	return c.reservation
}

func (q *Queue) hasDue(key string) (due bool) {
	t := q.queues[key]
	if t == nil {
		return false
	}
	q.update(t, func() { due = t.due(q.clock.Now(), 1) > 0 })
	return due
}

// assign ends a reservation and wakes its consumer, with or without a run. It reports
// false if the consumer no longer waits.
func (q *Queue) assign(r *Reservation, run *taskrun.Run) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := r.consumer
	if c.reservation != r {
		return false
	}
	c.reservation, c.assigned = nil, run
	close(c.woken)
	return true
}

// takeAssigned returns the run that was created for the consumer, once.
func (c *Consumer) takeAssigned() *taskrun.Run {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	run := c.assigned
	c.assigned = nil
	return run
}
