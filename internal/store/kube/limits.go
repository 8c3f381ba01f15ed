package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Limits is the concurrency.Store of one namespace, on ConcurrencyLimit objects.
// There are few of them, so all are kept as they are: the newest version that the
// watch or an own call told of.
type Limits struct {
	cluster   *Cluster
	namespace string
}

// limitShelf holds the limits of one namespace.
type limitShelf struct {
	mu     sync.RWMutex
	limits map[types.UID]*concurrency.Limit // never changed, only replaced
	buried graves

	undecodable *undecodables // of all namespaces
	clock       taskrun.Clock // nil: it is not known when limits were received
}

// limitShelves are those of all namespaces, fed by one watch.
type limitShelves struct {
	synced      toolscache.InformerSynced
	undecodable *undecodables
	clock       taskrun.Clock // nil: it is not known when limits were received

	mu      sync.Mutex
	shelves map[string]*limitShelf
}

func (v *limitShelves) shelf(namespace string) *limitShelf {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.shelves[namespace]
	if s == nil {
		s = &limitShelf{limits: map[types.UID]*concurrency.Limit{}, buried: newGraves(), undecodable: v.undecodable, clock: v.clock}
		v.shelves[namespace] = s
	}
	return s
}

// existing returns the limits of a namespace, nil if none were seen in it.
func (v *limitShelves) existing(namespace string) *limitShelf {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.shelves[namespace]
}

// LimitNamespaces are the namespaces that limits were seen in.
func (c *Cluster) LimitNamespaces() []string {
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	return slices.Collect(maps.Keys(c.limits.shelves))
}

// HasLimits reports whether limits were seen in a namespace.
func (c *Cluster) HasLimits(namespace string) bool { return c.limits.existing(namespace) != nil }

var _ concurrency.Store = (*Limits)(nil)

// Limits returns the limits of one namespace, which the cache must watch.
func (c *Cluster) Limits(namespace string) *Limits {
	return &Limits{cluster: c, namespace: namespace}
}

// watchLimits opens the watch of the limits of all namespaces.
func watchLimits(ctx context.Context, objects cache.Cache, skipped *undecodables, clock taskrun.Clock) (*limitShelves, error) {
	informer, err := objects.GetInformer(ctx, &v1alpha1.ConcurrencyLimit{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watching ConcurrencyLimits: %w", err)
	}
	v := &limitShelves{shelves: map[string]*limitShelf{}, undecodable: skipped, clock: clock}
	registration, err := informer.AddEventHandler(limitFeed{v})
	if err != nil {
		return nil, fmt.Errorf("watching ConcurrencyLimits: %w", err)
	}
	v.synced = registration.HasSynced
	return v, nil
}

// complete is nil once all limits are known.
func (v *limitShelves) complete() error {
	if !v.synced() {
		return fmt.Errorf("%w: the first list of ConcurrencyLimits is not complete yet", taskrun.ErrUnavailable)
	}
	return nil
}

// List returns all limits that can be decoded.
func (s *Limits) List(context.Context) ([]*concurrency.Limit, error) {
	if err := s.cluster.limits.complete(); err != nil {
		return nil, err
	}
	shelf := s.cluster.limits.existing(s.namespace)
	if shelf == nil {
		return nil, nil
	}
	shelf.mu.RLock()
	defer shelf.mu.RUnlock()
	return slices.Collect(maps.Values(shelf.limits)), nil
}

// put keeps what an own call was answered.
func (s *Limits) put(object *v1alpha1.ConcurrencyLimit) *concurrency.Limit {
	return s.cluster.limits.shelf(s.namespace).put(object)
}

func (s *Limits) remove(uid types.UID) { s.cluster.limits.shelf(s.namespace).remove(uid) }

// Refresh reads all limits from the API server.
func (s *Limits) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	var list v1alpha1.ConcurrencyLimitList
	if err := s.cluster.Reader.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return s.cluster.translate(ctx, "reading the limits", err)
	}
	for i := range list.Items {
		s.put(&list.Items[i])
	}
	return nil
}

// Create stores a new limit in an object that has its id for a name, so that of
// equal creates, on any replicas, only one can succeed.
func (s *Limits) Create(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := convert.LimitToObject(l, s.namespace)
	if err := s.cluster.translateCreate(ctx, "creating the limit", s.cluster.Client.Create(ctx, object)); err != nil {
		return nil, err
	}
	return s.put(object), nil
}

// UpdateTerms replaces the spec.
func (s *Limits) UpdateTerms(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	const doing = "writing the limit"
	object, err := s.read(ctx, l)
	if err != nil {
		return nil, err
	}
	if object.ResourceVersion != l.Revision.ResourceVersion {
		return nil, fmt.Errorf("%s: %w", doing, taskrun.ErrConflict)
	}
	convert.TermsToObject(l, object)
	if err := s.cluster.translate(ctx, doing, s.cluster.Client.Update(ctx, object)); err != nil {
		return nil, s.gone(l, err)
	}
	return s.put(object), nil
}

