package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// askAgain is how often a store that is not ready is asked.
const askAgain = 100 * time.Millisecond

// whenReady starts the controller when the use cases see all runs: one that is
// not in the view yet would be asked for over the network, each by itself.
type whenReady struct {
	inner manager.Runnable
	ready func(context.Context) error
}

// Start waits, and then runs the controller until the context ends.
func (w whenReady) Start(ctx context.Context) error {
	ticker := time.NewTicker(askAgain)
	defer ticker.Stop()
	for first := true; ; first = false {
		err := w.ready(ctx)
		if err == nil {
			return w.inner.Start(ctx)
		}
		if first {
			log.FromContext(ctx).Info("the controller waits for the store", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
