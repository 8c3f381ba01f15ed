package delivery

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// listedAfterClose is the time for which a worker is listed after its last
// connection ended, as in Prefect's list (contract §1.6).
const listedAfterClose = 2 * time.Second

// Worker is a client that receives runs, over one or more connections.
type Worker struct {
	Namespace string    `json:"namespace"` // of its runs
	ID        string    `json:"id"`
	Caller    string    `json:"-"`        // of its first connection; "" for a worker of another replica
	TaskKeys  []string  `json:"taskKeys"` // of all its connections, sorted
	Seen      time.Time `json:"-"`        // latest time at which it was connected
}

// Registry shares the workers in one namespace between replicas.
type Registry interface {
	// Announce replaces this replica's workers in the registry. It does not block.
	Announce(workers []Worker)
	// Others returns the workers of the other live replicas. While these cannot be
	// read, it returns the last known workers, and known is false.
	Others() (workers []Worker, known bool)
	// LeaseNamespace returns the namespace of the Lease that lists this replica's
	// workers, taskrun.NoLease if the API server rejects the Lease.
	LeaseNamespace() string
	// ConnectedIn returns the workers of all live replicas whose Leases are in a
	// namespace. known is false if these Leases cannot be read. read is the start of
	// the read that returned them, zero if no read is necessary.
	ConnectedIn(leaseNamespace string) (workers []Worker, read time.Time, known bool)
	// Listed reports whether the Lease of another replica of this operator lists the
	// worker, whether or not that replica is alive.
	Listed(worker string) bool
}

// Workers lists the workers of all replicas in one namespace. Subscribe adds a
// worker of this replica, Consumer.Close removes it.
type Workers struct {
	// Optional. Set these before the first call of Subscribe.
	Metrics   Metrics
	Namespace string
	Budget    *ByteBudget // shared by the workers of all namespaces

	queue    *Queue
	leases   Leases
	clock    clock.PassiveClock
	registry Registry

	mu    sync.Mutex
	local map[string]*localWorker
}

// localWorker is a worker with connections to this replica.
type localWorker struct {
	caller         string // of the first connection; the worker counts in its share of the budget
	connections    []*Consumer
	disconnectedAt time.Time // end of the last connection; zero: connected
	keys           []string  // of the last connection, after its end
	sorted         []string  // cache of taskKeys; nil: to be computed
}

// NewWorkers returns the Workers that receive the runs of a queue.
func NewWorkers(queue *Queue, leases Leases, clock clock.PassiveClock, registry Registry) *Workers {
	return &Workers{Metrics: noMetrics{}, Budget: &ByteBudget{}, queue: queue, leases: leases, clock: clock, registry: registry, local: map[string]*localWorker{}}
}

