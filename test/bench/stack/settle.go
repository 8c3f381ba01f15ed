package stack

import (
	"context"
	"fmt"
	"time"
)

const (
	// settled is for how long the operator has to write nothing: longer than it lets
	// pass between two looks at a run that nobody moves.
	settled = 3 * time.Second
	// settleLimit bounds the wait: tens of thousands of runs may have been made.
	settleLimit = 10 * time.Minute
)

// Settle returns when the operator has done what was left to do for runs that were
// made, so that it does not get into what is measured next.
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
