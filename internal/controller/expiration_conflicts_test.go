package controller

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// finishedRun returns the run of newObject("hello", object), finished at start.
func finishedRun(ttl *time.Duration) *taskrun.Run {
	return newRun(func(r *taskrun.Run) {
		r.TTL, r.State, r.EndRecorded = ttl, newState(orchestration.Completed), start
	})
}

// expireWith runs the step of a program on a run that can be another program's
// version, and reports whether the step wrote another one.
func (b *fixture) expireWith(t *testing.T, run *taskrun.Run) (after *taskrun.Run, wrote bool) {
	t.Helper()
	b.runs.run, b.runs.calls = run, nil
	b.clock.SetTime(b.clock.Now().Add(time.Minute)) // the limiter does not delay the write
	if _, err := expire(b.clock, &b.backlog, &b.conflicts, b.metrics)(t.Context(), b.scope()); err != nil {
		t.Fatal(err)
	}
	return b.runs.run, len(b.runs.calls) > 0
}

// Two programs with different flags see each other's writes.
func TestExpirationConflicts_stopTwoProgramsWithDifferentTTL(t *testing.T) {
	t.Parallel()
	for name, ttls := range map[string][2]*time.Duration{
		"one keeps runs":  {new(24 * time.Hour), nil},
		"both have a TTL": {new(24 * time.Hour), new(48 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := finishedRun(nil)
			var programs [2]*fixture
			for i := range programs {
				programs[i] = newFixture(run, newObject("hello", object))
				programs[i].runs.defaultTTL = ttls[i]
			}
			writes := 0
			for range 100 {
				for _, program := range programs {
					after, wrote := program.expireWith(t, run)
					if run = after; wrote {
						writes++
					}
				}
			}
			if writes > 2*len(programs) {
				t.Errorf("%d writes, want an end", writes)
			}
		})
	}
}

func TestExpirationConflicts_doNotStopOtherCorrections(t *testing.T) {
	t.Parallel()
	for name, ttl := range map[string]*time.Duration{"of a run with a TTL of its own": new(time.Hour), "by another rule each time": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(finishedRun(ttl), newObject("hello", object))
			for round := range 3 {
				b.runs.defaultTTL = new(time.Duration(round+1) * time.Hour)
				if _, wrote := b.expireWith(t, finishedRun(ttl)); !wrote { // the time was removed
					t.Errorf("round %d: not corrected", round)
				}
			}
		})
	}
}

func TestExpirationConflicts_endWithChangedRule(t *testing.T) {
	t.Parallel()
	b := newFixture(finishedRun(nil), newObject("hello", object))
	b.runs.defaultTTL = new(time.Hour)
	wrote := make([]bool, 4)
	for round := range wrote {
		if round == len(wrote)-1 {
			b.conflicts.reset("default")
			b.runs.defaultTTL = new(2 * time.Hour)
		}
		_, wrote[round] = b.expireWith(t, finishedRun(nil))
	}
	if want := []bool{true, false, false, true}; fmt.Sprint(wrote) != fmt.Sprint(want) {
		t.Errorf("corrected %v, want %v", wrote, want)
	}
}

func TestExpirationConflicts_limitRecords(t *testing.T) {
	t.Parallel()
	c := &expirationConflicts{}
	at := start
	noted := func(from int, now time.Time) {
		for i := range 2 * maxWrittenExpirations {
			c.record(&expiring{uid: strconv.Itoa(from + i)}, &at, now)
		}
	}
	noted(0, start)
	if len(c.written) != maxWrittenExpirations {
		t.Errorf("%d are recorded, want %d", len(c.written), maxWrittenExpirations)
	}
	noted(10*maxWrittenExpirations, start.Add(writtenExpirationAge))
	if _, old := c.written["0"]; old || len(c.written) != maxWrittenExpirations {
		t.Errorf("%d are recorded, an old one %v", len(c.written), old)
	}
}
