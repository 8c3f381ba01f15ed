// Package kube stores runs as TaskRun objects in a Kubernetes API server.
//
// The API server is the source of truth. Writes are compare-and-swap calls to it, by
// resourceVersion. Reads are from an index in memory, which is the store of a reflector
// and gets, at once, this replica's own writes.
package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
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
	// Watch has the namespaces whose TaskRuns are watched. If it is empty, all are.
	Watch []string
	// Cache has the informers of ConcurrencyLimits, FlowRuns and RegisteredFlows.
	Cache cache.Cache
	// Ingest is the one that the cache was made with: its Transform, its NewInformer and
	// its Transport. It has the index.
	Ingest *Ingest
	// Timeout limits each call to the API server. It defaults to 10 s.
	Timeout time.Duration
	// Requirement is a further condition of readiness. It may be nil.
	Requirement func() error
	// Clock is the program's clock. If it is nil, Ready calls the API server each
	// time, and not at most once a second.
	Clock clock.PassiveClock
}

// Cluster holds the runs of all namespaces that it watches. It is a Runnable that keeps
// the index up to date, see Start.
type Cluster struct {
	Options

	index   *index.Index
	scopes  []*index.WatchScope // each is watched by a reflector
	watches *watchHealth
	synced  toolscache.InformerSynced
	limits  *limitIndex
	flows   *flowIndex
	probe   probe
}

// New returns a Cluster. Until it has started and the first lists have ended, Ready
// returns an error, and reads that need all runs return ErrUnavailable.
func New(ctx context.Context, o Options) (*Cluster, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	c := &Cluster{Options: o, index: o.Ingest.index, watches: o.Ingest.watches}
	c.addScopes()
	var err error
	if c.limits, err = watchLimits(ctx, o.Cache, c.index.Undecodables(), o.Clock); err != nil {
		return nil, err
	}
	if c.flows, err = watchFlows(ctx, o.Cache, c.index.Undecodables()); err != nil {
		return nil, err
	}
	return c, nil
}

// addScopes adds the scopes of the namespaces, each once.
func (c *Cluster) addScopes() {
	namespaces := slices.Sorted(slices.Values(c.Watch))
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, namespace := range slices.Compact(namespaces) {
		c.scopes = append(c.scopes, c.index.NewWatchScope(namespace))
	}
	c.synced = func() bool {
		return !slices.ContainsFunc(c.scopes, func(s *index.WatchScope) bool { return !s.Complete() })
	}
}

// Start runs a reflector for each scope until the context ends. The index is the store
// of the reflectors.
func (c *Cluster) Start(ctx context.Context) error {
	var running sync.WaitGroup
	for _, scope := range c.scopes {
		store := reflectorStore{scope}
		runs := &runListerWatcher{client: c.Direct.client, namespace: scope.Namespace(), store: store}
		watching := &watched{ListerWatcherWithContext: runs, kind: v1alpha1.KindTaskRun, health: c.watches}
		reflector := toolscache.NewReflectorWithOptions(watching, nil, store,
			toolscache.ReflectorOptions{Name: "TaskRuns", TypeDescription: v1alpha1.KindTaskRun})
		running.Go(func() { reflector.RunWithContext(ctx) })
	}
	running.Wait()
	return nil
}

// NeedLeaderElection returns false: every replica does this.
func (c *Cluster) NeedLeaderElection() bool { return false }

// GetCache puts the Cluster into the manager's group of caches. The manager starts them
// and waits for their first lists before it starts anything else, and stops them last.
func (c *Cluster) GetCache() cache.Cache { return indexedCache{c.Cache, c} }

// indexedCache is a cache that has synced when the index has all runs, too.
type indexedCache struct {
	cache.Cache

	cluster *Cluster
}

// WaitForCacheSync waits for both.
func (i indexedCache) WaitForCacheSync(ctx context.Context) bool {
	return i.cluster.WaitForSync(ctx) && i.Cache.WaitForCacheSync(ctx)
}

// OnChange calls a function for each object that is new, changed or deleted, that became
// the run of its id, or that ceased to be it, until stop is called. The index has the
// change then. The function must neither block nor call a store.
func (c *Cluster) OnChange(call taskrun.ObjectChanged) (stop func()) { return c.index.OnChange(call) }

// Namespace returns the store of one namespace, which must be one of those that are watched.
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

// Undecodable returns the number of objects that this replica skips because they
// cannot be decoded, by kind.
func (c *Cluster) Undecodable() map[string]int { return c.index.Undecodables().Counts() }
