package registry

import (
	"maps"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
)

// leaseCache holds the Leases of one namespace, without this replica's own Lease.
type leaseCache struct {
	replicas    map[string]*replica // by the names of their Leases
	readAt      time.Time           // start of the latest successful read
	requestedAt time.Time           // latest use of the cache
	notBefore   time.Time           // earliest time of the next read
}

// replica is the content of another replica's Lease.
type replica struct {
	version   string                       // resourceVersion of the Lease
	changedAt time.Time                    // latest observed change of the Lease, by this replica's clock
	workers   map[string][]delivery.Worker // by namespace
}

func newLeaseCache() *leaseCache { return &leaseCache{replicas: map[string]*replica{}} }

// connected returns the workers of the live replicas. While the Leases cannot be
// read, it returns the last known workers, and known is false.
func (c *leaseCache) connected(now time.Time, namespace string) (workers []delivery.Worker, known bool) {
	known = now.Sub(c.readAt) <= maxReadAge
	for _, other := range c.replicas {
		if !known || now.Sub(other.changedAt) < leaseTimeout {
			workers = append(workers, other.workers[namespace]...)
		}
	}
	return workers, known
}

// lists reports whether a Lease lists the worker, whether or not its replica is
// alive.
func (c *leaseCache) lists(namespace, worker string) bool {
	for _, other := range c.replicas {
		if slices.ContainsFunc(other.workers[namespace], func(w delivery.Worker) bool { return w.ID == worker }) {
			return true
		}
	}
	return false
}

// replace stores the Leases that were read. It returns the Leases to delete: their
// replicas ended more than deleteAfter ago.
func (c *leaseCache) replace(now, began time.Time, leases []coordinationv1.Lease) (expired []coordinationv1.Lease) {
	outage := now.Sub(c.readAt) > maxReadAge
	c.readAt = began
	listed := map[string]bool{}
	for _, lease := range leases {
		listed[lease.Name] = true
		known := c.replicas[lease.Name]
		if known == nil || known.version != lease.ResourceVersion {
			known = &replica{version: lease.ResourceVersion, changedAt: now, workers: Workers(&lease)}
			c.replicas[lease.Name] = known
		}
		if outage { // while this replica could not read, the others could not write
			known.changedAt = now
		}
		if now.Sub(known.changedAt) > deleteAfter {
			expired = append(expired, lease)
		}
	}
	maps.DeleteFunc(c.replicas, func(name string, _ *replica) bool { return !listed[name] })
	return expired
}
