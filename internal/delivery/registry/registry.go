// Package registry shares the list of connected workers between replicas. Each
// replica keeps a Lease object that lists its own workers, and reads the Leases of
// the other replicas. A replica that no longer renews its Lease has ended, and so
// have its connections. All replicas of an installation keep their Leases in one
// namespace. The namespaces of other operators' Leases are recorded in the runs
// that those operators delivered.
package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// LabelServes marks the Leases of replicas. Its value is the served namespace.
const LabelServes = "taskrun.dev/serves"

const (
	// annotationWorkers holds the replica's workers as JSON.
	annotationWorkers = "taskrun.dev/workers"
	// maxAnnotation limits its size in bytes. An object can have 256 KiB of annotations.
	maxAnnotation = 240 << 10

	// interval is the time between two renewals, and between two reads of the other Leases.
	interval = 2 * time.Second
	// announceDelay is the time between a change of the workers and its write. Changes
	// within it share one write.
	announceDelay = 200 * time.Millisecond
	// leaseTimeout is the time without a change after which the replica of a Lease counts as ended.
	leaseTimeout = 15 * time.Second
	// deleteAfter is the time after which the Lease of an ended replica is deleted.
	deleteAfter = 10 * time.Minute
	// maxReadAge is the age of the latest successful read up to which the workers count as known.
	maxReadAge = 3 * interval
	// foreignTTL is the time after the latest use for which the Leases of another namespace are read.
	foreignTTL = time.Minute
	// maxForeign limits the number of other namespaces that are read. Their names come from runs.
	maxForeign = 16
	// callTimeout limits a call to the API server.
	callTimeout = 5 * time.Second
)

// Options configure a Registry.
type Options struct {
	Client    client.Client // not cached
	Reader    client.Reader // not cached
	Namespace string        // of the Leases
	Serves    string        // the installation's own namespace of runs
	Identity  string        // name of this replica's Lease, unique
	Clock     clock.PassiveClock
	Log       *slog.Logger
}

// Registry lists the workers of all replicas of an operator, and of other
// operators. It reads and writes Leases while Start runs.
type Registry struct {
	Options

	changed chan struct{}
	faults  map[string]bool // failing operations that were logged; used by Start alone

	mu       sync.Mutex
	own      map[string][]delivery.Worker // by namespace
	rejected bool                         // the API server rejects writes of this replica's Lease
	caches   map[string]*leaseCache       // by the namespace of the Leases; the entry of Options.Namespace always exists
}

// In returns the shard of the registry for one namespace of runs.
func (r *Registry) In(namespace string) delivery.Registry { return shard{r, namespace} }

type shard struct {
	registry  *Registry
	namespace string
}

func (s shard) Announce(workers []delivery.Worker) { s.registry.announce(s.namespace, workers) }

func (s shard) Others() (workers []delivery.Worker, known bool) {
	workers, _, known = s.registry.connected(s.registry.Namespace, s.namespace)
	return workers, known
}

func (s shard) LeaseNamespace() string { return s.registry.leaseNamespace() }

func (s shard) ConnectedIn(leaseNamespace string) (workers []delivery.Worker, read time.Time, known bool) {
	return s.registry.connected(leaseNamespace, s.namespace)
}

func (s shard) Listed(worker string) bool { return s.registry.listed(s.namespace, worker) }

// New returns a Registry.
func New(o Options) *Registry {
	return &Registry{
		Options: o, changed: make(chan struct{}, 1), faults: map[string]bool{}, own: map[string][]delivery.Worker{},
		caches: map[string]*leaseCache{o.Namespace: newLeaseCache()},
	}
}

// announce schedules a write of this replica's workers in a namespace.
func (r *Registry) announce(namespace string, workers []delivery.Worker) {
	r.mu.Lock()
	r.own[namespace] = workers
	if len(workers) == 0 {
		delete(r.own, namespace)
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default: // a write is already scheduled
	}
}

// connected returns the workers in a namespace of the live replicas whose Leases
// are in leases. known is false while these Leases cannot be read, and then no
// worker counts as disconnected. The first call for another namespace schedules
// its first read. The namespace is read until foreignTTL after the latest call.
func (r *Registry) connected(leases, namespace string) (workers []delivery.Worker, read time.Time, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	cache := r.caches[leases]
	if cache == nil {
		if len(r.caches) > maxForeign || len(validation.IsDNS1123Label(leases)) > 0 {
			return nil, time.Time{}, false
		}
		cache = newLeaseCache()
		r.caches[leases] = cache
	}
	cache.requestedAt = now
	workers, known = cache.connected(now, namespace)
	return workers, cache.readAt, known
}

// leaseNamespace returns the namespace of this replica's Lease.
func (r *Registry) leaseNamespace() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rejected {
		return taskrun.NoLease
	}
	return r.Namespace
}

func (r *Registry) listed(namespace, worker string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.caches[r.Namespace].lists(namespace, worker)
}

// NeedLeaderElection returns false: every replica has a registry.
func (r *Registry) NeedLeaderElection() bool { return false }

// Start renews this replica's Lease and reads the other Leases until the context
// ends. Then it deletes the Lease, so that the other replicas notice at once.
func (r *Registry) Start(ctx context.Context) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		r.call(ctx, renewOwn, r.Namespace, r.renew)
		r.readAll(ctx)
		select {
		case <-ctx.Done():
			r.call(context.WithoutCancel(ctx), deleteOwn, r.Namespace, r.remove)
			return nil
		case <-ticker.C:
		case <-r.changed:
			r.pause(ctx)
		}
	}
}

