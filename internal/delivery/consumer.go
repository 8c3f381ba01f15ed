package delivery

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// retryPause is the wait after the store could not be reached.
const retryPause = 200 * time.Millisecond

// Consumer is one connection of a worker. It is used by one goroutine.
type Consumer struct {
	queue    *Queue
	leases   Leases
	metrics  Metrics
	keys     []string
	clientID string
	registry Registry
	leave    func()
	once     sync.Once
	since    time.Time

	// Guarded by the queue.
	sent  map[string]time.Time // runs that went out, and when; those that are held at least
	again []string             // runs that are to go out once more
	turn  int                  // the key to look at first
	idle  bool                 // waits, and was not woken
	woken chan struct{}        // closed by who wakes it
}

// Next waits for a run of one of the task keys, each of which gets its turn, and
// leases it to this worker. The run then is nobody else's until it is given
// back, it ends, or the worker is gone for good. An error means that the context
// has ended.
func (c *Consumer) Next(ctx context.Context) (*taskrun.Run, error) {
	for {
		if run := c.nextAgain(); run != nil {
			return run, nil
		}
		id := c.queue.claim(c)
		if id == "" {
			select {
			case <-c.woken:
				continue
			case <-ctx.Done():
				c.queue.leave(c)
				return nil, ctx.Err()
			}
		}
		run, err := c.leases.Lease(ctx, id, taskrun.Hold{Worker: c.clientID, LeaseNamespace: c.registry.LeaseNamespace()})
		if err == nil {
			c.note(id)
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

func (c *Consumer) pause(ctx context.Context) {
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Taken tells that the worker has acknowledged the run. There is nothing to
// write: the lease was written before the run was sent.
func (c *Consumer) Taken(context.Context, *taskrun.Run) error { return nil }

// Return gives a run back that the worker did not acknowledge. If that cannot be
// written now, the run is handed out again when the worker counts as gone.
func (c *Consumer) Return(ctx context.Context, run *taskrun.Run) {
	_ = c.leases.Release(ctx, run.ID, c.clientID)
}

// Close tells that the connection is gone.
func (c *Consumer) Close() { c.once.Do(c.leave) }
