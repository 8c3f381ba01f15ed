package controller

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// proposed returns a run with a proposal of CANCELLED and the verdict on an
// earlier or the same one.
func proposed(verdict *taskrun.Transition) *taskrun.Run {
	return newRun(func(r *taskrun.Run) {
		r.Proposal, r.ProposalDigest = &taskrun.Proposal{Type: orchestration.Cancelled}, "d2"
		r.Transition = verdict
	})
}

// verdict lets the fake judge as told.
func verdict(status orchestration.Status, reason string, moved *orchestration.State, retry *time.Time) func(*taskrun.Run) (taskrun.Outcome, bool) {
	return func(run *taskrun.Run) (taskrun.Outcome, bool) {
		next := *run
		next.Transition = &taskrun.Transition{
			Digest: run.ProposalDigest, Verdict: status, Reason: reason, RetryTime: retry,
		}
		if moved != nil {
			next.State = moved
		}
		return taskrun.Outcome{
			Run: &next, State: next.State, Written: moved != nil,
			Decision: orchestration.Decision{Status: status, Reason: reason, State: moved},
		}, true
	}
}

func TestTransitionJudges(t *testing.T) {
	t.Parallel()
	later := start.Add(5 * time.Second)
	earlier := start.Add(-time.Nanosecond)
	retrying := newState(orchestration.Scheduled)
	retrying.Name = orchestration.NameAwaitingRetry
	cases := map[string]struct {
		before    *taskrun.Transition
		judge     func(*taskrun.Run) (taskrun.Outcome, bool)
		wantAfter time.Duration
		wantEvent string
	}{
		"an accepted proposal": {
			judge:     verdict(orchestration.Accept, "", newState(orchestration.Cancelled), nil),
			wantEvent: "Normal TransitionAccepted moved from RUNNING to CANCELLED",
		},
		"a rejected proposal": {
			judge:     verdict(orchestration.Reject, "This run has already terminated.", nil, nil),
			wantEvent: "Warning TransitionRejected CANCELLED was rejected: This run has already terminated.",
		},
		"a rejected proposal that moved the run elsewhere": {
			judge:     verdict(orchestration.Reject, "Retrying", retrying, nil),
			wantEvent: "Warning TransitionRejected CANCELLED was rejected: Retrying (moved to SCHEDULED (AwaitingRetry) instead)",
		},
		"an aborted proposal without a reason": {
			judge:     verdict(orchestration.Abort, "", nil, nil),
			wantEvent: "Warning TransitionAborted CANCELLED was aborted",
		},
		"a proposal that has to wait": {
			judge:     verdict(orchestration.Wait, "Scheduled time is in the future", nil, &later),
			wantAfter: 5 * time.Second,
			wantEvent: "Normal TransitionWaiting CANCELLED has to wait until 2026-03-01T12:00:05Z: Scheduled time is in the future",
		},
		"a proposal whose wait is over": {
			before:    &taskrun.Transition{Digest: "d2", Verdict: orchestration.Wait, RetryTime: &earlier},
			judge:     verdict(orchestration.Accept, "", newState(orchestration.Cancelled), nil),
			wantEvent: "Normal TransitionAccepted moved from RUNNING to CANCELLED",
		},
		"a proposal whose wait ends now": {
			before:    &taskrun.Transition{Digest: "d2", Verdict: orchestration.Wait, RetryTime: &start},
			judge:     verdict(orchestration.Accept, "", newState(orchestration.Cancelled), nil),
			wantEvent: "Normal TransitionAccepted moved from RUNNING to CANCELLED",
		},
		"a proposal after another one was judged": {
			before:    &taskrun.Transition{Digest: "d1", Verdict: orchestration.Wait, RetryTime: &later},
			judge:     verdict(orchestration.Abort, "no", nil, nil),
			wantEvent: "Warning TransitionAborted CANCELLED was aborted: no",
		},
	}
	for name, tc := range cases {
		t.Run(name+" is judged and told of", func(t *testing.T) {
			t.Parallel()
			b := newBench(proposed(tc.before), newObject("hello", object))
			b.runs.judge = tc.judge
			s := b.scope()
			result, err := transition(b.clock, recorder{b.events}, b.metrics)(t.Context(), s)
			check(t, result, err, tc.wantAfter)
			if diff := cmp.Diff([]string{tc.wantEvent}, b.recorded()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{string(s.run.Transition.Verdict)}, b.metrics.names()); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
			if s.run != b.runs.run {
				t.Error("the next steps do not see the run as judged")
			}
		})
	}
}

