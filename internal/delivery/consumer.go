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
	reservation  *Reservation         // of this consumer, which waits for its end
	assigned     *taskrun.Run         // created for this consumer; not returned by Next yet
}

// Next waits for a run of one of the task keys, in round robin, and leases it to
// this worker. The worker holds the run until the run is released, the run
// finishes, or the worker is lost. An error means that the context has ended.
func (c *Consumer) Next(ctx context.Context) (*taskrun.Run, error) {
	for {
		if run := c.nextRedelivery(); run != nil {
			return run, nil
		}
		id := c.queue.claim(c)
		if id == "" {
			run, err := c.wait(ctx)
			if err != nil || run != nil {
				return run, err
			}
			continue
		}
		run, err := c.leases.Lease(ctx, id, taskrun.Hold{Worker: c.clientID, LeaseNamespace: c.registry.LeaseNamespace()})
		if err == nil {
			c.recordDelivery(id)
			c.metrics.RunDelivered(run.Delivery.Attempts, run.Delivery.Since.Sub(run.Due()))
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

// wait waits until the consumer is woken. It returns the run that was created for the
// consumer, if any, also when the context has ended: its lease was written.
func (c *Consumer) wait(ctx context.Context) (*taskrun.Run, error) {
	var err error
	select {
	case <-c.woken:
	case <-ctx.Done():
		c.queue.cancel(c)
		err = ctx.Err()
	}
	run := c.takeAssigned()
	if run == nil {
		return nil, err
	}
	c.recordDelivery(run.ID)
	c.metrics.RunDelivered(run.Delivery.Attempts, run.Delivery.Since.Sub(run.Due()))
	return run, nil
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