// UpdateUse replaces the status.
func (s *Limits) UpdateUse(ctx context.Context, l *concurrency.Limit) (*concurrency.Limit, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := &v1alpha1.ConcurrencyLimit{Status: convert.UseToObject(l), ObjectMeta: metav1.ObjectMeta{
		Namespace: s.namespace, Name: l.Revision.Name, UID: types.UID(l.Revision.UID), ResourceVersion: l.Revision.ResourceVersion,
	}}
	if err := s.cluster.translate(ctx, "writing the limit's status", s.cluster.Client.Status().Update(ctx, object)); err != nil {
		return nil, s.gone(l, err)
	}
	return s.put(object), nil
}

// Reload reads a limit from the API server.
func (s *Limits) Reload(ctx context.Context, stale *concurrency.Limit) (*concurrency.Limit, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object, err := s.read(ctx, stale)
	if err != nil {
		return nil, err
	}
	return s.put(object), nil
}

func (s *Limits) read(ctx context.Context, l *concurrency.Limit) (*v1alpha1.ConcurrencyLimit, error) {
	object := &v1alpha1.ConcurrencyLimit{}
	key := client.ObjectKey{Namespace: s.namespace, Name: l.Revision.Name}
	if err := s.cluster.translate(ctx, "reading the limit", s.cluster.Reader.Get(ctx, key, object)); err != nil {
		return nil, s.gone(l, err)
	}
	return object, nil
}

// Delete removes a limit.
func (s *Limits) Delete(ctx context.Context, l *concurrency.Limit) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	uid := types.UID(l.Revision.UID)
	object := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: l.Revision.Name}}
	err := s.cluster.translate(ctx, "deleting the limit", s.cluster.Client.Delete(ctx, object, client.Preconditions{UID: &uid}))
	if err == nil {
		s.remove(uid)
	}
	return s.gone(l, err)
}

// gone forgets a limit that a call found missing.
func (s *Limits) gone(l *concurrency.Limit, err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		s.remove(types.UID(l.Revision.UID))
	}
	return err
}

// put keeps a version of a limit, unless a newer one is known.
func (s *limitShelf) put(object *v1alpha1.ConcurrencyLimit) *concurrency.Limit {
	l := convert.LimitFromObject(object)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buried.has(object.UID) || s.undecodable.outdates(object.UID, object.ResourceVersion) {
		return l
	}
	known := s.limits[object.UID]
	l.Received = s.received(known, l)
	if known != nil {
		if compareVersions(object.ResourceVersion, known.Revision.ResourceVersion) <= 0 {
			return l
		}
	}
	s.limits[object.UID] = l
	return l
}

// received is when the use of a limit was received: a change of the spec, which comes
// with the same use, does not count.
func (s *limitShelf) received(known, l *concurrency.Limit) time.Time {
	if known != nil && known.Updated.Equal(l.Updated) {
		return known.Received
	}
	if s.clock == nil {
		return time.Time{}
	}
	return s.clock.Now()
}

func (s *limitShelf) remove(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buried.add(uid)
	s.undecodable.drop(uid)
	delete(s.limits, uid)
}

// withdraw takes out a limit that exists and cannot be decoded any more.
func (s *limitShelf) withdraw(u *undecodable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.limits[u.UID]
	if s.buried.has(u.UID) || (known != nil && compareVersions(u.Version, known.Revision.ResourceVersion) < 0) {
		return
	}
	delete(s.limits, u.UID)
	s.undecodable.put(u)
}

// Undecodable returns an error if the limit that a key names cannot be decoded.
func (s *Limits) Undecodable(key concurrency.Key) error {
	return s.cluster.limits.undecodable.limit(s.namespace, key)
}

// limitFeed brings what the watch sees into the shelves.
type limitFeed struct{ shelves *limitShelves }

func (f limitFeed) OnAdd(object any, _ bool) {
	o, ok := object.(*v1alpha1.ConcurrencyLimit)
	if !ok {
		return
	}
	u := undecodableOf(o)
	switch {
	case o.DeletionTimestamp != nil:
		f.shelves.shelf(o.Namespace).remove(o.UID)
	case u != nil:
		f.shelves.shelf(o.Namespace).withdraw(u)
	default:
		f.shelves.shelf(o.Namespace).put(o)
	}
}

func (f limitFeed) OnUpdate(before, object any) {
	was, ok := before.(*v1alpha1.ConcurrencyLimit)
	is, also := object.(*v1alpha1.ConcurrencyLimit)
	if ok && also && was.UID != is.UID {
		f.OnDelete(before) // a new list does not tell of the deletion in between
	}
	f.OnAdd(object, false)
}

func (f limitFeed) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(*v1alpha1.ConcurrencyLimit); ok {
		f.shelves.shelf(o.Namespace).remove(o.UID)
	}
}
