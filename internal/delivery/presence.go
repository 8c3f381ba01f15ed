package delivery

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// whereabouts is what this replica can know about the worker of a hold.
type whereabouts int

const (
	connected  whereabouts = iota // to some operator
	absent                        // connected to no operator that it can be connected to
	unknowable                    // it may be connected to an operator that this one does not know
)

// presence tells where the workers of holds are. Each hold names the namespace of
// the Leases that list its worker while it is connected, so a worker is absent
// only when these Leases were read and do not list it. An earlier version
// recorded no namespace: its workers can be absent only after they were seen
// connected to this replica, or in a Lease that this replica reads.
type presence struct {
	workers *Workers
	alive   map[string]bool          // connected to this replica, or listed beside its Lease
	lists   map[string]connectedList // by namespace of Leases, as far as it was asked for
	seen    map[string]bool          // workers of holds without a namespace that were connected before
}

type connectedList struct {
	ids   map[string]bool
	read  time.Time // see Roster.ConnectedIn
	known bool
}

// refresh forgets what was read for the last look.
func (p *presence) refresh(workers *Workers, alive map[string]bool, holds map[taskrun.Hold][]string) {
	p.workers, p.alive, p.lists = workers, alive, map[string]connectedList{}
	seen := map[string]bool{}
	for hold := range holds {
		id := hold.Worker
		if hold.LeaseNamespace == "" && (alive[id] || p.seen[id] || workers.registry.Listed(id)) {
			seen[id] = true
		}
	}
	p.seen = seen
}

// of returns where the worker of a hold is.
func (p *presence) of(hold taskrun.Hold) whereabouts {
	list := p.in(hold.LeaseNamespace)
	switch {
	case p.alive[hold.Worker] || list.ids[hold.Worker]:
		return connected
	case list.known || (hold.LeaseNamespace == "" && p.seen[hold.Worker]):
		return absent
	default:
		return unknowable
	}
}

// read returns the time at which the worker of a hold was looked for.
func (p *presence) read(hold taskrun.Hold, now time.Time) time.Time {
	if read := p.in(hold.LeaseNamespace).read; !read.IsZero() {
		return read
	}
	return now
}

// in returns the workers that the Leases in a namespace list.
func (p *presence) in(leaseNamespace string) connectedList {
	list, asked := p.lists[leaseNamespace]
	if !asked {
		var workers []Worker
		workers, list.read, list.known = p.workers.registry.ConnectedIn(leaseNamespace)
		list.ids = make(map[string]bool, len(workers))
		for _, worker := range workers {
			list.ids[worker.ID] = true
		}
		p.lists[leaseNamespace] = list
	}
	return list
}

// moveHolds records where to find the workers that are connected to this replica,
// but hold runs that another operator sent them: that operator would take them
// for gone. A worker that is connected to both stays where it is recorded, if
// that can be read; if not, its holds are moved at most twice per grace time.
func (r *Reaper) moveHolds(ctx context.Context, now time.Time, holds map[taskrun.Hold][]string) {
	own := r.Workers.registry.LeaseNamespace()
	maps.DeleteFunc(r.moved, func(_ string, at time.Time) bool { return now.Sub(at) >= r.Grace/2 })
	for hold, ids := range holds {
		if hold.LeaseNamespace == own || !r.Workers.isHere(hold.Worker) || r.presence.in(hold.LeaseNamespace).ids[hold.Worker] {
			continue
		}
		for _, id := range ids {
			if _, recently := r.moved[id]; !recently {
				r.moved[id] = now
				r.moveHold(ctx, id, taskrun.Hold{Worker: hold.Worker, LeaseNamespace: own})
			}
		}
	}
}

func (r *Reaper) moveHold(ctx context.Context, id string, to taskrun.Hold) {
	if err := r.Leases.MoveHold(ctx, id, to); err != nil {
		r.Log.LogAttrs(ctx, slog.LevelDebug, "recording the operator that the worker of a run is connected to failed; it is tried again",
			slog.String("run", id), slog.String("worker", to.Worker), slog.Any("error", err))
	}
}

// remarks is what the reaper has reported, so that it reports each thing once.
type remarks struct {
	unknown map[string]bool // by namespace of Leases
	failing bool            // the last attempt to take a run failed
}

// reportUnknown logs once for each namespace of Leases that cannot be read that
// the runs of its workers stay with them, and keeps their number for metrics.
func (r *Reaper) reportUnknown(ctx context.Context, unknown map[string]int) {
	total, reported := 0, map[string]bool{}
	for _, leases := range slices.Sorted(maps.Keys(unknown)) {
		total += unknown[leases]
		reported[leases] = true
		if !r.reported.unknown[leases] {
			r.Log.LogAttrs(ctx, slog.LevelWarn, "runs stay with their workers: the Leases of the operator that sent them cannot be read",
				slog.String("namespace", r.Workers.Namespace), slog.String("leaseNamespace", leases), slog.Int("count", unknown[leases]))
		}
	}
	r.reported.unknown = reported
	r.unknown.Store(int64(total))
}

// UnknownHolds is the number of held runs whose workers may be connected to
// operators that this replica cannot know. It leaves these runs to their workers.
func (r *Reaper) UnknownHolds() int { return int(r.unknown.Load()) }
