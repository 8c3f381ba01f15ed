package storetest

import (
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

const cacheKey = "key"

// cacheScene completes runs with one cache key.
type cacheScene struct {
	t       *testing.T
	store   taskrun.Store
	clock   *testingclock.FakeClock
	service *usecase.Service
	runs    int
}

// complete creates a run, completes it with its number as the result, and returns its
// id.
func (c *cacheScene) complete(expires *time.Time, force bool) string {
	c.t.Helper()
	c.runs++
	c.clock.Step(time.Millisecond) // the newest entry is returned
	run, _, err := c.service.Create(c.t.Context(), taskrun.NewRun{
		Run: taskrun.Run{ID: runID(c.runs), TaskKey: "k", DynamicKey: strconv.Itoa(c.runs)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	_, err = c.service.SetState(c.t.Context(), run.ID, taskrun.Proposal{
		Type: orchestration.Completed, Data: json.RawMessage(strconv.Itoa(c.runs)), Force: force,
		Details: orchestration.StateDetails{CacheKey: new(cacheKey), CacheExpiration: expires},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return run.ID
}

func (c *cacheScene) remove(id string) {
	c.t.Helper()
	if err := c.service.Delete(c.t.Context(), id); err != nil {
		c.t.Fatal(err)
	}
}

// expect looks up the key and expects the result with this number, 0 for none.
func (c *cacheScene) expect(when, key string, want int) {
	c.t.Helper()
	state, err := c.store.CacheEntry(c.t.Context(), key, start)
	switch {
	case want == 0 && !errors.Is(err, taskrun.ErrNotFound):
		c.t.Errorf("%s: found %+v, error %v, want nothing", when, state, err)
	case want != 0 && (err != nil || string(state.Data) != strconv.Itoa(want)):
		c.t.Errorf("%s: found %+v, error %v, want the result %d", when, state, err, want)
	}
}

func testCache(t *testing.T, s taskrun.Store) {
	t.Helper()
	clock := testingclock.NewFakeClock(start)
	c := &cacheScene{t: t, store: s, clock: clock, service: newService(s, clock)}
	past, future := start.Add(-time.Hour), start.Add(time.Hour)

	c.expect("an empty cache", cacheKey, 0)
	c.complete(nil, true)
	c.expect("only a run that completed by force", cacheKey, 0)
	first := c.complete(nil, false)
	c.expect("one entry", cacheKey, 2)
	c.expect("one entry, another key", "other", 0)
	second := c.complete(&future, false)
	c.expect("a newer entry that has not expired", cacheKey, 3)
	c.complete(&past, false)
	c.expect("a newest entry that has expired", cacheKey, 3)

	// A running run keeps its earlier entry.
	if _, err := c.service.SetState(t.Context(), second, taskrun.Proposal{Type: orchestration.Pending, Force: true}); err != nil {
		t.Fatal(err)
	}
	c.expect("the entry is a past state of its run", cacheKey, 3)
	c.remove(second)
	c.expect("the run of the newest entry is deleted", cacheKey, 2)
	c.remove(first)
	c.expect("all runs with entries are deleted", cacheKey, 0)
}
