package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	// readInterval is the time between two reads of a single namespace.
	readInterval = 15 * time.Second
	// minRetry is the wait after a failed read. It is doubled up to readInterval.
	minRetry = 500 * time.Millisecond
	// callTimeout limits one read of a single namespace.
	callTimeout = 10 * time.Second
)

// Options configure a Watcher.
type Options struct {
	// Namespaces are the only ones to read, one by one; empty: all are watched.
	Namespaces []string
	// Standard is the TTL of namespaces without an annotation; 0 keeps runs.
	Standard time.Duration
	Log      *slog.Logger
	// OnInvalid is called once for each invalid value of an annotation.
	OnInvalid func(Invalid)
}

// Watcher keeps Rules up to date. A watch of all namespaces needs list and watch
// of namespaces in the whole cluster. A single namespace is read again every 15
// seconds, because a Role in it can permit get, and nothing else, of the
// namespace itself.
type Watcher struct {
	*Rules

	client metadata.Interface
	only   []string
	synced atomic.Bool
}

// New returns a Watcher for the cluster of the configuration.
func New(config *rest.Config, http *http.Client, o Options) (*Watcher, error) {
	client, err := metadata.NewForConfigAndClient(config, http)
	if err != nil {
		return nil, fmt.Errorf("create client for namespaces: %w", err)
	}
	return newWatcher(client, o), nil
}

func newWatcher(client metadata.Interface, o Options) *Watcher {
	return &Watcher{
		Rules:  newRules(o.Standard, o.Log, o.OnInvalid),
		client: client,
		only:   o.Namespaces,
	}
}

func (w *Watcher) resource() metadata.Getter {
	return w.client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces"))
}

// Ready returns an error until the namespaces were read, or reading was
// forbidden.
func (w *Watcher) Ready(context.Context) error {
	if !w.synced.Load() {
		return errors.New("the namespaces were not read yet")
	}
	return nil
}

// NeedLeaderElection returns false: every replica reads namespaces, because all of them
// write status.expirationTime.
func (w *Watcher) NeedLeaderElection() bool { return false }

// Start reads namespaces until the context ends.
func (w *Watcher) Start(ctx context.Context) error {
	read := w.readEach
	if len(w.only) == 0 {
		read = w.watchAll()
	}
	retry := minRetry
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		wait, err := read(ctx)
		if err != nil && ctx.Err() == nil {
			w.log.Warn("reading namespaces failed", "error", err)
			wait, retry = retry, min(2*retry, readInterval)
		} else {
			retry = minRetry
		}
		timer.Reset(wait)
	}
}

// readEach reads the namespaces one by one, and returns the time until the next
// read. A namespace that does not exist has no runs.
func (w *Watcher) readEach(ctx context.Context) (time.Duration, error) {
	var failed error
	for _, name := range w.only {
		if err := w.readOne(ctx, name); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	if failed == nil {
		w.synced.Store(true)
	}
	return readInterval, failed
}

func (w *Watcher) readOne(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	namespace, err := w.resource().Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		w.read(name, namespace.UID, namespace.Annotations)
		return nil
	case apierrors.IsNotFound(err):
		w.remove(name)
		return nil
	case apierrors.IsForbidden(err):
		w.forbid(name, err)
		return nil
	default:
		return fmt.Errorf("read namespace %s: %w", name, err)
	}
}

// watchAll returns a function that lists and watches all namespaces until the
// watch ends, and returns the time until the next watch.
func (w *Watcher) watchAll() func(context.Context) (time.Duration, error) {
	calls := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return w.resource().List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return w.resource().Watch(ctx, o)
		},
	}
	reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(calls, w.client),
		&metav1.PartialObjectMetadata{}, namespaceStore{w}, cache.ReflectorOptions{Name: "namespaces", TypeDescription: "Namespace"})
	return func(ctx context.Context) (time.Duration, error) {
		err := reflector.ListAndWatchWithContext(ctx)
		if apierrors.IsForbidden(err) {
			w.forbid("", err)
			w.synced.Store(true)
			return readInterval, nil
		}
		return minRetry, err
	}
}

// namespaceStore receives namespaces from a reflector.
type namespaceStore struct{ *Watcher }

// Add records a new namespace.
func (s namespaceStore) Add(object any) error { return s.Update(object) }

// Update records a changed namespace.
func (s namespaceStore) Update(object any) error {
	namespace, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return fmt.Errorf("unexpected type %T of a namespace", object)
	}
	s.read(namespace.Name, namespace.UID, namespace.Annotations)
	return nil
}

// Delete removes a namespace.
func (s namespaceStore) Delete(object any) error {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		s.remove(namespace.Name)
	}
	return nil
}

// Replace records all namespaces.
func (s namespaceStore) Replace(objects []any, _ string) error {
	missing := map[string]bool{}
	for _, name := range s.namespaces() {
		missing[name] = true
	}
	for _, object := range objects {
		if err := s.Update(object); err != nil {
			return err
		}
		if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
			delete(missing, namespace.Name)
		}
	}
	for name := range missing {
		s.remove(name)
	}
	s.synced.Store(true)
	return nil
}

// Resync does nothing.
func (s namespaceStore) Resync() error { return nil }
