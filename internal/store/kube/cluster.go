// Package kube keeps runs as TaskRun objects in a Kubernetes API server.
//
// The API server is the only truth. Writes go straight to it and are compared
// and swapped by resourceVersion; reads come from a view in memory that one
// watch feeds, and that this replica's own writes are put into at once.
package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Defaults and bounds of calls to the API server.
const (
	defaultTimeout = 10 * time.Second
	probeTimeout   = 2 * time.Second
)

// Options say what a Cluster works with.
type Options struct {
	// Client writes. It must not limit its rate: API priority and fairness does.
	Client client.Client
	// Reader reads from the API server itself, past any cache.
	Reader client.Reader
	// Cache has the informer that feeds the view.
	Cache cache.Cache
	// Timeout bounds each call to the API server; 0 is 10 s.
	Timeout time.Duration
}

// Cluster holds the runs of all namespaces that its cache watches.
type Cluster struct {
	Options

	view   *view
	synced toolscache.InformerSynced
}

// New returns a Cluster over the cache's informer of TaskRuns. The cache need
// not run yet; until it does, and has synced, Ready says so.
func New(ctx context.Context, o Options) (*Cluster, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	informer, err := o.Cache.GetInformer(ctx, &v1alpha1.TaskRun{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watching TaskRuns: %w", err)
	}
	c := &Cluster{Options: o, view: newView()}
	registration, err := informer.AddEventHandler(feed{c.view})
	if err != nil {
		return nil, fmt.Errorf("watching TaskRuns: %w", err)
	}
	c.synced = registration.HasSynced
	return c, nil
}

// Namespace returns the store of one namespace.
func (c *Cluster) Namespace(name string) *Store {
	return &Store{cluster: c, namespace: name, shelf: c.view.shelf(name)}
}

// ready tells whether the view is complete and the API server answers.
func (c *Cluster) ready(ctx context.Context, namespace string) error {
	if !c.synced() {
		return fmt.Errorf("%w: the first list of TaskRuns is not complete yet", taskrun.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	// Any answer will do; no object can have this name.
	key := client.ObjectKey{Namespace: namespace, Name: "readiness-probe"}
	err := translate("asking the API server", c.Reader.Get(ctx, key, &v1alpha1.TaskRun{}))
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil
	}
	return err
}

// feed brings what the watch sees into the view.
type feed struct{ view *view }

func (f feed) OnAdd(object any, _ bool) { f.put(object) }

func (f feed) OnUpdate(_, object any) { f.put(object) }

func (f feed) put(object any) {
	if o, ok := object.(*v1alpha1.TaskRun); ok {
		f.view.shelf(o.Namespace).put(o)
	}
}

func (f feed) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(*v1alpha1.TaskRun); ok {
		f.view.shelf(o.Namespace).confirmDeleted(o.UID)
	}
}
