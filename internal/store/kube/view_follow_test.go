package kube

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestAFollowerIsToldUntilItStops(t *testing.T) {
	t.Parallel()
	v := newViewed()
	v.put(seen("x", "u", 1))
	var told []string
	s := &Store{shelf: v.shelf}
	taken, stop := s.Follow(func(before, after *taskrun.Run) {
		told = append(told, version(before)+" to "+version(after))
	})
	if now := slices.Collect(taken); len(now) != 1 || version(now[0]) != "1" {
		t.Errorf("begins with %+v, want the run of version 1", now)
	}
	v.put(seen("x", "u", 3))
	v.OnAdd(seen("x", "u", 2), false) // late, and said to nobody
	v.put(seen("y", "v", 4))
	v.OnDelete(seen("x", "u", 3))
	stop()
	v.put(seen("y", "v", 5))
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

func TestDeletionsOfRunsAreRemembered(t *testing.T) {
	t.Parallel()
	clock := &clockAt{now: time.Date(2026, time.August, 21, 10, 0, 0, 0, time.UTC)}
	view := newView()
	view.clock = clock
	v := viewed{feed: feed{view}, shelf: view.shelf("default")}
	s := &Store{shelf: v.shelf}
	v.put(seen("x", "u", 1, withID(idA)))
	if at, ok := s.DeletedAt(idA); ok {
		t.Errorf("deleted at %s before it was", at)
	}
	deleted := clock.now
	v.remove("u")
	clock.now = clock.now.Add(deathsKept)
	v.put(seen("y", "v", 2, withID(idB)))
	v.remove("v")
	if at, ok := s.DeletedAt(idA); !ok || !at.Equal(deleted) {
		t.Errorf("deleted at %s, %v, want %s", at, ok, deleted)
	}
	var d deaths
	for i := range 3 * deathsMost {
		d.add(strconv.Itoa(i), clock.now)
	}
	if kept := len(d.recent) + len(d.earlier); kept > 2*deathsMost {
		t.Errorf("%d deletions are kept, want at most %d", kept, 2*deathsMost)
	}
}

// An id that is another object's too is not that of a run that is gone.
func TestARunOfTwoObjectsIsGoneWithTheLast(t *testing.T) {
	t.Parallel()
	view := newView()
	view.clock = &clockAt{}
	v := viewed{feed: feed{view}, shelf: view.shelf("default")}
	s := &Store{shelf: v.shelf}
	v.put(seen("x", "u", 1, withID(idA), bornAt(1)))
	v.put(seen("y", "v", 2, withID(idA), bornAt(2)))
	v.remove("u")
	if _, ok := s.DeletedAt(idA); ok {
		t.Error("deleted, though the other object is there")
	}
	v.remove("v")
	if _, ok := s.DeletedAt(idA); !ok {
		t.Error("not deleted, though both objects are gone")
	}
}

type clockAt struct{ now time.Time }

func (c *clockAt) Now() time.Time { return c.now }
