package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// readyInterval is the time between two checks of a store that is not ready.
const readyInterval = 100 * time.Millisecond

// whenReady starts the controller when the use cases see all runs. Before that, each
// run would be read from the API server separately.
type whenReady struct {
	inner manager.Runnable
	ready func(context.Context) error
}

// Start waits, and then runs the controller until the context ends.
func (w whenReady) Start(ctx context.Context) error {
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for first := true; ; first = false {
		err := w.ready(ctx)
		if err == nil {
			return w.inner.Start(ctx)
		}
		if first {
			log.FromContext(ctx).Info("controller waits for the store", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