// Subscribe adds a connection of a worker that receives runs of these task keys, at
// least one. Errors: *taskrun.InvalidError, and taskrun.ErrUnavailable if the budget
// or the share of the caller or its namespace is exhausted.
func (w *Workers) Subscribe(ctx context.Context, keys []string, clientID string) (*Consumer, error) {
	if err := taskrun.CheckHolder(clientID); err != nil {
		return nil, err
	}
	c := &Consumer{
		queue: w.queue, leases: w.leases, metrics: w.Metrics, keys: slices.Clone(keys), clientID: clientID,
		registry: w.registry, connectedAt: w.clock.Now(), delivered: map[string]time.Time{},
	}
	c.onClose = func() {
		w.disconnect(c)
		c.closeAssigned(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.local[clientID]
	if l == nil || !l.disconnectedAt.IsZero() {
		by := owner{w.Namespace, taskrun.Caller(ctx)}
		if !w.Budget.reserve(by, w.cost(clientID)) {
			return nil, fmt.Errorf("%w: too many workers of this caller, its namespace or all are connected to this replica", taskrun.ErrUnavailable)
		}
		l = &localWorker{caller: by.caller}
		w.local[clientID] = l
	}
	l.connections, l.sorted = append(l.connections, c), nil
	w.announce()
	return c, nil
}

// cost returns the bytes of a worker without task keys in the budget.
func (w *Workers) cost(id string) int {
	text, err := EncodeWorkers([]Worker{{Namespace: w.Namespace, ID: id}})
	if err != nil {
		return MaxWorkerBytes // cannot happen: an id is a text
	}
	return len(text) - len("[]") + len(",")
}

func (w *Workers) disconnect(c *Consumer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.local[c.clientID]
	l.connections = slices.DeleteFunc(l.connections, func(other *Consumer) bool { return other == c })
	l.sorted = nil
	if len(l.connections) == 0 {
		l.disconnectedAt, l.keys = w.clock.Now(), c.keys
		w.Budget.release(owner{w.Namespace, l.caller}, w.cost(c.clientID))
	}
	w.announce()
}

// announce publishes the connected workers to the other replicas.
func (w *Workers) announce() {
	w.dropUnlisted()
	w.registry.Announce(w.connectedLocally())
}

// dropUnlisted removes the workers that disconnected more than listedAfterClose ago.
func (w *Workers) dropUnlisted() {
	now := w.clock.Now()
	maps.DeleteFunc(w.local, func(_ string, l *localWorker) bool {
		return !l.disconnectedAt.IsZero() && now.Sub(l.disconnectedAt) > listedAfterClose
	})
}

func (w *Workers) connectedLocally() []Worker {
	now := w.clock.Now()
	var workers []Worker
	for id, l := range w.local {
		if l.disconnectedAt.IsZero() {
			workers = append(workers, Worker{Namespace: w.Namespace, ID: id, Caller: l.caller, TaskKeys: l.taskKeys(), Seen: now})
		}
	}
	slices.SortFunc(workers, func(a, b Worker) int { return cmp.Compare(a.ID, b.ID) })
	return workers
}

// taskKeys returns the task keys of all connections, sorted. The result is cached
// until the connections change, because each change of one worker lists all workers.
func (l *localWorker) taskKeys() []string {
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

// List returns the workers of all replicas, sorted by id: all workers if taskKeys
// is nil, otherwise those that receive runs of one of the task keys.
func (w *Workers) List(taskKeys []string) []Worker {
	all := map[string]Worker{}
	others, _ := w.registry.Others()
	for _, other := range others {
		all[other.ID] = merge(all[other.ID], other)
	}
	w.mu.Lock()
	w.dropUnlisted()
	now := w.clock.Now()
	for id, l := range w.local {
		seen := now
		if !l.disconnectedAt.IsZero() {
			seen = l.disconnectedAt
		}
		all[id] = merge(all[id], Worker{Namespace: w.Namespace, ID: id, TaskKeys: l.taskKeys(), Seen: seen})
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

// TaskWorkers returns the workers of all replicas.
func (w *Workers) TaskWorkers() []taskrun.TaskWorker {
	var workers []taskrun.TaskWorker
	for _, worker := range w.List(nil) {
		workers = append(workers, taskrun.TaskWorker{Identifier: worker.ID, TaskKeys: worker.TaskKeys, Timestamp: worker.Seen})
	}
	return workers
}

// Connected returns the number of workers with a connection to this replica.
func (w *Workers) Connected() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, l := range w.local {
		if l.disconnectedAt.IsZero() {
			n++
		}
	}
	return n
}

// isConnected reports whether the worker has a connection to this replica.
func (w *Workers) isConnected(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.local[id]
	return l != nil && l.disconnectedAt.IsZero()
}

// merge returns one worker with connections to two replicas.
func merge(a, b Worker) Worker {
	keys := slices.Concat(a.TaskKeys, b.TaskKeys)
	slices.Sort(keys)
	seen := a.Seen
	if b.Seen.After(seen) {
		seen = b.Seen
	}
	return Worker{Namespace: b.Namespace, ID: b.ID, TaskKeys: slices.Compact(keys), Seen: seen}
}

// connectedIDs returns the ids of all connected workers. known is false while the
// workers of other replicas cannot be read.
func (w *Workers) connectedIDs() (ids map[string]bool, known bool) {
	others, known := w.registry.Others()
	connected := map[string]bool{}
	for _, other := range others {
		connected[other.ID] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, l := range w.local {
		if l.disconnectedAt.IsZero() {
			connected[id] = true
		}
	}
	return connected, known
}

// SingleReplica is the Registry of an operator with one replica.
type SingleReplica struct{}

// Announce does nothing.
func (SingleReplica) Announce([]Worker) {}

// Others returns no workers.
func (SingleReplica) Others() ([]Worker, bool) { return nil, true }

// LeaseNamespace returns the empty namespace: there is no Lease.
func (SingleReplica) LeaseNamespace() string { return "" }

// ConnectedIn returns no workers: no other replica exists.
func (SingleReplica) ConnectedIn(string) ([]Worker, time.Time, bool) { return nil, time.Time{}, true }

// Listed returns false: there is no Lease.
func (SingleReplica) Listed(string) bool { return false }
