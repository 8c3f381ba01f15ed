package kube

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// confirmInterval is the time that the watch may take to deliver an object before the
// object is read from the API server.
const confirmInterval = 30 * time.Second

// Start removes unconfirmed objects that do not exist any more, until the context
// ends. The watch can miss the deletion of an object that this replica created or read
// while the watch was broken: the informer never had the object, so that a new list
// does not report its deletion. Such objects are read by name, at most two intervals
// later.
func (c *Cluster) Start(ctx context.Context) error {
	ticker := time.NewTicker(confirmInterval)
	defer ticker.Stop()
	suspect := map[types.UID]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if c.complete() == nil { // else the first list can still deliver them
				suspect = c.reconcileUnconfirmed(ctx, suspect)
			}
		}
	}
}

// NeedLeaderElection returns false: every replica does this.
func (c *Cluster) NeedLeaderElection() bool { return false }

// reconcileUnconfirmed reads the objects that are unconfirmed and were so before, and
// removes those that do not exist. It returns those that are unconfirmed now.
func (c *Cluster) reconcileUnconfirmed(ctx context.Context, before map[types.UID]bool) map[types.UID]bool {
	suspect := map[types.UID]bool{}
	for _, namespace := range c.index.Namespaces() {
		store := c.Namespace(namespace)
		for uid, name := range store.index.Unconfirmed() {
			suspect[uid] = true
			if !before[uid] || ctx.Err() != nil {
				continue
			}
			// A new object of this name replaces the old one when it is read.
			if _, err := store.read(ctx, name); errors.Is(err, taskrun.ErrNotFound) {
				store.index.Remove(uid)
				delete(suspect, uid)
			}
		}
	}
	return suspect
}
