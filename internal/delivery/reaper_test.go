package delivery

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestReaper_takesRunsOfLostWorker(t *testing.T) {
	t.Parallel()
	retried := func(r *taskrun.Run) { r.Policy.Retries = "1" }
	tests := map[string]struct {
		edit   func(*taskrun.Run)
		state  orchestration.StateType // last state set by the worker; None: never started
		want   string
		again  bool   // delivered to another worker
		losses string // to the LossRecorder
	}{
		"not started":                {want: "SCHEDULED Scheduled", again: true, losses: "first SCHEDULED SCHEDULED false"},
		"pending":                    {state: orchestration.Pending, want: "SCHEDULED Scheduled", again: true, losses: "first PENDING SCHEDULED true"},
		"running":                    {state: orchestration.Running, want: "CRASHED Crashed", losses: "first RUNNING CRASHED true"},
		"running, with a retry left": {edit: retried, state: orchestration.Running, want: "SCHEDULED AwaitingRetry", again: true, losses: "first RUNNING SCHEDULED true"},
		"being cancelled":            {state: orchestration.Cancelling, want: "CANCELLED Cancelled", losses: "first CANCELLING CANCELLED true"},
		"finished":                   {state: orchestration.Completed, want: "COMPLETED Completed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
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
				s.want("the second while the first is connected", "", s.next(second))
				first.Close()
				pass(9 * time.Second)
				s.want("the second within the grace period", "", s.next(second))
				pass(5 * time.Second)
				run := s.run(id)
				s.want("state", tt.want, string(run.State.Type)+" "+run.State.Name)
				synctest.Wait()
				losses := []string{}
				if tt.losses != "" {
					losses = append(losses, tt.losses)
				}
				s.want("recorded losses", losses, append([]string{}, s.losses...))
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

// Two replicas find the same worker lost. Only the one whose write succeeds records it.
func TestReaper_recordsEachLossOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.startReaper()
		s.startReaper()
		id := s.submit("a", 0)
		first := s.subscribe("first", "a")
		s.want("the first", id, s.next(first))
		first.Close()
		pass(time.Minute)
		synctest.Wait()
		s.want("recorded losses", []string{"first SCHEDULED SCHEDULED false"}, s.losses)
		s.want("counted losses", []orchestration.StateType{""}, s.abandoned)
	})
}

// A worker reports its own retry without the parameters. The next worker needs them,
// and receives the run only when the retry is due.
func TestReaper_keepsParametersAndTimeOfWorkersRetry(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
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
		s.want("the second before the retry is due", "", s.next(second))
		pass(15 * time.Second)
		s.want("the second", id, s.next(second))
		state := s.run(id).State
		s.want("parameters", "0198a1b2-0000-7000-8000-0000000000aa", state.Details.TaskParametersID)
		if deferred := state.Details.Deferred; deferred == nil || !*deferred || state.Name != "AwaitingRetry" {
			s.t.Errorf("delivered as %+v", state)
		}
	})
}

func TestReaperOptions_Validate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		grace    time.Duration
		attempts int
		want     bool
	}{
		"the defaults":                     {DefaultReaperOptions().GracePeriod, DefaultReaperOptions().MaxAttempts, true},
		"the minimum of both":              {2 * time.Second, 1, true},
		"a grace period that is too short": {2*time.Second - 1, 1, false},
		"no attempt":                       {2 * time.Second, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := ReaperOptions{GracePeriod: tt.grace, MaxAttempts: tt.attempts, Interval: time.Second}
			if err := o.Validate(); (err == nil) != tt.want {
				t.Errorf("error %v, want none: %t", err, tt.want)
			}
		})
	}
}

// newReaper returns a reaper that checks only when the test calls it.
func (s *fixture) newReaper(leases Leases, log *slog.Logger) *Reaper {
	return &Reaper{
		ReaperOptions: DefaultReaperOptions(), Queue: s.queue, Workers: s.workers, Leases: leases,
		Clock: clock.RealClock{}, Log: log, Metrics: s, LossRecorder: s, recorded: map[string]time.Time{},
	}
}

func TestReaper_takesRunAfterWholeGracePeriod(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		id := s.submit("a", 0)
		if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker"}); err != nil {
			s.t.Fatal(err)
		}
		r := s.newReaper(s.service, slog.New(slog.DiscardHandler))
		r.check(s.t.Context())
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{r.GracePeriod - 1, "worker"}, {1, ""}} {
			pass(step.after)
			r.check(s.t.Context())
			s.want("holder", step.want, s.run(id).Holder())
		}
	})
}

func TestReaper_logsPanicOfCheck(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		var log bytes.Buffer
		r := s.newReaper(s.service, slog.New(slog.NewTextHandler(&log, nil)))
		r.guardedCheck(s.t.Context())
		s.want("log of a check", "", log.String())
		r.Workers = nil
		r.guardedCheck(s.t.Context())
		if log.Len() == 0 {
			s.t.Error("a check that panicked is not logged")
		}
	})
}

func TestQueue_finishedRunHasNoHolder(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	q := NewQueue(nil, testingclock.NewFakeClock(now))
	q.backlog = nil
	first, second := leased("first", now), leased("second", now)
	q.onChange(nil, first)
	q.onChange(nil, second)
	q.onChange(first, nil)
	if diff := cmp.Diff(map[string][]string{"w": {"second"}}, q.holders()); diff != "" {
		t.Errorf("after one has ended (-want +got):\n%s", diff)
	}
	q.onChange(second, nil)
	if got := q.holds(); len(got) != 0 {
		t.Errorf("after both have ended, %v are held", got)
	}
}
