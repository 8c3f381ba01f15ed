package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxOutage is how long lists and watches may fail before reads count as stale.
// An informer that lost its watch is back within seconds where nothing is wrong.
const maxOutage = 15 * time.Second

// watchHealth knows which informers are without a watch, and since when.
type watchHealth struct {
	mu      sync.Mutex
	failing map[*watched]failure
}

type failure struct {
	since time.Time
	err   error // the latest
}

func newWatchHealth() *watchHealth { return &watchHealth{failing: map[*watched]failure{}} }

// stale returns an error if an informer has been without a watch for too long. A
// nil clock knows no times: then any failure is too long.
func (h *watchHealth) stale(clock taskrun.Clock) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w, f := range h.failing {
		if clock == nil || clock.Now().Sub(f.since) > maxOutage {
			return fmt.Errorf("%w: watching %ss: %w", taskrun.ErrUnavailable, w.kind, f.err)
		}
	}
	return nil
}

func (h *watchHealth) failed(w *watched, err error, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, known := h.failing[w]
	if !known {
		f.since = now
	}
	f.err = err
	h.failing[w] = f
}

func (h *watchHealth) recovered(w *watched) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failing, w)
}

// watched lists and watches for an informer, and keeps account of how that goes.
// An informer lists after its watch has failed for good, and watches after each
// list: so it is up to date again when it has a watch, and not before.
type watched struct {
	toolscache.ListerWatcherWithContext

	kind string
	view *view
}

// IsWatchListSemanticsUnSupported keeps the informer from asking for a stream of
// the first objects, one event each: it costs both sides more than a list does.
func (*watched) IsWatchListSemanticsUnSupported() bool { return true }

// List is ListWithContext without an end.
func (w *watched) List(options metav1.ListOptions) (runtime.Object, error) {
	return w.ListWithContext(context.Background(), options)
}

// Watch is WatchWithContext without an end.
func (w *watched) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return w.WatchWithContext(context.Background(), options)
}

// ListWithContext notes a failure.
func (w *watched) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list, err := w.ListerWatcherWithContext.ListWithContext(ctx, options)
	if err != nil {
		w.view.watches.failed(w, err, w.now())
	}
	return list, err
}

// WatchWithContext notes a failure, or that there is none any more.
func (w *watched) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	events, err := w.ListerWatcherWithContext.WatchWithContext(ctx, options)
	if err != nil {
		w.view.watches.failed(w, err, w.now())
		return events, err
	}
	w.view.watches.recovered(w)
	return events, nil
}

func (w *watched) now() time.Time {
	if w.view.clock == nil {
		return time.Time{}
	}
	return w.view.clock.Now()
}

// marked marks the requests of an informer for the Transport.
type marked struct {
	toolscache.ListerWatcherWithContext

	kind string
}

// ListWithContext asks for a list that has stubs of what cannot be decoded.
func (m marked) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	return m.ListerWatcherWithContext.ListWithContext(context.WithValue(ctx, informerKey{}, m.kind), options)
}

// WatchWithContext asks for a watch that has such stubs.
func (m marked) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return m.ListerWatcherWithContext.WatchWithContext(context.WithValue(ctx, informerKey{}, m.kind), options)
}

// List is ListWithContext without an end.
func (m marked) List(options metav1.ListOptions) (runtime.Object, error) {
	return m.ListWithContext(context.Background(), options)
}

// Watch is WatchWithContext without an end.
func (m marked) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return m.WatchWithContext(context.Background(), options)
}
