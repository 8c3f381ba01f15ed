package kube

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// clusterAt is a cluster without objects whose clock can be moved.
func clusterAt(clock *manualClock) *Cluster {
	c := &Cluster{Options: Options{Clock: clock}, view: newView(), synced: func() bool { return true }}
	c.view.clock = clock
	return c
}

func noNamespace(string) bool { return false }

func TestEmptyNamespacesAreClosed(t *testing.T) {
	t.Parallel()
	clock := &manualClock{now: time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC)}
	c := clusterAt(clock)
	for i := range 100 {
		if n, err := c.Namespace("asked-"+strconv.Itoa(i)).Count(t.Context(), taskrun.Filter{}); n != 0 || err != nil {
			t.Fatalf("%d runs, error %v", n, err)
		}
	}
	run := seen("x", "u", 1)
	run.Namespace = "has-a-run"
	feed{c.view}.OnAdd(run, false)
	had := seen("y", "v", 1)
	had.Namespace = "had-a-run"
	feed{c.view}.OnAdd(had, false)
	feed{c.view}.OnDelete(had)
	_, stop := c.Namespace("followed").Follow(func(_, _ *taskrun.Run) {})
	stale := c.Namespace("asked-1")

	if got := fmt.Sprint(c.Namespaces()); got != "[has-a-run]" {
		t.Errorf("namespaces with runs: %s", got)
	}
	c.CloseEmpty(func(namespace string) bool { return namespace == "asked-7" })
	if got := len(c.view.shelves); got != 4 {
		t.Errorf("%d namespaces are kept, want those that have or had a run, are followed, or are excepted", got)
	}
	if _, known := c.Namespace("had-a-run").DeletedAt(string(had.UID)); !known {
		t.Error("a deletion is forgotten")
	}
	stop()
	clock.now = clock.now.Add(2 * deathsKept)
	c.CloseEmpty(noNamespace)
	if got := len(c.view.shelves); got != 1 {
		t.Errorf("%d namespaces are kept, want the one with a run", got)
	}

	late := seen("z", "w", 2)
	late.Namespace = "asked-1"
	stale.shelf.put(late) // as a call does that began before
	if n, err := stale.Count(t.Context(), taskrun.Filter{}); n != 1 || err != nil {
		t.Errorf("a store that is older than its namespace knows %d runs, error %v, want 1", n, err)
	}
	if n, err := c.Namespace("asked-1").Count(t.Context(), taskrun.Filter{}); n != 1 || err != nil {
		t.Errorf("%d runs, error %v, want the one that came late", n, err)
	}
}

// Whenever a namespace is closed, no run that the watch shows is lost.
func TestNoRunIsLostToAClosedNamespace(t *testing.T) {
	t.Parallel()
	c := clusterAt(&manualClock{now: time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC)})
	const namespaces = 500
	stop := make(chan struct{})
	var closing, all sync.WaitGroup
	closing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				c.CloseEmpty(noNamespace)
			}
		}
	})
	for i := range namespaces {
		name := "n" + strconv.Itoa(i)
		all.Go(func() { _, _ = c.Namespace(name).Count(t.Context(), taskrun.Filter{}) })
		all.Go(func() {
			o := seen(name, types.UID("u"+name), 1)
			o.Namespace = name
			feed{c.view}.OnAdd(o, false)
		})
		all.Go(func() {
			_, unfollow := c.Namespace(name).Follow(func(_, _ *taskrun.Run) {})
			unfollow()
		})
	}
	all.Wait()
	close(stop)
	closing.Wait()
	if got := len(c.Namespaces()); got != namespaces {
		t.Errorf("%d namespaces have runs, want %d", got, namespaces)
	}
}