// readAll reads the Leases of this replica's namespace, and of the namespaces that
// were requested recently.
func (r *Registry) readAll(ctx context.Context) {
	for _, namespace := range r.due() {
		r.call(ctx, readLeases, namespace, func(ctx context.Context) error { return r.read(ctx, namespace) })
	}
}

// due returns the namespaces to read. It drops the caches that were not used
// recently.
func (r *Registry) due() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	maps.DeleteFunc(r.caches, func(namespace string, cache *leaseCache) bool {
		return namespace != r.Namespace && now.Sub(cache.requestedAt) > foreignTTL
	})
	var due []string
	for namespace, cache := range r.caches {
		if !now.Before(cache.notBefore) {
			due = append(due, namespace)
		}
	}
	return due
}

func (r *Registry) pause(ctx context.Context) {
	timer := time.NewTimer(announceDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// operation holds the log messages of a call to the API server.
type operation struct{ failed, recovered string }

var (
	renewOwn = operation{
		failed:    "renewing the Lease of this replica failed, retrying",
		recovered: "renewing the Lease of this replica succeeded again",
	}
	deleteOwn = operation{failed: "deleting the Lease of this replica failed"}
	// readLeases is serious: without the Leases, no run is taken from a lost worker.
	readLeases = operation{
		failed:    "reading the Leases of replicas failed, runs of lost workers stay with them until it succeeds",
		recovered: "reading the Leases of replicas succeeded again",
	}
)

// call runs an operation with a timeout. The next turn of Start repeats a failed
// one. Only the first of successive failures is logged, and the recovery.
func (r *Registry) call(ctx context.Context, op operation, namespace string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := do(ctx)
	key := op.failed + " " + namespace
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled): // shutdown
	case err != nil && !r.faults[key]:
		r.faults[key] = true
		r.Log.LogAttrs(ctx, slog.LevelWarn, op.failed, slog.String("namespace", namespace), slog.Any("error", err))
	case err == nil && r.faults[key]:
		delete(r.faults, key)
		r.Log.LogAttrs(ctx, slog.LevelInfo, op.recovered, slog.String("namespace", namespace))
	}
}

// renew writes the Lease, and records whether the API server rejects it.
func (r *Registry) renew(ctx context.Context) error {
	err := r.write(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || permanent(err) {
		r.rejected = err != nil
	}
	return err
}

// permanent reports whether a retry cannot succeed.
func permanent(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsMethodNotSupported(err)
}

// write updates the Lease, or creates it.
func (r *Registry) write(ctx context.Context) error {
	lease := r.lease()
	empty := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: lease.Namespace, Name: lease.Name}}
	err := r.Client.Patch(ctx, lease, client.MergeFrom(empty)) // without resourceVersion: the Lease has no other writer
	if apierrors.IsNotFound(err) {
		return r.Client.Create(ctx, r.lease())
	}
	return err
}

// lease returns the requested content of this replica's Lease.
func (r *Registry) lease() *coordinationv1.Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: r.Identity,
			Labels:      map[string]string{LabelServes: r.Serves},
			Annotations: map[string]string{annotationWorkers: encode(slices.Concat(slices.Collect(maps.Values(r.own))...))},
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       &r.Identity,
			RenewTime:            new(metav1.NewMicroTime(r.Clock.Now())),
			LeaseDurationSeconds: new(int32(leaseTimeout / time.Second)),
		},
	}
}

// read reads the Leases of a namespace. In this replica's own namespace it deletes
// the Leases of replicas that ended more than deleteAfter ago.
func (r *Registry) read(ctx context.Context, namespace string) error {
	began := r.Clock.Now()
	var leases coordinationv1.LeaseList
	err := r.Reader.List(ctx, &leases, client.InNamespace(namespace), client.HasLabels{LabelServes})
	if err != nil {
		r.postpone(namespace, err)
		return err
	}
	expired := r.replace(namespace, began, leases.Items)
	if namespace != r.Namespace {
		return nil
	}
	for _, lease := range expired {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &lease)); err != nil {
			return err
		}
	}
	return nil
}

// postpone delays the next read of another operator's Leases if the API server
// rejected this one.
func (r *Registry) postpone(namespace string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cache := r.caches[namespace]; cache != nil && namespace != r.Namespace && permanent(err) {
		cache.notBefore = r.Clock.Now().Add(foreignTTL / 2)
	}
}

// replace stores the Leases of a namespace. It returns those to delete.
func (r *Registry) replace(namespace string, began time.Time, leases []coordinationv1.Lease) (expired []coordinationv1.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cache := r.caches[namespace]
	if cache == nil {
		return nil
	}
	others := slices.DeleteFunc(leases, func(lease coordinationv1.Lease) bool {
		return namespace == r.Namespace && lease.Name == r.Identity
	})
	return cache.replace(r.Clock.Now(), began, others)
}

// Workers decodes the workers that a replica's Lease lists, by their namespace of
// runs. It returns nil if the annotation cannot be decoded.
func Workers(lease *coordinationv1.Lease) map[string][]delivery.Worker {
	var workers []delivery.Worker
	if json.Unmarshal([]byte(lease.Annotations[annotationWorkers]), &workers) != nil {
		return nil
	}
	if renewed := lease.Spec.RenewTime; renewed != nil {
		for i := range workers {
			workers[i].Seen = renewed.Time
		}
	}
	slices.SortFunc(workers, func(a, b delivery.Worker) int { return cmp.Compare(a.ID, b.ID) })
	byNamespace := map[string][]delivery.Worker{}
	for _, worker := range workers {
		byNamespace[worker.Namespace] = append(byNamespace[worker.Namespace], worker)
	}
	return byNamespace
}

func (r *Registry) remove(ctx context.Context) error {
	return client.IgnoreNotFound(r.Client.Delete(ctx, r.lease()))
}
