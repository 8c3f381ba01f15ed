// Package kube keeps runs as TaskRun objects in a Kubernetes API server.
//
// The API server is the only truth. Writes go straight to it and are compared
// and swapped by resourceVersion; reads come from a view in memory that one
// watch feeds, and that this replica's own writes are put into at once.
package kube

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// defaultTimeout bounds a call to the API server.
const defaultTimeout = 10 * time.Second

// Options say what a Cluster works with.
type Options struct {
	// Direct creates runs and writes their status. It must not limit its rate: API
	// priority and fairness does.
	Direct *Direct
	// Client makes all other writes.
	Client client.Client
	// Reader reads from the API server itself, past any cache.
	Reader client.Reader
	// Cache has the informer that feeds the view.
	Cache cache.Cache
	// Intake is the one whose Transform the cache applies to TaskRuns. Without
	// it, the cache holds whole objects beside the view.
	Intake *Intake
	// Timeout bounds each call to the API server; 0 is 10 s.
	Timeout time.Duration
	// Requirement is a further condition of being ready; nil for none.
	Requirement func() error
	// Clock is the program's clock. With it, what the API server was found to be
	// stands for a second, and deletions are remembered; without it, Ready asks
	// each time, and nothing is known of runs that are gone.
	Clock taskrun.Clock
	// Log reports objects that cannot be decoded; nil: none.
	Log *slog.Logger
}

// Cluster holds the runs of all namespaces that its cache watches. It is a
// Runnable that keeps the view honest; see Start.
type Cluster struct {
	Options

	view   *view
	synced toolscache.InformerSynced
	limits *limitShelves
	probe  probe
}

// New returns a Cluster over the cache's informer of TaskRuns. The cache need
// not run yet; until it does, and has synced, Ready says so, and reads that need
// to know all runs are ErrUnavailable.
func New(ctx context.Context, o Options) (*Cluster, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	informer, err := o.Cache.GetInformer(ctx, &v1alpha1.TaskRun{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watching TaskRuns: %w", err)
	}
	if o.Intake == nil {
		o.Intake = NewIntake()
	}
	c := &Cluster{Options: o, view: o.Intake.view}
	c.view.clock = o.Clock
	c.view.undecodable.log = o.Log
	registration, err := informer.AddEventHandler(feed{c.view})
	if err != nil {
		return nil, fmt.Errorf("watching TaskRuns: %w", err)
	}
	c.synced = registration.HasSynced
	c.limits, err = watchLimits(ctx, o.Cache, c.view.undecodable, o.Clock)
	return c, err
}

// OnShadowed registers the function that is called with the namespace and name of
// each object that was the run of its id until another object was found that has
// the id and precedes it. The function must neither block nor call a store.
func (c *Cluster) OnShadowed(call func(namespace, name string)) { c.view.shadowed.set(call) }

// shadowHook holds the function of OnShadowed.
type shadowHook struct {
	function atomic.Pointer[func(namespace, name string)]
}

func (h *shadowHook) set(call func(namespace, name string)) { h.function.Store(&call) }

func (h *shadowHook) call(namespace, name string) {
	if function := h.function.Load(); function != nil {
		(*function)(namespace, name)
	}
}

// Namespace returns the store of one namespace, which the cache must watch.
func (c *Cluster) Namespace(name string) *Store {
	return &Store{cluster: c, namespace: name, shelf: c.view.shelf(name)}
}

// Namespaces are those that have runs.
func (c *Cluster) Namespaces() []string { return c.view.namespaces() }

// WaitForSync waits until the view holds all runs, and tells whether it does: it
// does not if the context ended first.
func (c *Cluster) WaitForSync(ctx context.Context) bool {
	return toolscache.WaitForCacheSync(ctx.Done(), c.synced)
}

// complete is nil once the view holds all runs. Before that, what is not there
// cannot be called missing.
func (c *Cluster) complete() error {
	if !c.synced() {
		return fmt.Errorf("%w: the first list of TaskRuns is not complete yet", taskrun.ErrUnavailable)
	}
	return nil
}

// missing is the answer to those who look for what the view does not hold.
func (c *Cluster) missing() error {
	if err := c.complete(); err != nil {
		return err
	}
	return taskrun.ErrNotFound
}

// feed brings what the watch sees into the view.
type feed struct{ view *view }

func (f feed) OnAdd(object any, _ bool) {
	o, ok := object.(*v1alpha1.TaskRun)
	if !ok {
		return
	}
	u := undecodableOf(o)
	switch {
	case u != nil:
		f.view.shelf(o.Namespace).withdraw(u)
	case isStub(o):
		f.view.shelf(o.Namespace).confirm(o.UID)
	default:
		f.view.shelf(o.Namespace).show(o)
	}
}

// OnUpdate may be about two objects of one name, for a new list does not tell of
// the deletion in between; the view sees to that.
func (f feed) OnUpdate(_, object any) { f.OnAdd(object, false) }

func (f feed) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(*v1alpha1.TaskRun); ok {
		f.view.shelf(o.Namespace).remove(o.UID)
	}
}
