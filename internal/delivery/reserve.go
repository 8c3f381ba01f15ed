package delivery

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// A run that is created while a worker of its task is idle is created for that worker:
// the object has its first lease, so that one write is enough. The worker gets such
// runs one after the other, in the order in which their creates end.

const (
	// maxReserved is the maximum number of creates at a time for one idle consumer. A
	// create takes much longer than a worker takes to accept a run.
	maxReserved = 8
	// sendWithin is the time after which runs that were created for a consumer go to
	// other workers if the consumer has not accepted the one before: the worker has
	// reached its limit.
	sendWithin = 100 * time.Millisecond
	// releaseTimeout limits the release of such runs.
	releaseTimeout = 10 * time.Second
)

// Reservation is an idle consumer during the create of a run. It ends with Deliver or
// Cancel, further calls have no effect.
type Reservation struct {
	consumer *Consumer
	hold     taskrun.Hold
	ended    bool
}

var _ usecase.IdleWorkers = (*Workers)(nil)

// Reserve returns an idle worker of the task, nil if there is none, if runs of the task
// are due, which go first, or if this replica cannot keep a Lease: other operators
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

// reserve returns the idle consumer of the task that was reserved least recently.
func (q *Queue) reserve(key string) *Consumer {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.backlog != nil || len(q.idle[key]) == 0 || q.hasDue(key) {
		return nil
	}
	c := q.idle[key][0]
	if c.reserved >= maxReserved {
		return nil
	}
	c.reserved++
	q.removeIdle(c)
	q.addIdle(c) // behind the others
	return c
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
	c.expectNext(ctx)
}

// expectNext releases the assigned runs unless Next is called within sendWithin. The
// queue is locked.
func (c *Consumer) expectNext(ctx context.Context) {
	if len(c.assigned) > 0 && !c.inNext && c.overdue == nil {
		c.overdue = time.AfterFunc(sendWithin, func() { c.release(ctx, c.takeAssigned()) })
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
