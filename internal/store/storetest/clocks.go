//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// testRenameOnTwo renames on one replica and reports names on another, whose clock
// is ahead or behind. The later write applies.
func testRenameOnTwo(t *testing.T, a, b taskrun.Store) {
	for n, skew := range []time.Duration{-time.Hour, -100 * time.Millisecond, 0, 100 * time.Millisecond, time.Hour} {
		clocks := map[taskrun.Store]*testingclock.FakeClock{a: testingclock.NewFakeClock(start), b: testingclock.NewFakeClock(start)}
		clocks[b].Step(skew)
		run := mustCreate(t, a, begun(n, pending(), nil))
		steps := []struct {
			on       taskrun.Store
			reported int // number of the state whose event reports the name; 0: the run is renamed
			name     string
		}{{a, 0, "first"}, {b, 1, "told"}, {a, 0, "second"}, {b, 2, "told again"}, {b, 0, "third"}, {a, 3, "told at last"}}
		last := run.Updated
		for _, step := range steps {
			for _, c := range clocks {
				c.Step(time.Millisecond)
			}
			service := newService(step.on, clocks[step.on])
			eventually(t, "the write before is read", func() bool { return !mustGet(t, step.on, run.ID).Updated.Before(last) })
			if step.reported > 0 {
				reportName(t, service, run.ID, 100*n+step.reported, step.name)
			} else if err := service.Rename(t.Context(), run.ID, step.name); err != nil {
				t.Fatal(err)
			}
			for _, s := range []taskrun.Store{a, b} {
				eventually(t, "the name is "+step.name+", with a clock ahead by "+skew.String(), func() bool {
					return mustGet(t, s, run.ID).Name == step.name
				})
			}
			got := mustGet(t, step.on, run.ID)
			if got.Updated.Before(last) {
				t.Errorf("skew %s: with the name %s, updated goes back from %s to %s", skew, step.name, last, got.Updated)
			}
			last = got.Updated
		}
	}
}

// reportName records the nth state of a run, with a name of the run.
func reportName(t *testing.T, service *usecase.Service, id string, n int, name string) {
	err := service.Record(t.Context(), []taskrun.Event{{
		RunID: id,
		State: orchestration.State{
			ID: stateID(1000 + n), Type: orchestration.Running, Name: "Running", Timestamp: start.Add(time.Duration(n) * time.Hour),
		},
		Patch: taskrun.Patch{Name: taskrun.Set(name)},
	}}, func(_ taskrun.Event, err error) { t.Errorf("the name %s is refused: %v", name, err) })
	if err != nil {
		t.Fatal(err)
	}
}

// testExpiry ends runs by reports with wrong times: the TTL starts when the end
// was recorded.
func testExpiry(t *testing.T, s taskrun.Store) {
	c := testingclock.NewFakeClock(start)
	service := newService(s, c)
	for n, skew := range []time.Duration{-24 * time.Hour, -5 * time.Minute, 0, 5 * time.Minute, 24 * time.Hour} {
		in := taskrun.NewRun{Run: *begun(n, pending(), nil)}
		in.Run.TTL = new(time.Minute)
		run, _, err := service.Create(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		end := c.Now().Add(skew)
		err = service.Record(t.Context(), []taskrun.Event{{
			RunID: run.ID,
			State: orchestration.State{ID: stateID(100 + n), Type: orchestration.Completed, Name: "Completed", Timestamp: end, Follows: run.State.ID},
			Patch: taskrun.Patch{EndTime: taskrun.Set(end)},
		}}, func(_ taskrun.Event, err error) { t.Errorf("skew %s: refused: %v", skew, err) })
		if err != nil {
			t.Fatal(err)
		}
		if remaining, deleted, err := service.Expire(t.Context(), run.ID); err != nil || deleted || remaining <= 0 || remaining > 62*time.Second {
			t.Errorf("skew %s: Expire() at once = %s, %v, error %v", skew, remaining, deleted, err)
		}
		c.Step(62 * time.Second)
		if remaining, deleted, err := service.Expire(t.Context(), run.ID); err != nil || !deleted {
			t.Errorf("skew %s: Expire() after the time to live = %s, %v, error %v", skew, remaining, deleted, err)
		}
	}
}
