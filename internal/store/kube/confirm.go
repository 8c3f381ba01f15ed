package kube

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// confirmInterval is how long the watch may take to show an object before the
// API server is asked about it.
const confirmInterval = 30 * time.Second

// Start keeps the view honest until the context ends. An object that this
// replica made or read, and that was deleted while the watch was broken, may
// never be told of: the watch does not know it, so a new list does not miss it.
// Such objects are asked for by name, two intervals later at the latest.
func (c *Cluster) Start(ctx context.Context) error {
	ticker := time.NewTicker(confirmInterval)
	defer ticker.Stop()
	doubtful := map[types.UID]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if c.complete() == nil { // else the first list may still show them
				doubtful = c.confirm(ctx, doubtful)
			}
		}
	}
}

// NeedLeaderElection tells the manager that every replica does this.
func (c *Cluster) NeedLeaderElection() bool { return false }

// confirm asks for the objects that were doubtful before and still are, and
// returns those that are doubtful now.
func (c *Cluster) confirm(ctx context.Context, before map[types.UID]bool) map[types.UID]bool {
	doubtful := map[types.UID]bool{}
	for _, namespace := range c.view.namespaces() {
		store := c.Namespace(namespace)
		for uid, name := range store.shelf.unconfirmed() {
			doubtful[uid] = true
			if !before[uid] || ctx.Err() != nil {
				continue
			}
			// An object made anew takes the place of the old one by itself.
			if _, err := store.read(ctx, name); errors.Is(err, taskrun.ErrNotFound) {
				store.shelf.remove(uid)
				delete(doubtful, uid)
			}
		}
	}
	return doubtful
}

// namespaces are those that the view has runs of.
func (v *view) namespaces() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var namespaces []string
	for namespace, s := range v.shelves {
		if s.hasRuns() {
			namespaces = append(namespaces, namespace)
		}
	}
	return namespaces
}
