package concurrency

import (
	"context"
	"sync"
)

// Writers owns the goroutines that write the limits of all namespaces. A write outlives
// the caller that started it, because other callers can share it. The zero value is
// ready to use.
type Writers struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// start runs a function in a goroutine. It returns false, and does nothing, after Close.
func (w *Writers) start(write func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.running.Go(write)
	}
	return !w.closed
}

// Close waits until the writes in flight have ended, or the context ends. From then on
// changes of limits fail with taskrun.ErrUnavailable.
func (w *Writers) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		w.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
