// Package roster lets the replicas of the program know each other's workers. Each
// replica keeps a Lease object with its own workers, and reads those of the
// others. A replica whose Lease is not renewed any more is dead, and so are its
// connections. Replicas of one installation keep their Leases in one namespace.
// The Leases of other programs are read where the runs say that they are.
package roster

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
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// LabelServes marks the Leases of replicas; its value is the namespace served.
const LabelServes = "taskrun.dev/serves"

const (
	// annotationWorkers holds the replica's workers as JSON.
	annotationWorkers = "taskrun.dev/workers"
	// maxAnnotation bounds it: an object has room for 256 KiB of annotations.
	maxAnnotation = 240 << 10

	// interval is the time between two renewals, and between two looks at the others.
	interval = 2 * time.Second
	// settle is the wait for further changes before workers are announced.
	settle = 200 * time.Millisecond
	// lapse is how long a Lease may stay as it is before its replica counts as dead.
	lapse = 15 * time.Second
	// buryAfter is when the Lease of a dead replica is deleted.
	buryAfter = 10 * time.Minute
	// silence is how long the Leases may not have been read before nobody can tell
	// who is alive.
	silence = 3 * interval
	// interest is how long the Leases of another namespace are read after the last
	// question about them.
	interest = time.Minute
	// maxForeign bounds how many other namespaces are read: runs name them.
	maxForeign = 16
	// callTimeout bounds a call to the API server.
	callTimeout = 5 * time.Second
)

// Options say what a Roster works with.
type Options struct {
	Client    client.Client // not cached
	Reader    client.Reader // not cached
	Namespace string        // where the Leases are
	Serves    string        // the installation's own namespace of runs
	Identity  string        // of this replica, unique and fit for an object's name
	Clock     taskrun.Clock
	Log       *slog.Logger
}

// Roster knows the workers of a program that may have several replicas, and of
// other programs. It does its work while Start runs.
type Roster struct {
	Options

	changed chan struct{}
	faults  map[string]bool // what is failing and was logged; used by Start alone

	mu         sync.Mutex
	own        map[string][]delivery.Worker // by namespace
	refused    bool                         // the API server does not let this replica keep its Lease
	registries map[string]*registry         // by the namespace of the Leases; this replica's is always there
}

// In is the part of the roster about one namespace.
func (r *Roster) In(namespace string) delivery.Roster { return part{r, namespace} }

type part struct {
	roster    *Roster
	namespace string
}

func (p part) Announce(workers []delivery.Worker) { p.roster.announce(p.namespace, workers) }

func (p part) Others() (workers []delivery.Worker, known bool) {
	workers, _, known = p.roster.connected(p.roster.Namespace, p.namespace)
	return workers, known
}

func (p part) LeaseNamespace() string { return p.roster.leaseNamespace() }

func (p part) ConnectedIn(leaseNamespace string) (workers []delivery.Worker, read time.Time, known bool) {
	return p.roster.connected(leaseNamespace, p.namespace)
}

func (p part) Listed(worker string) bool { return p.roster.listed(p.namespace, worker) }

// New returns a Roster.
func New(o Options) *Roster {
	return &Roster{
		Options: o, changed: make(chan struct{}, 1), faults: map[string]bool{}, own: map[string][]delivery.Worker{},
		registries: map[string]*registry{o.Namespace: newRegistry()},
	}
}

// announce tells the others of this replica's workers in a namespace, soon.
func (r *Roster) announce(namespace string, workers []delivery.Worker) {
	r.mu.Lock()
	r.own[namespace] = workers
	if len(workers) == 0 {
		delete(r.own, namespace)
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default: // it is to be written already
	}
}

// connected returns the workers in a namespace of the living replicas with Leases
// in another one. They are not known as long as the Leases cannot be read: then
// no worker counts as gone. The Leases of a namespace are read from the next
// reading on after it was asked for, for as long as it is.
func (r *Roster) connected(leases, namespace string) (workers []delivery.Worker, read time.Time, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	at := r.registries[leases]
	if at == nil {
		if len(r.registries) > maxForeign || len(validation.IsDNS1123Label(leases)) > 0 {
			return nil, time.Time{}, false
		}
		at = newRegistry()
		r.registries[leases] = at
	}
	at.asked = now
	workers, known = at.connected(now, namespace)
	return workers, at.read, known
}

// leaseNamespace returns the namespace of this replica's Lease.
func (r *Roster) leaseNamespace() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused {
		return taskrun.NoLease
	}
	return r.Namespace
}

func (r *Roster) listed(namespace, worker string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.registries[r.Namespace].lists(namespace, worker)
}

// NeedLeaderElection tells a manager that every replica does this.
func (r *Roster) NeedLeaderElection() bool { return false }

