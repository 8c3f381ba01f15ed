package delivery

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestWhatBecomesOfTheRunsOfAWorkerThatIsGone(t *testing.T) {
	t.Parallel()
	retried := func(r *taskrun.Run) { r.Policy.Retries = "1" }
	tests := map[string]struct {
		edit  func(*taskrun.Run)
		state orchestration.StateType // what the worker brought it to; None: it never started
		want  string
		again bool   // another worker gets it
		told  string // to the witness
	}{
		"not started":                {want: "SCHEDULED Scheduled", again: true, told: "first SCHEDULED SCHEDULED false"},
		"pending":                    {state: orchestration.Pending, want: "SCHEDULED Scheduled", again: true, told: "first PENDING SCHEDULED true"},
		"running":                    {state: orchestration.Running, want: "CRASHED Crashed", told: "first RUNNING CRASHED true"},
		"running, with a retry left": {edit: retried, state: orchestration.Running, want: "SCHEDULED AwaitingRetry", again: true, told: "first RUNNING SCHEDULED true"},
		"being cancelled":            {state: orchestration.Cancelling, want: "CANCELLED Cancelled", told: "first CANCELLING CANCELLED true"},
		"finished":                   {state: orchestration.Completed, want: "COMPLETED Completed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				s.startReaper()
				edits := []func(*taskrun.Run){}
				if tt.edit != nil {
					edits = append(edits, tt.edit)
				}
				id := s.submit("a", 0, edits...)
				first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
				s.want("the first", id, s.next(first))
				if tt.state != orchestration.None {
					s.set(id, tt.state)
				}
				pass(time.Minute)
				s.want("the second while the first is there", "", s.next(second))
				first.Close()
				pass(9 * time.Second)
				s.want("the second within the grace time", "", s.next(second))
				pass(5 * time.Second)
				run := s.run(id)
				s.want("state", tt.want, string(run.State.Type)+" "+run.State.Name)
				synctest.Wait()
				told := []string{}
				if tt.told != "" {
					told = append(told, tt.told)
				}
				s.want("what was told", told, append([]string{}, s.losses...))
				want := ""
				if tt.again {
					want = id
				}
				s.want("the second", want, s.next(second))
				if tt.again {
					s.want("parameters", "0198a1b2-0000-7000-8000-0000000000aa", s.run(id).State.Details.TaskParametersID)
				}
			})
		})
	}
}

// Two replicas see a worker go: what one did, the other does not tell.
func TestALossIsToldOnce(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.startReaper()
		s.startReaper()
		id := s.submit("a", 0)
		first := s.subscribe("first", "a")
		s.want("the first", id, s.next(first))
		first.Close()
		pass(time.Minute)
		synctest.Wait()
		s.want("what was told", []string{"first SCHEDULED SCHEDULED false"}, s.losses)
		s.want("what was counted", []orchestration.StateType{""}, s.lost)
	})
}

// A worker that retries by itself says nothing of the parameters. Who gets the
// run from it needs them, and not before the time of the next try.
func TestARunThatItsWorkerWasGoingToTryAgainIsWholeForTheNext(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.startReaper()
		id := s.submit("a", 0)
		first, second := s.subscribe("first", "a"), s.subscribe("second", "a")
		s.want("the first", id, s.next(first))
		pass(time.Second)
		again := time.Now().Add(30 * time.Second).UTC()
		err := s.service.Record(s.t.Context(), []taskrun.Event{{RunID: id, State: orchestration.State{
			ID: "0198a1b2-0000-7000-8000-0000000000bb", Type: orchestration.Scheduled, Name: "AwaitingRetry",
			Timestamp: time.Now().UTC(), Details: orchestration.StateDetails{ScheduledTime: &again},
		}}}, func(_ taskrun.Event, err error) { s.t.Error(err) })
		if err != nil {
			s.t.Fatal(err)
		}
		first.Close()
		pass(20 * time.Second)
		s.want("the second before the next try is due", "", s.next(second))
		pass(15 * time.Second)
		s.want("the second", id, s.next(second))
		state := s.run(id).State
		s.want("parameters", "0198a1b2-0000-7000-8000-0000000000aa", state.Details.TaskParametersID)
		if deferred := state.Details.Deferred; deferred == nil || !*deferred || state.Name != "AwaitingRetry" {
			s.t.Errorf("handed out as %+v", state)
		}
	})
}

func TestReaperOptionsAreWithinTheirLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		grace    time.Duration
		attempts int
		want     bool
	}{
		"the defaults":                   {DefaultReaperOptions().Grace, DefaultReaperOptions().MaxAttempts, true},
		"the least of both":              {2 * time.Second, 1, true},
		"a grace time that is too short": {2*time.Second - 1, 1, false},
		"no attempt":                     {2 * time.Second, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := ReaperOptions{Grace: tt.grace, MaxAttempts: tt.attempts, Interval: time.Second}
			if err := o.Validate(); (err == nil) != tt.want {
				t.Errorf("error %v, want none: %t", err, tt.want)
			}
		})
	}
}

// onlyReaper is one that looks when it is told to.
func (s *scene) onlyReaper(leases Leases, log *slog.Logger) *Reaper {
	return &Reaper{
		ReaperOptions: DefaultReaperOptions(), Queue: s.queue, Workers: s.workers, Leases: leases,
		Clock: bubbleClock{}, Log: log, Metrics: s, Witness: s, moved: map[string]time.Time{},
	}
}

func TestARunIsTakenAfterTheWholeGracePeriod(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		id := s.submit("a", 0)
		if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker"}); err != nil {
			s.t.Fatal(err)
		}
		r := s.onlyReaper(s.service, slog.New(slog.DiscardHandler))
		r.look(s.t.Context())
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{r.Grace - 1, "worker"}, {1, ""}} {
			pass(step.after)
			r.look(s.t.Context())
			s.want("holder", step.want, s.run(id).Holder())
		}
	})
}

func TestACheckThatPanicsIsLoggedAndRepeated(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		var log bytes.Buffer
		r := s.onlyReaper(s.service, slog.New(slog.NewTextHandler(&log, nil)))
		r.lookGuarded(s.t.Context())
		s.want("log of a check", "", log.String())
		r.Workers = nil
		r.lookGuarded(s.t.Context())
		if log.Len() == 0 {
			s.t.Error("a check that panicked is not logged")
		}
	})
}

func TestARunThatIsOverIsHeldByNone(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	q := NewQueue(nil, &handClock{now: now})
	q.early = nil
	first, second := leased("first", now), leased("second", now)
	q.take(nil, first)
	q.take(nil, second)
	q.take(first, nil)
	if diff := cmp.Diff(map[string][]string{"w": {"second"}}, q.holders()); diff != "" {
		t.Errorf("when one is over (-want +got):\n%s", diff)
	}
	q.take(second, nil)
	if got := q.holds(); len(got) != 0 {
		t.Errorf("when both are over, %v are held", got)
	}
}
