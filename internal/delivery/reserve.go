package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// A run that is created while a worker of its task is ready is created for that worker:
// the object has its first lease, so that one write is enough. The worker gets such
// runs one after the other, in the order in which their creates end.

const (
	// maxReserved is the maximum number of runs for one consumer that are being created
	// or were not sent yet. A create takes much longer than a worker takes to accept a
	// run.
	maxReserved = 8
	// acceptWithin is the time within which a worker that is ready accepts a run. After
	// it, the worker has reached its limit: it gets no further runs, and those that were
	// created for it and not sent go to other workers.
	acceptWithin = 100 * time.Millisecond
	// releaseTimeout limits the release of such runs.
	releaseTimeout = 10 * time.Second
)

// Reservation is a consumer that is ready, during the create of a run. It ends with Deliver or
// Cancel, further calls have no effect.
type Reservation struct {
	consumer *Consumer
	hold     taskrun.Hold
	ended    bool
}

var _ usecase.ReadyWorkers = (*Workers)(nil)

// Reserve returns a worker of the task that is ready, nil if there is none, if runs of
// the task are due, which go first, or if this replica cannot keep a Lease: other operators
// would not find the worker.
func (w *Workers) Reserve(taskKey string) usecase.Reservation {
	namespace := w.registry.LeaseNamespace()
	if namespace == taskrun.NoLease {
		return nil
	}
	c := w.queue.reserve(taskKey)
	if c == nil {
		return nil
	}
	return &Reservation{consumer: c, hold: taskrun.Hold{Worker: c.clientID, LeaseNamespace: namespace}}
}

// Hold returns the worker.
func (r *Reservation) Hold() taskrun.Hold { return r.hold }

// Deliver sends the created run to the worker. If the worker has disconnected since,
// the run is released.
func (r *Reservation) Deliver(ctx context.Context, run *taskrun.Run) {
	if !r.ended && !r.end(ctx, run) {
		r.consumer.release(ctx, []*taskrun.Run{run})
	}
}

// Cancel ends the reservation without a run.
func (r *Reservation) Cancel() {
	if !r.ended {
		r.end(context.Background(), nil)
	}
}

// end assigns the run to the consumer. It reports false if the consumer is closed.
func (r *Reservation) end(ctx context.Context, run *taskrun.Run) bool {
	r.ended = true
	c := r.consumer
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	c.reserved--
	if c.closed || run == nil {
		return false
	}
	c.assigned = append(c.assigned, run)
	c.expectNext(ctx)
	if c.idle {
		c.queue.removeIdle(c)
		close(c.woken)
	}
	return true
}

// reserve returns the consumer of the task that is ready and was reserved least recently,
// an idle one if possible.
func (q *Queue) reserve(key string) *Consumer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.backlog != nil || q.hasDue(key) {
		return nil
	}
	now := q.clock.Now()
	for _, consumers := range [][]*Consumer{q.idle[key], q.consumers[key]} {
		i := slices.IndexFunc(consumers, func(c *Consumer) bool { return c.ready(now) })
		if i < 0 {
			continue
		}
		c := consumers[i]
		c.reserved++
		q.leave(c)
		q.join(c) // behind the others
		if c.idle {
			q.removeIdle(c)
			q.addIdle(c)
		}
		return c
	}
	return nil
}

// ready reports whether the consumer is expected to take a run at once.
func (c *Consumer) ready(now time.Time) bool {
	return c.reserved+len(c.assigned) < maxReserved && (c.inNext || now.Sub(c.returned) < acceptWithin)
}

// join adds a consumer to those of its task keys.
func (q *Queue) join(c *Consumer) {
	for _, key := range c.keys {
		q.consumers[key] = append(q.consumers[key], c)
	}
}

// leave removes a consumer from those of its task keys.
func (q *Queue) leave(c *Consumer) { removeConsumer(q.consumers, c) }

// removeConsumer removes a consumer from the lists of its task keys.
func removeConsumer(lists map[string][]*Consumer, c *Consumer) {
	for _, key := range c.keys {
		lists[key] = slices.DeleteFunc(lists[key], func(other *Consumer) bool { return other == c })
		if len(lists[key]) == 0 {
			delete(lists, key)
		}
	}
}

func (q *Queue) hasDue(key string) (due bool) {
	t := q.queues[key]
	if t == nil {
		return false
	}
	q.update(t, func() { due = t.due(q.clock.Now(), 1) > 0 })
	return due
}

// nextAssigned returns the next run that was created for the consumer, nil for none.
func (c *Consumer) nextAssigned() *taskrun.Run {
	c.queue.mu.Lock()
	if len(c.assigned) == 0 {
		c.queue.mu.Unlock()
		return nil
	}
	run := c.assigned[0]
	c.assigned = c.assigned[1:]
	c.queue.mu.Unlock()
	c.recordDelivery(run)
	return run
}

func (c *Consumer) beginNext() {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	if !c.joined {
		c.joined = true
		c.queue.join(c)
	}
	c.inNext = true
	if c.overdue != nil {
		c.overdue.Stop()
		c.overdue = nil
	}
}

func (c *Consumer) endNext(ctx context.Context) {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	c.inNext = false
	if ctx.Err() == nil {
		c.returned = c.queue.clock.Now()
	}
	c.expectNext(ctx)
}

// expectNext releases the assigned runs unless Next is called within acceptWithin. The
// queue is locked.
func (c *Consumer) expectNext(ctx context.Context) {
	if len(c.assigned) > 0 && !c.inNext && c.overdue == nil {
		c.overdue = time.AfterFunc(acceptWithin, func() {
			// After a panic, the runs are sent to their worker after the grace period.
			_ = panics.Guard(func() error {
				c.release(ctx, c.takeAssigned())
				return nil
			})
		})
	}
}

// takeAssigned removes the assigned runs.
func (c *Consumer) takeAssigned() []*taskrun.Run {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	runs := c.assigned
	c.assigned, c.overdue = nil, nil
	return runs
}

// closeAssigned releases the assigned runs, and those of creates that have not ended.
func (c *Consumer) closeAssigned(ctx context.Context) {
	c.queue.mu.Lock()
	c.closed = true
	c.queue.leave(c)
	if c.overdue != nil {
		c.overdue.Stop()
	}
	c.queue.mu.Unlock()
	c.release(ctx, c.takeAssigned())
}

// release releases runs that were created for the consumer and not sent, also after the
// end of the context.
func (c *Consumer) release(ctx context.Context, runs []*taskrun.Run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	for _, run := range runs {
		c.Nack(ctx, run)
	}
}
