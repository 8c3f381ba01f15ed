package usecase_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// deferredRun creates a background run and delivers it to a worker.
func deferredRun(t interface{ Fatal(...any) }, r *recorder) *taskrun.Run {
	in := newRun("1")
	in.State = &taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{Deferred: new(true)}}
	made, _, err := r.Create(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	run, err := r.Lease(context.Background(), made.ID, taskrun.Hold{Worker: "w"})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// reported is one event of a script. Its time is in seconds after the creation of the
// run, by the operator's clock.
type reported struct {
	n       int // of the event
	kind    orchestration.StateType
	name    string // default: the name of the type
	at      float64
	follows int // number of the event before; 0: not named
}

func (s reported) event(run *taskrun.Run) taskrun.Event {
	return event(run.ID, s.n, s.kind, func(e *taskrun.Event) {
		e.State.ID = eventID(s.n)
		e.State.Timestamp = run.Created.Add(time.Duration(s.at * float64(time.Second)))
		if s.name != "" {
			e.State.Name = s.name
		}
		if s.follows > 0 {
			e.State.Follows = eventID(s.follows)
		}
	})
}

func eventID(n int) string { return fmt.Sprintf("0198a1b2-0000-7000-9000-%012d", n) }

func TestRecord_ordersEventsOfWorkerWithWrongClock(t *testing.T) {
	t.Parallel()
	life := func(skew float64) []reported { // as the SDK reports it
		return []reported{
			{n: 1, kind: orchestration.Pending, at: skew + 1},
			{n: 2, kind: orchestration.Running, at: skew + 2},
			{n: 3, kind: orchestration.Completed, at: skew + 3, follows: 2},
		}
	}
	tests := map[string]struct {
		batches [][]reported
		want    string
	}{
		"two seconds behind, in one batch":                    {[][]reported{life(-2)}, "Scheduled Pending Running Completed"},
		"five minutes behind, one by one":                     {slices.Collect(slices.Chunk(life(-300), 1)), "Scheduled Pending Running Completed"},
		"a year ahead, one by one":                            {slices.Collect(slices.Chunk(life(3e7), 1)), "Scheduled Pending Running Completed"},
		"the clock is set back during the run":                {[][]reported{{{n: 2, kind: orchestration.Running, at: 60}}, {{n: 3, kind: orchestration.Completed, at: 3, follows: 2}}}, "Scheduled Running Completed"},
		"the clock is set back, and no event follows another": {[][]reported{{{n: 2, kind: orchestration.Running, at: 60}}, {{n: 3, kind: orchestration.Completed, at: 3}}}, "Scheduled Running Completed"},
		"the last event arrives first":                        {[][]reported{life(-300)[2:], life(-300)[1:2], life(-300)[:1]}, "Scheduled Pending Running Completed"},
		"RUNNING arrives before the PENDING that it follows": {[][]reported{
			{{n: 2, kind: orchestration.Running, at: -60, follows: 1}}, {{n: 1, kind: orchestration.Pending, at: -50}},
		}, "Scheduled Pending Running"},
		"a long chain arrives late": {[][]reported{
			{{n: 2, kind: orchestration.Running, at: 100}},
			{{n: 4, kind: orchestration.Running, name: "Retrying", at: 41, follows: 3}},
			{{n: 3, kind: orchestration.Scheduled, name: "AwaitingRetry", at: 40, follows: 2}},
			{{n: 5, kind: orchestration.Completed, at: 42, follows: 4}},
		}, "Scheduled Running AwaitingRetry Retrying Completed"},
		"each event names the one before": {[][]reported{
			{{n: 1, kind: orchestration.Pending, at: -2}, {n: 2, kind: orchestration.Running, at: -2, follows: 1}, {n: 3, kind: orchestration.Completed, at: -2, follows: 2}},
		}, "Scheduled Pending Running Completed"},
		"a cycle of events": {[][]reported{
			{{n: 1, kind: orchestration.Pending, at: 1, follows: 2}, {n: 2, kind: orchestration.Running, at: 2, follows: 1}, {n: 3, kind: orchestration.Completed, at: 3, follows: 3}},
		}, "Scheduled Pending Running Completed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			run := deferredRun(t, r)
			for range 2 { // the second time changes nothing
				for _, batch := range tt.batches {
					var events []taskrun.Event
					for _, s := range batch {
						events = append(events, s.event(run))
					}
					r.record(t, events...)
				}
				got := r.get(t, run.ID)
				if names := stateNames(got); names != tt.want || len(r.refused) > 0 {
					t.Errorf("states %s, want %s; refused %v", names, tt.want, r.refused)
				}
				checkTimes(t, got)
			}
		})
	}
}

// checkTimes checks that the times of the states do not decrease.
func checkTimes(t interface{ Errorf(string, ...any) }, run *taskrun.Run) {
	states := run.States()
	for i := range states[1:] {
		if before, s := states[i], states[i+1]; s.Timestamp.Before(before.Timestamp) {
			t.Errorf("%s at %s is before %s at %s", s.Name, s.Timestamp, before.Name, before.Timestamp)
		}
	}
}

