package index

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestFollow_subscriberGetsChangesUntilItStops(t *testing.T) {
	t.Parallel()
	v := newWatchedIndex()
	v.PutObject(objecttest.Version("x", "u", 1))
	var told []string
	taken, stop := v.Follow(func(before, after *taskrun.Run) {
		told = append(told, version(before)+" to "+version(after))
	})
	if now := slices.Collect(taken); len(now) != 1 || version(now[0]) != "1" {
		t.Errorf("begins with %+v, want the run of version 1", now)
	}
	v.PutObject(objecttest.Version("x", "u", 3))
	v.OnAdd(objecttest.Version("x", "u", 2)) // late, and not reported
	v.PutObject(objecttest.Version("y", "v", 4))
	v.OnDelete(objecttest.Version("x", "u", 3))
	stop()
	v.PutObject(objecttest.Version("y", "v", 5))
	if got, want := fmt.Sprint(told), "[1 to 3 none to 4 3 to none]"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

func version(run *taskrun.Run) string {
	if run == nil {
		return "none"
	}
	return run.Ref.ResourceVersion
}

func TestDeletedAt_recordsDeletions(t *testing.T) {
	t.Parallel()
	clock := testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC))
	v := watchedIndex{New(clock, nil).Namespace("default")}
	v.PutObject(objecttest.Version("x", "u", 1, objecttest.WithID(idA)))
	if at, ok := v.DeletedAt(idA); ok {
		t.Errorf("deleted at %s before it was", at)
	}
	deleted := clock.Now()
	v.Remove("u")
	clock.SetTime(clock.Now().Add(deletionRetention))
	v.PutObject(objecttest.Version("y", "v", 2, objecttest.WithID(idB)))
	v.Remove("v")
	if at, ok := v.DeletedAt(idA); !ok || !at.Equal(deleted) {
		t.Errorf("deleted at %s, %v, want %s", at, ok, deleted)
	}
	var d recentDeletions
	for i := range 3 * maxRecentDeletions {
		d.add(strconv.Itoa(i), clock.Now())
	}
	if kept := len(d.recent) + len(d.earlier); kept > 2*maxRecentDeletions {
		t.Errorf("%d deletions are kept, want at most %d", kept, 2*maxRecentDeletions)
	}
}

// An id that another object also has is not deleted with one of the objects.
func TestDeletedAt_runOfTwoObjectsIsDeletedWithTheLast(t *testing.T) {
	t.Parallel()
	v := watchedIndex{New(testingclock.NewFakePassiveClock(time.Time{}), nil).Namespace("default")}
	v.PutObject(objecttest.Version("x", "u", 1, objecttest.WithID(idA), objecttest.CreatedAfter(1)))
	v.PutObject(objecttest.Version("y", "v", 2, objecttest.WithID(idA), objecttest.CreatedAfter(2)))
	v.Remove("u")
	if _, ok := v.DeletedAt(idA); ok {
		t.Error("deleted, though the other object is there")
	}
	v.Remove("v")
	if _, ok := v.DeletedAt(idA); !ok {
		t.Error("not deleted, though both objects are gone")
	}
}
