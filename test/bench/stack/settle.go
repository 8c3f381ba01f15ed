package stack

import (
	"context"
	"fmt"
	"time"
)

const (
	// settled is the time without writes after which the operator is idle. It is
	// longer than the interval at which the operator checks a run that no client
	// changes.
	settled = 3 * time.Second
	// settleLimit is the timeout, long enough for tens of thousands of new runs.
	settleLimit = 10 * time.Minute
)

// Settle returns when the operator has no work left for recently created runs,
// which would affect the next measurement.
func (o *Operator) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	tick := time.NewTicker(settled / 10)
	defer tick.Stop()
	last, since := -1.0, time.Now()
	for {
		writes, err := o.Writes(ctx)
		if err != nil {
			return fmt.Errorf("waiting for the operator's work to be done: %w", err)
		}
		if writes != last {
			last, since = writes, time.Now()
		}
		if time.Since(since) > settled {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the operator's work is not done within %s: %w", settleLimit, ctx.Err())
		}
	}
}
