package delivery

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// retryPause is the wait after a failed call of the store.
const retryPause = 200 * time.Millisecond

// Consumer is one connection of a worker. It is used by one goroutine.
type Consumer struct {
	queue       *Queue
	leases      Leases
	metrics     Metrics
	keys        []string
	clientID    string
	registry    Registry
	onClose     func()
	once        sync.Once
	connectedAt time.Time

	// Guarded by the queue.
	delivered    map[string]time.Time // delivery times of runs; includes all held runs
	redeliveries []string             // runs to redeliver
	nextKey      int                  // index of the key to check first
	idle         bool                 // waits and was not woken
	woken        chan struct{}        // closed to wake the consumer
	reserved     int                  // creates for this consumer that have not ended
	assigned     []*taskrun.Run       // created for this consumer, and not sent yet
	inNext       bool                 // Next is being called
	returned     time.Time            // latest return of Next with a run
	joined       bool                 // is in Queue.consumers
	overdue      *time.Timer          // see expectNext; nil: not expected
	closed       bool
}

// Next waits for a run of one of the task keys, in round robin, and leases it to
// this worker. The worker holds the run until the run is released, the run
// finishes, or the worker is lost. An error means that the context has ended.
func (c *Consumer) Next(ctx context.Context) (*taskrun.Run, error) {
	c.beginNext()
	defer c.endNext(ctx)
	for {
		if run := c.nextHeld(); run != nil {
			return run, nil
		}
		id := c.queue.claim(c)
		if id == "" {
			if err := c.wait(ctx); err != nil {
				return nil, err
			}
			continue
		}
		run, err := c.leases.Lease(ctx, id, taskrun.Hold{Worker: c.clientID, LeaseNamespace: c.registry.LeaseNamespace()})
		if err == nil {
			c.recordDelivery(run)
			return run, nil
		}
		c.queue.restore(id)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !errors.Is(err, usecase.ErrNotWaiting) && !errors.Is(err, taskrun.ErrNotFound) {
			c.pause(ctx)
		}
	}
}

// nextHeld returns the next run that this worker holds and has to be sent, nil for none.
func (c *Consumer) nextHeld() *taskrun.Run {
	if run := c.nextRedelivery(); run != nil {
		return run
	}
	return c.nextAssigned()
}

// wait waits until the consumer is woken.
func (c *Consumer) wait(ctx context.Context) error {
	select {
	case <-c.woken:
		return nil
	case <-ctx.Done():
		c.queue.cancel(c)
		return ctx.Err()
	}
}

func (c *Consumer) pause(ctx context.Context) {
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Nack releases a run that the worker did not acknowledge. If the write fails, the
// run is redelivered when the worker counts as lost. An acknowledgment needs no
// write: the lease was written before the run was sent.
func (c *Consumer) Nack(ctx context.Context, run *taskrun.Run) {
	_ = c.leases.Release(ctx, run.ID, c.clientID)
}

// Close ends the connection. Further calls have no effect.
func (c *Consumer) Close() { c.once.Do(c.onClose) }
