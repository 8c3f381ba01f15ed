// Package roster lets the replicas of the program know each other's workers. Each
// replica keeps a Lease object with its own workers, and reads those of the
// others. A replica whose Lease is not renewed any more is dead, and so are its
// connections.
package roster

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// callTimeout bounds a call to the API server.
	callTimeout = 5 * time.Second
)

// Options say what a Roster works with.
type Options struct {
	Client    client.Client // not cached
	Reader    client.Reader // not cached
	Namespace string        // where the Leases are
	Serves    string        // the installation's own namespace of runs: replicas of one value know each other
	Identity  string        // of this replica, unique and fit for an object's name
	Clock     taskrun.Clock
	Log       *slog.Logger
}

// Roster knows the workers of a program that may have several replicas. It does
// its work while Start runs.
type Roster struct {
	Options

	changed chan struct{}

	mu     sync.Mutex
	own    map[string][]delivery.Worker // by namespace
	others map[string]*replica          // by the names of their Leases
	heard  time.Time                    // when the Leases were read last
}

// In is the part of the roster about one namespace.
func (r *Roster) In(namespace string) delivery.Roster { return part{r, namespace} }

type part struct {
	roster    *Roster
	namespace string
}

func (p part) Announce(workers []delivery.Worker) { p.roster.announce(p.namespace, workers) }

func (p part) Others() (workers []delivery.Worker, known bool) {
	return p.roster.elsewhere(p.namespace)
}

// replica is another one, as its Lease shows it.
type replica struct {
	version string
	fresh   time.Time                    // when the Lease was seen to change last, by the own clock
	workers map[string][]delivery.Worker // by namespace
}

// New returns a Roster.
func New(o Options) *Roster {
	return &Roster{
		Options: o, changed: make(chan struct{}, 1), own: map[string][]delivery.Worker{}, others: map[string]*replica{},
	}
}

// announce tells the others of this replica's workers in a namespace, soon.
func (r *Roster) announce(namespace string, workers []delivery.Worker) {
	r.mu.Lock()
	r.own[namespace] = workers
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default: // it is to be written already
	}
}

// elsewhere are the workers of the other replicas that are alive. They are not
// known as long as the Leases cannot be read: then nobody is said to be dead.
func (r *Roster) elsewhere(namespace string) (workers []delivery.Worker, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	known = now.Sub(r.heard) <= silence
	for _, other := range r.others {
		if !known || now.Sub(other.fresh) < lapse {
			workers = append(workers, other.workers[namespace]...)
		}
	}
	return workers, known
}

// NeedLeaderElection tells a manager that every replica does this.
func (r *Roster) NeedLeaderElection() bool { return false }

// Start keeps this replica's Lease and looks at the others' until the context
// ends; then the Lease is deleted, so that the others know at once.
func (r *Roster) Start(ctx context.Context) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		r.tell(ctx, "keeping the replica's own Lease", r.write)
		r.tell(ctx, "reading the other replicas' Leases", r.read)
		select {
		case <-ctx.Done():
			r.tell(context.WithoutCancel(ctx), "deleting the replica's own Lease", r.remove)
			return nil
		case <-ticker.C:
		case <-r.changed:
			r.pause(ctx)
		}
	}
}

func (r *Roster) pause(ctx context.Context) {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// tell does something with the API server; what fails is tried again in time.
func (r *Roster) tell(ctx context.Context, doing string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := do(ctx); err != nil && ctx.Err() == nil {
		r.Log.LogAttrs(ctx, slog.LevelWarn, doing+" failed; it is tried again", slog.Any("error", err))
	}
}

// write renews the Lease, making it if need be.
func (r *Roster) write(ctx context.Context) error {
	lease := r.lease()
	nothing := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: lease.Namespace, Name: lease.Name}}
	err := r.Client.Patch(ctx, lease, client.MergeFrom(nothing)) // of whatever version: nobody else writes it
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

// encode drops task keys where they are too many, but never a worker: that one
// is alive matters more than what it takes. All workers of a replica fit in, see
// delivery.MaxRoster.
func encode(workers []delivery.Worker) string {
	text, err := json.Marshal(workers)
	if err != nil || len(text) <= maxAnnotation {
		return string(text)
	}
	short := slices.Clone(workers)
	for i := range short {
		short[i].TaskKeys = nil
	}
	text, err = json.Marshal(short)
	if err != nil {
		return "[]" // cannot happen: ids are texts
	}
	return string(text)
}

// read looks at the other replicas' Leases.
func (r *Roster) read(ctx context.Context) error {
	var leases coordinationv1.LeaseList
	err := r.Reader.List(ctx, &leases, client.InNamespace(r.Namespace), client.MatchingLabels{LabelServes: r.Serves})
	if err != nil {
		return err
	}
	for _, lease := range r.take(leases.Items) {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &lease)); err != nil {
			return err
		}
	}
	return nil
}

// take keeps what the Leases tell, and returns those of the long dead.
func (r *Roster) take(leases []coordinationv1.Lease) (dead []coordinationv1.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Clock.Now()
	deaf := now.Sub(r.heard) > silence
	r.heard = now
	there := map[string]bool{}
	for _, lease := range leases {
		if lease.Name == r.Identity {
			continue
		}
		there[lease.Name] = true
		known := r.others[lease.Name]
		if known == nil || known.version != lease.ResourceVersion {
			known = &replica{version: lease.ResourceVersion, fresh: now, workers: Workers(&lease)}
			r.others[lease.Name] = known
		}
		if deaf { // what this replica could not read, the others could not write
			known.fresh = now
		}
		if now.Sub(known.fresh) > buryAfter {
			dead = append(dead, lease)
		}
	}
	maps.DeleteFunc(r.others, func(name string, _ *replica) bool { return !there[name] })
	return dead
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