func TestRecord_ordersEventsWithWrongClockOfRunWithoutWorker(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	ahead := func(n int, kind orchestration.StateType, at time.Duration) taskrun.Event {
		return event(eventRun, n, kind, func(e *taskrun.Event) { e.State.Timestamp = start.Add(time.Minute + at) })
	}
	r.record(t, ahead(1, orchestration.Running, time.Minute))
	r.record(t, ahead(2, orchestration.Completed, 0))
	if got := stateNames(r.get(t, eventRun)); got != "Running Completed" {
		t.Errorf("states %s", got)
	}
}

// A worker that lost a run neither becomes its holder again nor ends it again.
func TestRecord_ordersEventsOfFormerWorker(t *testing.T) {
	t.Parallel()
	const hour = 3600
	running, completed := reported{n: 1, kind: orchestration.Running, at: hour}, reported{n: 2, kind: orchestration.Completed, at: hour + 1, follows: 1}
	tests := map[string]struct {
		before, after []reported
		next          string // worker that gets the run before the last events arrive; empty: none
		successor     []reported
		want          string
	}{
		"of a waiting run": {after: []reported{running}, want: "Running Scheduled"},
		"an end, before another worker has the run": {
			before: []reported{running}, after: []reported{completed}, want: "Scheduled Running AwaitingRetry Completed",
		},
		"a retry, while another worker has the run": {
			before: []reported{running}, next: "other", want: "Scheduled Running Retrying AwaitingRetry",
			after: []reported{{n: 3, kind: orchestration.Running, name: "Retrying", at: hour + 1, follows: 1}},
		},
		"an end, while another worker has the run": {
			before: []reported{running}, next: "other", after: []reported{completed},
			want: "Scheduled Running Completed AwaitingRetry",
		},
		"an end, while another worker runs the run": {
			before: []reported{running}, next: "other", after: []reported{completed},
			successor: []reported{{n: 4, kind: orchestration.Running, at: -hour}},
			want:      "Scheduled Running Completed AwaitingRetry Running",
		},
		"an end, after another worker has ended the run": {
			before: []reported{running}, next: "other", after: []reported{completed},
			successor: []reported{{n: 4, kind: orchestration.Failed, at: -hour}},
			want:      "Scheduled Running Completed AwaitingRetry Failed",
		},
		"an end, after it has the run again": {
			before: []reported{running}, next: "w", after: []reported{completed},
			want: "Scheduled Running AwaitingRetry Completed",
		},
		"only the end of a waiting run, by a clock that is behind": {
			after: []reported{{n: 2, kind: orchestration.Completed, at: -hour}}, want: "Scheduled Completed",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecorder()
			in := newRun("1")
			in.Run.Policy = taskrun.Policy{Retries: "3"}
			in.State = &taskrun.Proposal{Type: orchestration.Scheduled, Details: orchestration.StateDetails{Deferred: new(true)}}
			run := mustCreate(t, r.Service, in)
			if _, err := r.Lease(t.Context(), run.ID, taskrun.Hold{Worker: "w"}); err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.before {
				r.record(t, s.event(run))
			}
			if _, err := r.Abandon(t.Context(), run.ID, taskrun.Hold{Worker: "w"}, 5); err != nil {
				t.Fatal(err)
			}
			if tt.next != "" {
				r.clock.Step(2 * time.Hour)
				if _, err := r.Lease(t.Context(), run.ID, taskrun.Hold{Worker: tt.next}); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range slices.Concat(tt.successor, tt.after) {
				r.record(t, s.event(run))
			}
			got := r.get(t, run.ID)
			if names := stateNames(got); names != tt.want || len(r.refused) > 0 {
				t.Errorf("states %s, want %s; refused %v", names, tt.want, r.refused)
			}
			checkTimes(t, got)
		})
	}
}

// script returns the reports of a worker in the true order. The SDK names the previous
// event only from the engine's second event on, and only within five minutes.
func script(t *rapid.T) []reported {
	skew := rapid.Float64Range(-400_000, 400_000).Draw(t, "skew")
	at := skew + 1
	steps := []reported{{n: 1, kind: orchestration.Pending, at: at}}
	retries := rapid.IntRange(0, 3).Draw(t, "retries")
	add := func(kind orchestration.StateType, name string) {
		gap := rapid.Float64Range(0.001, 900).Draw(t, "gap")
		at += gap
		s := reported{n: len(steps) + 1, kind: kind, name: name, at: at}
		if len(steps) > 1 && gap < 300 {
			s.follows = len(steps)
		}
		steps = append(steps, s)
	}
	add(orchestration.Running, "")
	for range retries {
		add(orchestration.Scheduled, orchestration.NameAwaitingRetry)
		add(orchestration.Running, orchestration.NameRetrying)
	}
	add(rapid.SampledFrom([]orchestration.StateType{orchestration.Completed, orchestration.Failed, orchestration.Crashed}).Draw(t, "end"), "")
	return steps
}

