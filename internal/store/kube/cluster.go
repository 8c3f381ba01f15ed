// Package kube stores runs as TaskRun objects in a Kubernetes API server.
//
// The API server is the source of truth. Writes are compare-and-swap calls to it, by
// resourceVersion. Reads are from an index in memory, which receives the events of one
// watch and, at once, this replica's own writes.
package kube

import (
	"context"
	"fmt"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// defaultTimeout limits a call to the API server.
const defaultTimeout = 10 * time.Second

// Options are the dependencies and limits of a Cluster.
type Options struct {
	// Direct creates runs and writes their status. It must not have a rate limit: API
	// priority and fairness has.
	Direct *Direct
	// Client makes all other writes.
	Client client.Client
	// Reader reads from the API server, without a cache.
	Reader client.Reader
	// Cache has the informer of the index.
	Cache cache.Cache
	// Ingest is the one that the cache was made with: its Transform, its NewInformer and
	// its Transport.
	Ingest *Ingest
	// Timeout limits each call to the API server. It defaults to 10 s.
	Timeout time.Duration
	// Requirement is a further condition of readiness. It may be nil.
	Requirement func() error
	// Clock is the program's clock. If it is nil, Ready calls the API server each
	// time, and not at most once a second.
	Clock taskrun.Clock
}

// Cluster holds the runs of all namespaces that its cache watches. It is a Runnable
// that removes unconfirmed objects, see Start.
type Cluster struct {
	Options

	index   *index.Index
	watches *watchHealth
	synced  toolscache.InformerSynced
	limits  *limitIndex
	probe   probe
}

// New returns a Cluster on the cache's informer of TaskRuns. The cache need not run
// yet. Until it has synced, Ready returns an error, and reads that need all runs return
// ErrUnavailable.
func New(ctx context.Context, o Options) (*Cluster, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	informer, err := o.Cache.GetInformer(ctx, &v1alpha1.TaskRun{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watching TaskRuns: %w", err)
	}
	c := &Cluster{Options: o, index: o.Ingest.index, watches: o.Ingest.watches}
	registration, err := informer.AddEventHandler(runHandler{c.index})
	if err != nil {
		return nil, fmt.Errorf("watching TaskRuns: %w", err)
	}
	c.synced = registration.HasSynced
	c.limits, err = watchLimits(ctx, o.Cache, c.index.Undecodables(), o.Clock)
	return c, err
}

// OnShadowed registers the function that is called with the namespace and name of
// each object that was the run of its id until another object was found that has
// the id and precedes it. The function must neither block nor call a store.
func (c *Cluster) OnShadowed(call func(namespace, name string)) { c.index.OnShadowed(call) }

// Namespace returns the store of one namespace, which the cache must watch.
func (c *Cluster) Namespace(name string) *Store {
	return &Store{cluster: c, namespace: name, index: c.index.Namespace(name)}
}

// Namespaces returns the namespaces that have runs, in no order.
func (c *Cluster) Namespaces() []string { return c.index.Namespaces() }

// HasRuns reports whether this replica knows runs of a namespace.
func (c *Cluster) HasRuns(namespace string) bool { return c.index.HasRuns(namespace) }

// CloseEmpty releases the memory of namespaces without runs and subscribers, except
// those for which keep returns true. Stores of them remain usable.
func (c *Cluster) CloseEmpty(keep func(namespace string) bool) {
	c.index.CloseEmpty(keep, c.Clock.Now())
}

// WaitForSync waits until the index has all runs. The result is false if the context
// ended before.
func (c *Cluster) WaitForSync(ctx context.Context) bool {
	return toolscache.WaitForCacheSync(ctx.Done(), c.synced)
}

// complete returns an error until the index has all runs. Until then, a run that it
// does not have can exist.
func (c *Cluster) complete() error {
	if !c.synced() {
		return fmt.Errorf("%w: the first list of TaskRuns is not complete yet", taskrun.ErrUnavailable)
	}
	return nil
}

// notFound is the error about a run that the index does not have.
func (c *Cluster) notFound() error {
	if err := c.complete(); err != nil {
		return err
	}
	return taskrun.ErrNotFound
}

// runHandler adds the events of the watch to the index.
type runHandler struct{ index *index.Index }

func (h runHandler) OnAdd(object any, _ bool) {
	o, ok := object.(*v1alpha1.TaskRun)
	if !ok {
		return
	}
	u := undecodableOf(o)
	switch {
	case u != nil:
		h.index.Namespace(o.Namespace).PutUndecodable(u)
	case isTrimmed(o):
		h.index.Namespace(o.Namespace).Confirm(o.UID)
	default:
		h.index.Namespace(o.Namespace).PutWatched(o)
	}
}

// OnUpdate can be about two objects of one name: after a new list, the informer does
// not report the deletion in between. The index handles that.
func (h runHandler) OnUpdate(_, object any) { h.OnAdd(object, false) }

func (h runHandler) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(*v1alpha1.TaskRun); ok {
		h.index.Namespace(o.Namespace).Remove(o.UID)
	}
}

// Undecodable returns the number of objects that this replica skips because they
// cannot be decoded, by kind.
func (c *Cluster) Undecodable() map[string]int { return c.index.Undecodables().Counts() }
