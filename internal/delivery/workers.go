package delivery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// lingering is how long a worker is still listed after its last connection
// ended: Prefect's own list is as lazy (contract §1.6).
const lingering = 2 * time.Second

// Worker is a client that takes runs, whatever the number of its connections.
type Worker struct {
	Namespace string    `json:"namespace"` // whose runs it takes
	ID        string    `json:"id"`
	Caller    string    `json:"-"`        // of the first of its connections; "" if it is another replica's
	TaskKeys  []string  `json:"taskKeys"` // of all its connections, sorted
	Seen      time.Time `json:"-"`        // when it was there last
}

// Roster is how replicas tell each other of their workers in one namespace.
type Registry interface {
	// Announce tells the others of this replica's workers, soon.
	Announce(workers []Worker)
	// Others are the workers of the other replicas that are alive. When they are
	// not known for now, those are told that were known last.
	Others() (workers []Worker, known bool)
	// LeaseNamespace returns the namespace of the Lease that lists this replica's
	// workers, taskrun.NoLease if the Lease cannot be kept.
	LeaseNamespace() string
	// ConnectedIn returns the workers of all living replicas whose Leases are in a
	// namespace. They are not known if these Leases cannot be read. read is when
	// the reading that this rests on began, zero if nothing has to be read.
	ConnectedIn(leaseNamespace string) (workers []Worker, read time.Time, known bool)
	// Listed reports whether a Lease beside this replica's own lists the worker,
	// be the replica of that Lease alive or not.
	Listed(worker string) bool
}

// Workers are those of all replicas in one namespace; those of this one come and
// go by Subscribe.
type Workers struct {
	// These are to be set before anybody subscribes, if at all.
	Metrics   Metrics // hear of deliveries
	Namespace string
	Room      *Room // shared with the workers of other namespaces

	queue    *Queue
	leases   Leases
	clock    taskrun.Clock
	registry Registry

	mu   sync.Mutex
	here map[string]*local
}

// local is a worker with connections to this replica.
type local struct {
	caller      string // of the first connection; the room is its
	connections []*Consumer
	gone        time.Time // when the last connection ended; zero: there is one
	keys        []string  // of the connections that ended last
	sorted      []string  // see taskKeys; nil: the connections have changed
}

// NewWorkers returns the workers that take runs from the queue.
func NewWorkers(queue *Queue, leases Leases, clock taskrun.Clock, roster Registry) *Workers {
	return &Workers{Metrics: noMetrics{}, Room: &Room{}, queue: queue, leases: leases, clock: clock, registry: roster, here: map[string]*local{}}
}

// Subscribe makes a connection of a worker known that wants runs of these task
// keys, of which there is one at least. Errors: *taskrun.InvalidError, and
// taskrun.ErrUnavailable when there are too many workers, of all callers or of the
// context's.
func (w *Workers) Subscribe(ctx context.Context, keys []string, clientID string) (*Consumer, error) {
	if err := taskrun.CheckHolder(clientID); err != nil {
		return nil, err
	}
	c := &Consumer{
		queue: w.queue, leases: w.leases, metrics: w.Metrics, keys: slices.Clone(keys), clientID: clientID,
		registry: w.registry, since: w.clock.Now(), sent: map[string]time.Time{},
	}
	c.leave = func() { w.leave(c) }
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.here[clientID]
	if l == nil || !l.gone.IsZero() {
		by := owner{w.Namespace, taskrun.Caller(ctx)}
		if !w.Room.take(by, w.cost(clientID)) {
			return nil, fmt.Errorf("%w: too many workers of this caller, its namespace or all are connected to this replica", taskrun.ErrUnavailable)
		}
		l = &local{caller: by.caller}
		w.here[clientID] = l
	}
	l.connections, l.sorted = append(l.connections, c), nil
	w.announce()
	return c, nil
}

// cost is what a worker without task keys takes of the room.
func (w *Workers) cost(id string) int {
	text, err := EncodeWorkers([]Worker{{Namespace: w.Namespace, ID: id}})
	if err != nil {
		return MaxWorkerBytes // cannot happen: an id is a text
	}
	return len(text) - len("[]") + len(",")
}

func (w *Workers) leave(c *Consumer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.here[c.clientID]
	l.connections = slices.DeleteFunc(l.connections, func(other *Consumer) bool { return other == c })
	l.sorted = nil
	if len(l.connections) == 0 {
		l.gone, l.keys = w.clock.Now(), c.keys
		w.Room.give(owner{w.Namespace, l.caller}, w.cost(c.clientID))
	}
	w.announce()
}

