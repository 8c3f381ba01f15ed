package taskrun_test

import (
	"errors"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestAStandingProposalWaitsForASlotWithoutWriting(t *testing.T) {
	t.Parallel()
	b := newBench(map[string]int64{"a": 1})
	holder := b.tagged(t, "1", "a")
	mustSet(t, b.Service, holder.ID, toRunning)
	run := applied(t, b.store, taskrun.Proposal{Type: orchestration.Pending}, func(r *taskrun.Run) {
		r.Tags, r.Proposal, r.ProposalDigest = []string{"a"}, &toRunning, "d1"
	})
	first, judged, err := b.JudgeProposal(t.Context(), run.ID)
	if err != nil || !judged || first.Run.Transition.Verdict != orchestration.Wait {
		t.Fatalf("JudgeProposal() = %+v, judged %t, error %v, want WAIT", first.Decision, judged, err)
	}
	for _, after := range []time.Duration{0, time.Minute} {
		b.clock.advance(after)
		again, judged, err := b.JudgeProposal(t.Context(), run.ID)
		if err != nil || judged || again.Decision.Status != orchestration.Wait || again.Decision.Delay <= 0 {
			t.Errorf("after %s: judged %t, error %v, %+v, want the same WAIT, not written", after, judged, err, again.Decision)
		}
		if again.Run.Revision != first.Run.Revision {
			t.Errorf("after %s the run was written", after)
		}
	}
	mustSet(t, b.Service, holder.ID, taskrun.Proposal{Type: orchestration.Completed})
	started, judged, err := b.JudgeProposal(t.Context(), run.ID)
	if err != nil || !judged || started.Run.State.Type != orchestration.Running {
		t.Errorf("when a slot is free: judged %t, error %v, %+v, want RUNNING", judged, err, started.Decision)
	}
}

func TestAnotherReasonToWaitIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(map[string]int64{"a": 1})
	mustSet(t, b.Service, b.tagged(t, "1", "a").ID, toRunning)
	run := applied(t, b.store, taskrun.Proposal{Type: orchestration.Pending}, func(r *taskrun.Run) {
		r.Tags, r.Proposal, r.ProposalDigest = []string{"b", "a"}, &toRunning, "d1"
	})
	for _, want := range []string{"Concurrency limit reached for tags: a", "Concurrency limit reached for tags: b, a"} {
		outcome, judged, err := b.JudgeProposal(t.Context(), run.ID)
		if err != nil || !judged || outcome.Run.Transition.Reason != want {
			t.Errorf("judged %t, error %v, verdict %+v, want %q", judged, err, outcome.Run.Transition, want)
		}
		b.slots.limits["b"] = 5
	}
}

func TestAProposalIsNotJudgedWhereLimitsCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(map[string]int64{"a": 1})
	run := applied(t, b.store, taskrun.Proposal{Type: orchestration.Pending}, func(r *taskrun.Run) {
		r.Tags, r.Proposal, r.ProposalDigest = []string{"a"}, &toRunning, "d1"
	})
	b.slots.broken = taskrun.ErrUnavailable
	if _, judged, err := b.JudgeProposal(t.Context(), run.ID); judged || !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("judged %t, error %v, want ErrUnavailable", judged, err)
	}
}

// A wait for a time is another matter: that time is what the verdict tells.
func TestAWaitForALaterTimeIsWritten(t *testing.T) {
	t.Parallel()
	b := newBench(map[string]int64{"a": 1})
	at := func(d time.Duration) taskrun.Proposal {
		return taskrun.Proposal{
			Type: orchestration.Scheduled, Details: orchestration.StateDetails{ScheduledTime: new(start.Add(d))},
		}
	}
	run := applied(t, b.store, at(time.Minute), func(r *taskrun.Run) {
		r.Tags, r.Proposal, r.ProposalDigest = []string{"a"}, &toRunning, "d1"
	})
	for _, step := range []struct {
		after, until time.Duration
		wantJudged   bool
	}{{0, time.Minute, true}, {0, time.Minute, false}, {2 * time.Minute, time.Hour, true}} {
		b.clock.advance(step.after)
		mustSet(t, b.Service, run.ID, at(step.until))
		outcome, judged, err := b.JudgeProposal(t.Context(), run.ID)
		if err != nil || judged != step.wantJudged || outcome.Decision.Status != orchestration.Wait {
			t.Fatalf("judged %t, error %v, %+v, want WAIT, written: %t", judged, err, outcome.Decision, step.wantJudged)
		}
		if got := outcome.Run.Transition.RetryTime; got.Sub(start.Add(step.until)).Abs() > time.Second {
			t.Errorf("the verdict tells of %s, want about %s", got, start.Add(step.until))
		}
	}
}