func TestTransitionLeavesAlone(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Minute + time.Microsecond)
	cases := map[string]struct {
		run       *taskrun.Run
		wantAfter time.Duration
	}{
		"a run without a proposal":     {run: newRun(nil)},
		"a proposal that was accepted": {run: proposed(&taskrun.Transition{Digest: "d2", Verdict: orchestration.Accept})},
		"a proposal that was refused":  {run: proposed(&taskrun.Transition{Digest: "d2", Verdict: orchestration.Reject})},
		"a waiting proposal that was withdrawn": {run: newRun(func(r *taskrun.Run) {
			r.Transition = &taskrun.Transition{Digest: "d1", Verdict: orchestration.Wait, RetryTime: &later}
		})},
		"a waiting proposal until its time":           {run: proposed(&taskrun.Transition{Digest: "d2", Verdict: orchestration.Wait, RetryTime: &later}), wantAfter: time.Minute + time.Millisecond},
		"a waiting proposal that names no time, ever": {run: proposed(&taskrun.Transition{Digest: "d2", Verdict: orchestration.Wait})},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(tc.run, newObject("hello", object))
			result, err := transition(b.clock, recorder{b.events}, b.metrics)(t.Context(), b.scope())
			check(t, result, err, tc.wantAfter)
			if calls := b.runs.calls; len(calls) > 0 {
				t.Errorf("calls = %v, want none", calls)
			}
		})
	}
}

// The stored retry time is long over then: it must not be what is waited for.
func TestTransitionLooksAgainForASlotWithoutTelling(t *testing.T) {
	t.Parallel()
	for name, retry := range map[string]time.Time{"before its time": start.Add(time.Minute), "after its time": start.Add(-time.Minute)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := proposed(&taskrun.Transition{Digest: "d2", Verdict: orchestration.Wait, RetryTime: &retry})
			run.Tags, run.Proposal = []string{"db"}, &taskrun.Proposal{Type: orchestration.Running}
			b := newBench(run, newObject("hello", object))
			b.runs.judge = func(run *taskrun.Run) (taskrun.Outcome, bool) {
				decision := orchestration.Decision{Status: orchestration.Wait, Delay: 3 * time.Second, AwaitsSlots: true}
				return taskrun.Outcome{Run: run, State: run.State, Decision: decision}, false
			}
			result, err := transition(b.clock, recorder{b.events}, b.metrics)(t.Context(), b.scope())
			check(t, result, err, 3*time.Second)
			if events, metrics := b.recorded(), b.metrics.names(); len(events)+len(metrics) > 0 {
				t.Errorf("events = %v, metrics = %v, want none", events, metrics)
			}
		})
	}
}

func TestTransitionTellsNothingThatWasNotWritten(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err   error
		judge func(*taskrun.Run) (taskrun.Outcome, bool)
	}{
		"when the write failed": {err: taskrun.ErrUnavailable},
		"when another replica judged it first": {judge: func(run *taskrun.Run) (taskrun.Outcome, bool) {
			outcome, _ := verdict(orchestration.Accept, "", nil, nil)(run)
			return outcome, false
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(proposed(nil), newObject("hello", object))
			b.runs.judge, b.runs.errs["JudgeProposal"] = tc.judge, tc.err
			_, err := transition(b.clock, recorder{b.events}, b.metrics)(t.Context(), b.scope())
			if !errors.Is(err, tc.err) {
				t.Errorf("error = %v, want %v", err, tc.err)
			}
			if got := b.recorded(); len(got) > 0 {
				t.Errorf("events = %v, want none", got)
			}
			if got := b.metrics.names(); len(got) > 0 {
				t.Errorf("metrics = %v, want none", got)
			}
		})
	}
}

func TestNotesFitIntoAnEvent(t *testing.T) {
	t.Parallel()
	b := newBench(proposed(nil), newObject("hello", object))
	b.runs.judge = verdict(orchestration.Reject, strings.Repeat("ä", 4096), nil, nil)
	if _, err := transition(b.clock, recorder{b.events}, b.metrics)(t.Context(), b.scope()); err != nil {
		t.Fatal(err)
	}
	note := strings.TrimPrefix(b.recorded()[0], "Warning TransitionRejected ")
	if len(note) > longestNote || !strings.HasSuffix(note, "ä...") {
		t.Errorf("note has %d bytes and ends in %q, want at most %d, cut between characters", len(note), note[len(note)-6:], longestNote)
	}
}