// announce tells the other replicas who is here.
func (w *Workers) announce() {
	w.forget()
	w.registry.Announce(w.connected())
}

// forget drops those who have been gone for a while.
func (w *Workers) forget() {
	now := w.clock.Now()
	maps.DeleteFunc(w.here, func(_ string, l *local) bool { return !l.gone.IsZero() && now.Sub(l.gone) > lingering })
}

func (w *Workers) connected() []Worker {
	now := w.clock.Now()
	var workers []Worker
	for id, l := range w.here {
		if l.gone.IsZero() {
			workers = append(workers, Worker{Namespace: w.Namespace, ID: id, Caller: l.caller, TaskKeys: l.taskKeys(), Seen: now})
		}
	}
	slices.SortFunc(workers, func(a, b Worker) int { return cmp.Compare(a.ID, b.ID) })
	return workers
}

// taskKeys are those of all connections. They are sorted once after each change, not
// for each look: a change of one worker looks at all.
func (l *local) taskKeys() []string {
	if l.sorted == nil {
		keys := slices.Clone(l.keys)
		for _, c := range l.connections {
			keys = append(keys, c.keys...)
		}
		slices.Sort(keys)
		l.sorted = slices.Compact(keys)
	}
	return l.sorted
}

// List returns the workers of all replicas, by their ids; those that take runs
// of one of the task keys, if there are any given.
func (w *Workers) List(taskKeys []string) []Worker {
	all := map[string]Worker{}
	others, _ := w.registry.Others()
	for _, other := range others {
		all[other.ID] = merged(all[other.ID], other)
	}
	w.mu.Lock()
	w.forget()
	now := w.clock.Now()
	for id, l := range w.here {
		seen := now
		if !l.gone.IsZero() {
			seen = l.gone
		}
		all[id] = merged(all[id], Worker{Namespace: w.Namespace, ID: id, TaskKeys: l.taskKeys(), Seen: seen})
	}
	w.mu.Unlock()
	wanted := taskrun.SetOf(taskKeys)
	var listed []Worker
	for _, id := range slices.Sorted(maps.Keys(all)) {
		takes := func(key string) bool { return wanted[key] }
		if taskKeys == nil || slices.ContainsFunc(all[id].TaskKeys, takes) {
			listed = append(listed, all[id])
		}
	}
	return listed
}

// TaskWorkers are the workers of all replicas.
func (w *Workers) TaskWorkers() []taskrun.TaskWorker {
	var workers []taskrun.TaskWorker
	for _, worker := range w.List(nil) {
		workers = append(workers, taskrun.TaskWorker{Identifier: worker.ID, TaskKeys: worker.TaskKeys, Timestamp: worker.Seen})
	}
	return workers
}

// Connected is how many workers have a connection to this replica.
func (w *Workers) Connected() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, l := range w.here {
		if l.gone.IsZero() {
			n++
		}
	}
	return n
}

// isHere reports whether the worker has a connection to this replica.
func (w *Workers) isHere(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.here[id]
	return l != nil && l.gone.IsZero()
}

// merged is one worker seen by two replicas.
func merged(a, b Worker) Worker {
	keys := slices.Concat(a.TaskKeys, b.TaskKeys)
	slices.Sort(keys)
	seen := a.Seen
	if b.Seen.After(seen) {
		seen = b.Seen
	}
	return Worker{Namespace: b.Namespace, ID: b.ID, TaskKeys: slices.Compact(keys), Seen: seen}
}

// alive are the ids of all workers that have a connection now, unless nobody
// can tell.
func (w *Workers) alive() (ids map[string]bool, known bool) {
	others, known := w.registry.Others()
	alive := map[string]bool{}
	for _, other := range others {
		alive[other.ID] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, l := range w.here {
		if l.gone.IsZero() {
			alive[id] = true
		}
	}
	return alive, known
}

// Alone is the roster of a program that has one replica.
type SingleReplica struct{}

// Announce does nothing.
func (SingleReplica) Announce([]Worker) {}

// Others are none.
func (SingleReplica) Others() ([]Worker, bool) { return nil, true }

// LeaseNamespace returns the empty namespace: there is no Lease.
func (SingleReplica) LeaseNamespace() string { return "" }

// ConnectedIn returns no workers: no other replica exists.
func (SingleReplica) ConnectedIn(string) ([]Worker, time.Time, bool) { return nil, time.Time{}, true }

// Listed returns false: there is no Lease.
func (SingleReplica) Listed(string) bool { return false }
