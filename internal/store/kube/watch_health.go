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
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// maxOutage is the time for which lists and watches may fail before reads are stale. A
// healthy API server gives an informer that lost its watch a new one within seconds.
const maxOutage = 15 * time.Second

// watchHealth records which informers have no watch, and since when.
type watchHealth struct {
	clock   clock.PassiveClock // nil: any failure makes reads stale
	mu      sync.Mutex
	failing map[*watched]failure
}

type failure struct {
	since time.Time
	err   error // the latest
}

func newWatchHealth(clock clock.PassiveClock) *watchHealth {
	return &watchHealth{clock: clock, failing: map[*watched]failure{}}
}

// stale returns an error if an informer has had no watch for more than maxOutage.
func (h *watchHealth) stale() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w, f := range h.failing {
		if h.clock == nil || h.clock.Now().Sub(f.since) > maxOutage {
			return fmt.Errorf("%w: watching %ss: %w", taskrun.ErrUnavailable, w.kind, f.err)
		}
	}
	return nil
}

func (h *watchHealth) failed(w *watched, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, known := h.failing[w]
	if !known && h.clock != nil {
		f.since = h.clock.Now()
	}
	f.err = err
	h.failing[w] = f
}

func (h *watchHealth) recovered(w *watched) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failing, w)
}

// watched lists and watches for an informer, and reports failures to watchHealth. An
// informer lists after its watch has failed for good, and watches after each list: so it
// is up to date again when it has a watch.
type watched struct {
	toolscache.ListerWatcherWithContext

	kind   string
	health *watchHealth
}

// IsWatchListSemanticsUnSupported makes the informer list: a stream of the first
// objects, one event each, costs both sides more.
func (*watched) IsWatchListSemanticsUnSupported() bool { return true }

// List is ListWithContext without a context.
func (w *watched) List(options metav1.ListOptions) (runtime.Object, error) {
	return w.ListWithContext(context.Background(), options)
}

// Watch is WatchWithContext without a context.
func (w *watched) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return w.WatchWithContext(context.Background(), options)
}

// ListWithContext reports a failure.
func (w *watched) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	list, err := w.ListerWatcherWithContext.ListWithContext(ctx, options)
	if err != nil {
		w.health.failed(w, err)
	}
	return list, err
}

// WatchWithContext reports a failure or a recovery.
func (w *watched) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	events, err := w.ListerWatcherWithContext.WatchWithContext(ctx, options)
	if err != nil {
		w.health.failed(w, err)
		return events, err
	}
	w.health.recovered(w)
	return events, nil
}

// marked marks the requests of an informer for the Transport.
type marked struct {
	toolscache.ListerWatcherWithContext

	kind string
}

// ListWithContext requests a list with placeholders of the objects that cannot be
// decoded.
func (m marked) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	return m.ListerWatcherWithContext.ListWithContext(context.WithValue(ctx, informerKey{}, m.kind), options)
}

// WatchWithContext requests a watch with such placeholders.
func (m marked) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return m.ListerWatcherWithContext.WatchWithContext(context.WithValue(ctx, informerKey{}, m.kind), options)
}

// List is ListWithContext without a context.
func (m marked) List(options metav1.ListOptions) (runtime.Object, error) {
	return m.ListWithContext(context.Background(), options)
}

// Watch is WatchWithContext without a context.
func (m marked) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return m.WatchWithContext(context.Background(), options)
}
