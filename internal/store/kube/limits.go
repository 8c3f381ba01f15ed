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
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Limits is the concurrency.Store of one namespace, on ConcurrencyLimit objects.
// There are few of them, so all are kept whole: the newest version from the watch or an
// own call.
type Limits struct {
	cluster   *Cluster
	namespace string
}

// namespaceLimits holds the limits of one namespace.
type namespaceLimits struct {
	mu         sync.RWMutex
	limits     map[types.UID]*concurrency.Limit // never changed, only replaced
	tombstones index.Tombstones

	undecodables *index.Undecodables // of all namespaces
	clock        clock.PassiveClock  // nil: the time of receipt is not recorded
}

// limitIndex holds the limits of all namespaces, from one watch.
type limitIndex struct {
	synced       toolscache.InformerSynced
	undecodables *index.Undecodables
	clock        clock.PassiveClock // nil: the time of receipt is not recorded

	mu         sync.Mutex
	namespaces map[string]*namespaceLimits
}

// namespace returns the limits of one namespace. They are created if there are none.
func (x *limitIndex) namespace(name string) *namespaceLimits {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.namespaces[name]
	if s == nil {
		s = &namespaceLimits{limits: map[types.UID]*concurrency.Limit{}, tombstones: index.NewTombstones(), undecodables: x.undecodables, clock: x.clock}
		x.namespaces[name] = s
	}
	return s
}

// existing returns the limits of a namespace, nil if the namespace has had none.
func (x *limitIndex) existing(namespace string) *namespaceLimits {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.namespaces[namespace]
}

// LimitNamespaces returns the namespaces that have or had limits.
func (c *Cluster) LimitNamespaces() []string {
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	return slices.Collect(maps.Keys(c.limits.namespaces))
}

// HasLimits reports whether a namespace has or had limits.
func (c *Cluster) HasLimits(namespace string) bool { return c.limits.existing(namespace) != nil }

var _ concurrency.Store = (*Limits)(nil)

// Limits returns the limits of one namespace, which the cache must watch.
func (c *Cluster) Limits(namespace string) *Limits {
	return &Limits{cluster: c, namespace: namespace}
}

// watchLimits opens the watch of the limits of all namespaces.
func watchLimits(ctx context.Context, objects cache.Cache, skipped *index.Undecodables, clock clock.PassiveClock) (*limitIndex, error) {
	informer, err := objects.GetInformer(ctx, &v1alpha1.ConcurrencyLimit{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watching ConcurrencyLimits: %w", err)
	}
	x := &limitIndex{namespaces: map[string]*namespaceLimits{}, undecodables: skipped, clock: clock}
	registration, err := informer.AddEventHandler(limitHandler{x})
	if err != nil {
		return nil, fmt.Errorf("watching ConcurrencyLimits: %w", err)
	}
	x.synced = registration.HasSynced
	return x, nil
}

// complete returns an error until the first list of limits is complete.
func (x *limitIndex) complete() error {
	if !x.synced() {
		return fmt.Errorf("%w: the first list of ConcurrencyLimits is not complete yet", taskrun.ErrUnavailable)
	}
	return nil
}

// List returns all limits that can be decoded.
func (s *Limits) List(context.Context) ([]*concurrency.Limit, error) {
	if err := s.cluster.limits.complete(); err != nil {
		return nil, err
	}
	limits := s.cluster.limits.existing(s.namespace)
	if limits == nil {
		return nil, nil
	}
	limits.mu.RLock()
	defer limits.mu.RUnlock()
	return slices.Collect(maps.Values(limits.limits)), nil
}

// put adds the object that an own call returned.
func (s *Limits) put(object *v1alpha1.ConcurrencyLimit) *concurrency.Limit {
	return s.cluster.limits.namespace(s.namespace).put(object)
}

func (s *Limits) remove(uid types.UID) { s.cluster.limits.namespace(s.namespace).remove(uid) }

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

// Create stores a new limit in an object whose name is the id, so that only one of
// several equal creates, on any replicas, can succeed.
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
		return nil, s.forgetMissing(l, err)
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
		return nil, s.forgetMissing(l, err)
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
		return nil, s.forgetMissing(l, err)
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
	return s.forgetMissing(l, err)
}

// forgetMissing removes a limit if a call returned that it does not exist, and returns
// the error of the call.
func (s *Limits) forgetMissing(l *concurrency.Limit, err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		s.remove(types.UID(l.Revision.UID))
	}
	return err
}

// put adds a version of a limit, unless a newer one is known.
func (s *namespaceLimits) put(object *v1alpha1.ConcurrencyLimit) *concurrency.Limit {
	l := convert.LimitFromObject(object)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tombstones.Has(object.UID) || s.undecodables.Supersedes(object.UID, object.ResourceVersion) {
		return l
	}
	known := s.limits[object.UID]
	l.Received = s.received(known, l)
	if known != nil {
		if index.CompareVersions(object.ResourceVersion, known.Revision.ResourceVersion) <= 0 {
			return l
		}
	}
	s.limits[object.UID] = l
	return l
}

// received returns the time at which this use of a limit was received: a change of the
// spec, which has the same use, does not count.
func (s *namespaceLimits) received(known, l *concurrency.Limit) time.Time {
	if known != nil && known.Updated.Equal(l.Updated) {
		return known.Received
	}
	if s.clock == nil {
		return time.Time{}
	}
	return s.clock.Now()
}

func (s *namespaceLimits) remove(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tombstones.Add(uid)
	s.undecodables.Drop(uid)
	delete(s.limits, uid)
}

// putUndecodable records a limit that cannot be decoded, and removes its older version.
func (s *namespaceLimits) putUndecodable(u *index.Undecodable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.limits[u.UID]
	if s.tombstones.Has(u.UID) || (known != nil && index.CompareVersions(u.ResourceVersion, known.Revision.ResourceVersion) < 0) {
		return
	}
	delete(s.limits, u.UID)
	s.undecodables.Put(u)
}

// Undecodable returns an error if the limit with the key cannot be decoded.
func (s *Limits) Undecodable(key concurrency.Key) error {
	return s.cluster.limits.undecodables.Limit(s.namespace, key.ID, key.Name)
}

// limitHandler adds the events of the watch to the index of limits.
type limitHandler struct{ limits *limitIndex }

func (h limitHandler) OnAdd(object any, _ bool) {
	o, ok := object.(*v1alpha1.ConcurrencyLimit)
	if !ok {
		return
	}
	u := undecodableOf(o)
	switch {
	case o.DeletionTimestamp != nil:
		h.limits.namespace(o.Namespace).remove(o.UID)
	case u != nil:
		h.limits.namespace(o.Namespace).putUndecodable(u)
	default:
		h.limits.namespace(o.Namespace).put(o)
	}
}

func (h limitHandler) OnUpdate(before, object any) {
	was, ok := before.(*v1alpha1.ConcurrencyLimit)
	is, also := object.(*v1alpha1.ConcurrencyLimit)
	if ok && also && was.UID != is.UID {
		h.OnDelete(before) // after a new list, the informer does not report the deletion in between
	}
	h.OnAdd(object, false)
}

func (h limitHandler) OnDelete(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if o, ok := object.(*v1alpha1.ConcurrencyLimit); ok {
		h.limits.namespace(o.Namespace).remove(o.UID)
	}
}
