package roster

import (
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
)

// registry is what the Leases of one namespace say, but for this replica's own.
type registry struct {
	others    map[string]*replica // by the names of their Leases
	read      time.Time           // when the last reading of the Leases that succeeded began
	asked     time.Time           // when they were last asked for
	notBefore time.Time           // when to read them again
}

// replica is another one, as its Lease shows it.
type replica struct {
	version string
	fresh   time.Time                    // when the Lease was seen to change last, by the own clock
	workers map[string][]delivery.Worker // by namespace
}

func newRegistry() *registry { return &registry{others: map[string]*replica{}} }

// connected returns the workers of the replicas that are alive. As long as the
// Leases cannot be read, those that were known last are returned, and known is
// false.
func (g *registry) connected(now time.Time, namespace string) (workers []delivery.Worker, known bool) {
	known = now.Sub(g.read) <= silence
	for _, other := range g.others {
		if !known || now.Sub(other.fresh) < lapse {
			workers = append(workers, other.workers[namespace]...)
		}
	}
	return workers, known
}

// lists reports whether a Lease lists the worker, be its replica alive or not.
func (g *registry) lists(namespace, worker string) bool {
	for _, other := range g.others {
		if slices.ContainsFunc(other.workers[namespace], func(w delivery.Worker) bool { return w.ID == worker }) {
			return true
		}
	}
	return false
}

// take keeps what the Leases say, and returns those of the long dead.
func (g *registry) take(now, began time.Time, leases []coordinationv1.Lease) (dead []coordinationv1.Lease) {
	unread := now.Sub(g.read) > silence
	g.read = began
	there := map[string]bool{}
	for _, lease := range leases {
		there[lease.Name] = true
		known := g.others[lease.Name]
		if known == nil || known.version != lease.ResourceVersion {
			known = &replica{version: lease.ResourceVersion, fresh: now, workers: Workers(&lease)}
			g.others[lease.Name] = known
		}
		if unread { // what this replica could not read, the others could not write
			known.fresh = now
		}
		if now.Sub(known.fresh) > buryAfter {
			dead = append(dead, lease)
		}
	}
	maps.DeleteFunc(g.others, func(name string, _ *replica) bool { return !there[name] })
	return dead
}
