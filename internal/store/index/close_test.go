package index

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func noNamespace(string) bool { return false }

func TestCloseEmpty_closesEmptyNamespaces(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC))
	x := New(clock, nil)
	for i := range 100 {
		if n, err := x.Namespace("queried-"+strconv.Itoa(i)).Count(t.Context(), taskrun.Filter{}); n != 0 || err != nil {
			t.Fatalf("%d runs, error %v", n, err)
		}
	}
	run := objecttest.Version("x", "u", 1)
	run.Namespace = "has-a-run"
	putWatched(x.Namespace(run.Namespace), run)
	had := objecttest.Version("y", "v", 1)
	had.Namespace = "had-a-run"
	putWatched(x.Namespace(had.Namespace), had)
	x.Namespace(had.Namespace).Remove(had.UID)
	_, stop := x.Namespace("followed").Follow(func(_, _ *taskrun.Run) {})
	stale := x.Namespace("queried-1")

	if got := fmt.Sprint(x.Namespaces()); got != "[has-a-run]" {
		t.Errorf("namespaces with runs: %s", got)
	}
	x.CloseEmpty(func(namespace string) bool { return namespace == "queried-7" }, clock.Now())
	if got := len(x.namespaces); got != 4 {
		t.Errorf("%d namespaces are kept, want those that have or had a run, have subscribers, or are excepted", got)
	}
	if _, known := x.Namespace("had-a-run").DeletedAt(string(had.UID)); !known {
		t.Error("a deletion is forgotten")
	}
	stop()
	clock.SetTime(clock.Now().Add(2 * deletionRetention))
	x.CloseEmpty(noNamespace, clock.Now())
	if got := len(x.namespaces); got != 1 {
		t.Errorf("%d namespaces are kept, want the one with a run", got)
	}

	late := objecttest.Version("z", "w", 2)
	late.Namespace = "queried-1"
	stale.PutObject(late) // as by a call that started before
	if n, err := stale.Count(t.Context(), taskrun.Filter{}); n != 1 || err != nil {
		t.Errorf("an index of a closed namespace knows %d runs, error %v, want 1", n, err)
	}
	if n, err := x.Namespace("queried-1").Count(t.Context(), taskrun.Filter{}); n != 1 || err != nil {
		t.Errorf("%d runs, error %v, want the one that came late", n, err)
	}
}

// A namespace can be closed at any time without the loss of a run that the
// watch delivers.
func TestCloseEmpty_losesNoRun(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC))
	x := New(clock, nil)
	const namespaces = 500
	stop := make(chan struct{})
	var closing, all sync.WaitGroup
	closing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				x.CloseEmpty(noNamespace, clock.Now())
			}
		}
	})
	for i := range namespaces {
		name := "n" + strconv.Itoa(i)
		all.Go(func() { _, _ = x.Namespace(name).Count(t.Context(), taskrun.Filter{}) })
		all.Go(func() {
			o := objecttest.Version(name, types.UID("u"+name), 1)
			o.Namespace = name
			putWatched(x.Namespace(name), o)
		})
		all.Go(func() {
			_, unfollow := x.Namespace(name).Follow(func(_, _ *taskrun.Run) {})
			unfollow()
		})
	}
	all.Wait()
	close(stop)
	closing.Wait()
	if got := len(x.Namespaces()); got != namespaces {
		t.Errorf("%d namespaces have runs, want %d", got, namespaces)
	}
}
