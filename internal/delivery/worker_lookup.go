package delivery

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// workerStatus is the status of the worker of a hold, as far as this replica knows.
type workerStatus int

const (
	workerConnected    workerStatus = iota // to this or another operator
	workerDisconnected                     // not listed in the Leases that would list it
	workerUnknown                          // it may be connected to an operator whose Leases cannot be read
)

// workerLookup determines whether the workers of holds are connected. Each hold
// has the namespace of the Leases that list its worker while it is connected. So a
// worker is disconnected only if these Leases were read and do not list it. An
// earlier version recorded no namespace: its workers are disconnected only after
// they were seen connected to this replica, or in a Lease that this replica reads.
type workerLookup struct {
	workers   *Workers
	connected map[string]bool         // connected to this replica, or to another one of this operator
	lists     map[string]leaseWorkers // by namespace of Leases, read on demand
	seen      map[string]bool         // workers of holds without a namespace that were connected at an earlier check
}

type leaseWorkers struct {
	ids   map[string]bool
	read  time.Time // see Registry.ConnectedIn
	known bool
}

// refresh starts a check: it drops the workers that were read for the previous one.
func (l *workerLookup) refresh(workers *Workers, connected map[string]bool, holds map[taskrun.Hold][]string) {
	l.workers, l.connected, l.lists = workers, connected, map[string]leaseWorkers{}
	seen := map[string]bool{}
	for hold := range holds {
		id := hold.Worker
		if hold.LeaseNamespace == "" && (connected[id] || l.seen[id] || workers.registry.Listed(id)) {
			seen[id] = true
		}
	}
	l.seen = seen
}

// status returns the status of the worker of a hold.
func (l *workerLookup) status(hold taskrun.Hold) workerStatus {
	list := l.listedIn(hold.LeaseNamespace)
	switch {
	case l.connected[hold.Worker] || list.ids[hold.Worker]:
		return workerConnected
	case list.known || (hold.LeaseNamespace == "" && l.seen[hold.Worker]):
		return workerDisconnected
	default:
		return workerUnknown
	}
}

// readAt returns the time of the read on which the status of a hold rests.
func (l *workerLookup) readAt(hold taskrun.Hold, now time.Time) time.Time {
	if read := l.listedIn(hold.LeaseNamespace).read; !read.IsZero() {
		return read
	}
	return now
}

// listedIn returns the workers that the Leases in a namespace list.
func (l *workerLookup) listedIn(leaseNamespace string) leaseWorkers {
	list, known := l.lists[leaseNamespace]
	if !known {
		var workers []Worker
		workers, list.read, list.known = l.workers.registry.ConnectedIn(leaseNamespace)
		list.ids = make(map[string]bool, len(workers))
		for _, worker := range workers {
			list.ids[worker.ID] = true
		}
		l.lists[leaseNamespace] = list
	}
	return list
}

// moveHolds records the own Lease namespace in holds that another operator created,
// if the worker is connected to this replica: the other operator would count the
// worker as lost. A hold is not changed while the Leases that it names list the
// worker. If these cannot be read, it is changed at most twice per grace period.
func (r *Reaper) moveHolds(ctx context.Context, now time.Time, holds map[taskrun.Hold][]string) {
	own := r.Workers.registry.LeaseNamespace()
	maps.DeleteFunc(r.recorded, func(_ string, at time.Time) bool { return now.Sub(at) >= r.GracePeriod/2 })
	for hold, ids := range holds {
		if hold.LeaseNamespace == own || !r.Workers.isConnected(hold.Worker) || r.lookup.listedIn(hold.LeaseNamespace).ids[hold.Worker] {
			continue
		}
		for _, id := range ids {
			if _, recently := r.recorded[id]; !recently {
				r.recorded[id] = now
				r.recordLeaseNamespace(ctx, id, taskrun.Hold{Worker: hold.Worker, LeaseNamespace: own})
			}
		}
	}
}

func (r *Reaper) recordLeaseNamespace(ctx context.Context, id string, to taskrun.Hold) {
	if err := r.Leases.RecordLeaseNamespace(ctx, id, to); err != nil {
		r.Log.LogAttrs(ctx, slog.LevelDebug, "recording the Lease namespace of a worker failed, retrying",
			slog.String("taskRunID", id), slog.String("worker", to.Worker), slog.Any("error", err))
	}
}

// loggedProblems holds the problems that the reaper has logged, so that it logs each
// one once.
type loggedProblems struct {
	unknown map[string]bool // by namespace of Leases
	failing bool            // the latest attempt to take a run failed
}

// reportUnknown logs each namespace of Leases that cannot be read once: the runs of
// its workers stay with them. It stores the number of these runs for UnknownHolds.
func (r *Reaper) reportUnknown(ctx context.Context, unknown map[string]int) {
	total, reported := 0, map[string]bool{}
	for _, leases := range slices.Sorted(maps.Keys(unknown)) {
		total += unknown[leases]
		reported[leases] = true
		if !r.logged.unknown[leases] {
			r.Log.LogAttrs(ctx, slog.LevelWarn, "runs stay with their workers: the Leases of the operator that delivered them cannot be read",
				slog.String("namespace", r.Workers.Namespace), slog.String("leaseNamespace", leases), slog.Int("count", unknown[leases]))
		}
	}
	r.logged.unknown = reported
	r.unknown.Store(int64(total))
}

// UnknownHolds returns the number of held runs whose workers may be connected to
// operators that this replica cannot see. These runs stay with their workers.
func (r *Reaper) UnknownHolds() int { return int(r.unknown.Load()) }