// For any clock of the worker, and any batches, repetitions and order of arrival, the
// run ends as the worker left it, with all states in order.
func TestRecord_keepsOrderOfStatesWithAnyClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		steps := script(t)
		arrivals := slices.Clone(steps)
		for range rapid.IntRange(0, 4).Draw(t, "repetitions") {
			arrivals = append(arrivals, rapid.SampledFrom(steps).Draw(t, "again"))
		}
		if rapid.Bool().Draw(t, "shuffled") {
			arrivals = rapid.Permutation(arrivals).Draw(t, "arrivals")
		}
		r := newRecorder()
		run := deferredRun(t, r)
		for len(arrivals) > 0 {
			n := rapid.IntRange(1, len(arrivals)).Draw(t, "batch")
			var events []taskrun.Event
			for _, s := range arrivals[:n] {
				events = append(events, s.event(run))
			}
			err := r.Record(t.Context(), events, func(e taskrun.Event, err error) { t.Errorf("%s refused: %v", e.State.Name, err) })
			if err != nil {
				t.Fatal(err)
			}
			arrivals = arrivals[n:]
		}
		got, err := r.Get(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{run.State.ID}
		for _, s := range steps {
			want = append(want, eventID(s.n))
		}
		var ids []string
		for _, s := range got.States() {
			ids = append(ids, s.ID)
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		checkTimes(t, got)
	})
}

func TestRecord_estimatedRunTimeIsNeverNegative(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		state orchestration.StateType
		total time.Duration
		since time.Duration // of the state, before now
		want  time.Duration
	}{
		"running":                                     {orchestration.Running, time.Second, time.Minute, time.Minute + time.Second},
		"running, by a clock that is ahead":           {orchestration.Running, 0, -5 * time.Minute, 0},
		"running again, by a clock that is ahead":     {orchestration.Running, time.Second, -5 * time.Minute, time.Second},
		"ended, after the clock was set back":         {orchestration.Completed, -time.Minute, 0, 0},
		"running again, after the clock was set back": {orchestration.Running, -time.Minute, time.Second, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := taskrun.Run{Progress: orchestration.Progress{
				State: &orchestration.State{Type: tt.state, Timestamp: start.Add(-tt.since)}, TotalRunTime: tt.total,
			}}
			if got := run.EstimatedRunTime(start); got != tt.want {
				t.Errorf("EstimatedRunTime() = %s, want %s", got, tt.want)
			}
		})
	}
}

// A reader of new changes receives the end that a worker reports, also if the clock of
// the worker is behind.
func TestFollow_yieldsStatesOfClockThatIsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the minute passes at once if the end does not arrive
		r := newRecorder()
		run := deferredRun(t, r)
		later, _, err := r.Create(t.Context(), newRun("2")) // shows that the stream has started
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		recorded := false
		for c, err := range oneByOne(r.Follow(ctx, taskrun.WatchOptions{Since: later.State.Timestamp})) {
			if err != nil {
				break
			}
			if c.State.Type == orchestration.Completed {
				return
			}
			if !recorded {
				recorded = true
				r.record(t, reported{n: 1, kind: orchestration.Completed, at: -3600}.event(run))
			}
		}
		t.Error("the end is not in the stream, though it was recorded after the stream began")
	})
}

// Events of the worker of a run that was created again with the id of a deleted one
// are recorded, with any clock. Events of the worker of the deleted run are rejected.
func TestRecord_recreatedRunAcceptsEventsOfItsOwnWorkerOnly(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	old := deferredRun(t, r)
	running := reported{n: 1, kind: orchestration.Running, at: 1}
	r.record(t, running.event(old))
	if err := r.Delete(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	run := deferredRun(t, r)
	if run.ID != old.ID {
		t.Fatalf("the run is %s, want %s", run.ID, old.ID)
	}
	r.record(t, reported{n: 2, kind: orchestration.Failed, at: -1, follows: 1}.event(old))
	if diff := cmp.Diff([]string{"Failed: " + usecase.ErrLate.Error()}, r.refused); diff != "" {
		t.Errorf("refused of the worker of the deleted run (-want +got):\n%s", diff)
	}
	r.refused = nil
	r.record(t,
		reported{n: 3, kind: orchestration.Pending, at: -3600}.event(run), reported{n: 4, kind: orchestration.Running, at: -3599}.event(run),
		reported{n: 5, kind: orchestration.Completed, at: -3598, follows: 4}.event(run))
	if names := stateNames(r.get(t, run.ID)); names != "Scheduled Pending Running Completed" || len(r.refused) > 0 {
		t.Errorf("states %s; refused %v", names, r.refused)
	}
}