// Start keeps this replica's Lease and looks at the others' until the context
// ends; then the Lease is deleted, so that the others know at once.
func (r *Roster) Start(ctx context.Context) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		r.do(ctx, "keeping the replica's own Lease", r.Namespace, r.keep)
		r.readAll(ctx)
		select {
		case <-ctx.Done():
			r.do(context.WithoutCancel(ctx), "deleting the replica's own Lease", r.Namespace, r.remove)
			return nil
		case <-ticker.C:
		case <-r.changed:
			r.pause(ctx)
		}
	}
}

// readAll reads the Leases of this replica's namespace, and of those that were
// asked for recently.
func (r *Roster) readAll(ctx context.Context) {
	for _, namespace := range r.due() {
		r.do(ctx, "reading the Leases of replicas, without which no run is taken from their workers,", namespace, func(ctx context.Context) error { return r.read(ctx, namespace) })
	}
}

// due returns the namespaces to read. Those that were not asked for recently are
// forgotten.
func (r *Roster) due() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	maps.DeleteFunc(r.registries, func(namespace string, at *registry) bool {
		return namespace != r.Namespace && now.Sub(at.asked) > interest
	})
	var due []string
	for namespace, at := range r.registries {
		if !now.Before(at.notBefore) {
			due = append(due, namespace)
		}
	}
	return due
}

func (r *Roster) pause(ctx context.Context) {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// do does something with the API server. What fails is tried again in time; it is
// logged once when it begins to fail, and once when that ends.
func (r *Roster) do(ctx context.Context, doing, namespace string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := do(ctx)
	key := doing + " " + namespace
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled): // the program is being stopped
	case err != nil && !r.faults[key]:
		r.faults[key] = true
		r.Log.LogAttrs(ctx, slog.LevelWarn, doing+" fails; it is tried again until it succeeds",
			slog.String("namespace", namespace), slog.Any("error", err))
	case err == nil && r.faults[key]:
		delete(r.faults, key)
		r.Log.LogAttrs(ctx, slog.LevelInfo, doing+" succeeds again", slog.String("namespace", namespace))
	}
}

// keep renews the Lease, and notes whether the API server refuses it.
func (r *Roster) keep(ctx context.Context) error {
	err := r.write(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || refusal(err) {
		r.refused = err != nil
	}
	return err
}

// refusal reports whether an error is one that trying again does not mend.
func refusal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsInvalid(err) || apierrors.IsMethodNotSupported(err)
}

// write renews the Lease, making it if need be.
func (r *Roster) write(ctx context.Context) error {
	lease := r.lease()
	nothing := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: lease.Namespace, Name: lease.Name}}
	err := r.Client.Patch(ctx, lease, client.MergeFrom(nothing)) // of any version: it has no other writer
	if apierrors.IsNotFound(err) {
		return r.Client.Create(ctx, r.lease())
	}
	return err
}

// lease is this replica's as it is to be.
func (r *Roster) lease() *coordinationv1.Lease {
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
			LeaseDurationSeconds: new(int32(lapse / time.Second)),
		},
	}
}

// read reads the Leases of a namespace, and deletes those of the long dead in this
// replica's own.
func (r *Roster) read(ctx context.Context, namespace string) error {
	began := r.Clock.Now()
	var leases coordinationv1.LeaseList
	err := r.Reader.List(ctx, &leases, client.InNamespace(namespace), client.HasLabels{LabelServes})
	if err != nil {
		r.postpone(namespace, err)
		return err
	}
	dead := r.take(namespace, began, leases.Items)
	if namespace != r.Namespace {
		return nil
	}
	for _, lease := range dead {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &lease)); err != nil {
			return err
		}
	}
	return nil
}

// postpone lets the API server alone for a while that refuses the Leases of
// another program.
func (r *Roster) postpone(namespace string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.registries[namespace]; at != nil && namespace != r.Namespace && refusal(err) {
		at.notBefore = r.Clock.Now().Add(interest / 2)
	}
}

// take keeps what the Leases of a namespace say, and returns those of the long
// dead.
func (r *Roster) take(namespace string, began time.Time, leases []coordinationv1.Lease) (dead []coordinationv1.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.registries[namespace]
	if at == nil {
		return nil
	}
	others := slices.DeleteFunc(leases, func(lease coordinationv1.Lease) bool {
		return namespace == r.Namespace && lease.Name == r.Identity
	})
	return at.take(r.Clock.Now(), began, others)
}

// Workers reads the workers that are connected to a replica from its Lease, by the
// namespace whose runs they take.
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

func (r *Roster) remove(ctx context.Context) error {
	return client.IgnoreNotFound(r.Client.Delete(ctx, r.lease()))
}
