//go:build apiserver

package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/testenv"
)

// running starts the program in a namespace of its own.
func running(t *testing.T) *cluster {
	t.Helper()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	start(t, env.Config, namespace, nil)
	return newCluster(t, env.Config, namespace)
}

func TestStatusOfANewRunIsWrittenDown(t *testing.T) {
	t.Parallel()
	c := running(t)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{})
	run := c.await(t, "hello", "is PENDING", inState("PENDING"))
	if run.Status.ObservedGeneration != run.Generation {
		t.Errorf("observedGeneration = %d, want %d", run.Status.ObservedGeneration, run.Generation)
	}
	if got := verdicts(run); got != "" {
		t.Errorf("verdict = %q, want none", got)
	}
}

func TestStatusFollowsASpecThatChanged(t *testing.T) {
	t.Parallel()
	c := running(t)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{})
	c.await(t, "hello", "is PENDING", inState("PENDING"))
	changed := c.patch(t, "hello", `{"spec":{"name":"another"}}`)
	run := c.await(t, "hello", "has observed its change", func(run *v1alpha1.TaskRun) bool {
		return run.Status.ObservedGeneration == changed.Generation
	})
	for _, condition := range run.Status.Conditions {
		if condition.ObservedGeneration != changed.Generation {
			t.Errorf("condition %s is of generation %d, want %d", condition.Type, condition.ObservedGeneration, changed.Generation)
		}
	}
}

func TestProposalsAreJudged(t *testing.T) {
	t.Parallel()
	c := running(t)
	cases := map[string]struct {
		initial     string
		proposal    *v1alpha1.Transition
		retries     *int64
		wantState   string
		wantVerdict string
		wantEvent   string
	}{
		"an accepted one moves the run": {
			initial: "PENDING", proposal: propose("CANCELLED"),
			wantState: "CANCELLED", wantVerdict: "ACCEPT", wantEvent: "Normal TransitionAccepted moved from PENDING to CANCELLED",
		},
		"a forced one moves the run by no rule": {
			initial: "COMPLETED", proposal: &v1alpha1.Transition{State: v1alpha1.ProposedState{Type: "PENDING"}, Force: true},
			wantState: "PENDING", wantVerdict: "ACCEPT", wantEvent: "Normal TransitionAccepted moved from COMPLETED to PENDING",
		},
		"an aborted one says why": {
			initial: "COMPLETED", proposal: propose("CANCELLING"),
			wantState: "COMPLETED", wantVerdict: "ABORT", wantEvent: "Warning TransitionAborted CANCELLING was aborted: ",
		},
		"a rejected one says why and what came in its place": {
			initial: "RUNNING", proposal: propose("FAILED"), retries: new(int64(1)),
			wantState: "SCHEDULED", wantVerdict: "REJECT",
			wantEvent: "Warning TransitionRejected FAILED was rejected: Retrying (moved to SCHEDULED (AwaitingRetry) instead)",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := strings.ReplaceAll(name, " ", "-")
			c.apply(t, object, v1alpha1.TaskRunSpec{
				InitialState: &v1alpha1.ProposedState{Type: tc.initial},
				Transition:   tc.proposal, EmpiricalPolicy: &v1alpha1.EmpiricalPolicy{Retries: tc.retries},
			})
			run := c.await(t, object, "is judged", withVerdict(tc.wantVerdict))
			if got := run.Status.State.Type; got != tc.wantState {
				t.Errorf("state = %s, want %s", got, tc.wantState)
			}
			if refused := tc.wantVerdict != "ACCEPT"; refused != (run.Status.Transition.Reason != "") {
				t.Errorf("reason = %q of a proposal with verdict %s", run.Status.Transition.Reason, tc.wantVerdict)
			}
			c.awaitEvent(t, object, tc.wantEvent)
		})
	}
}

func TestAScheduledRunWaitsAndThenRuns(t *testing.T) {
	t.Parallel()
	c := running(t)
	due := time.Now().Add(2 * time.Second).Truncate(time.Microsecond)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{
		InitialState: &v1alpha1.ProposedState{
			Type: "SCHEDULED", StateDetails: &v1alpha1.StateDetails{ScheduledTime: &v1alpha1.MicroTime{Time: due}},
		},
		Transition: propose("RUNNING"),
	})
	waiting := c.await(t, "hello", "waits", withVerdict("WAIT"))
	if got := waiting.Status.State.Type; got != "SCHEDULED" || waiting.Status.Transition.RetryTime == nil {
		t.Errorf("waiting run is %s, to be judged again at %v", got, waiting.Status.Transition.RetryTime)
	}
	c.awaitEvent(t, "hello", "Normal TransitionWaiting RUNNING has to wait until ")
	run := c.await(t, "hello", "is RUNNING", inState("RUNNING"))
	if run.Status.State.Timestamp.Before(due) {
		t.Errorf("RUNNING since %v, before its scheduled time %v", run.Status.State.Timestamp, due)
	}
	if run.Status.RunCount != 1 || run.Status.Transition.Verdict != "ACCEPT" {
		t.Errorf("run count %d, verdict %s, want 1 and ACCEPT", run.Status.RunCount, run.Status.Transition.Verdict)
	}
}

func TestRunsDueAtTheSameTimeAllRun(t *testing.T) {
	t.Parallel()
	c := running(t)
	due := v1alpha1.NewMicroTime(time.Now().Add(3 * time.Second))
	const runs = 12
	name := func(i int) string { return fmt.Sprintf("run-%d", i) }
	for i := range runs {
		c.apply(t, name(i), v1alpha1.TaskRunSpec{
			InitialState: &v1alpha1.ProposedState{
				Type: "SCHEDULED", StateDetails: &v1alpha1.StateDetails{ScheduledTime: &due},
			},
			Transition: propose("RUNNING"),
		})
	}
	for i := range runs {
		c.await(t, name(i), "is RUNNING", inState("RUNNING"))
	}
}

func TestAProposalIsJudgedOnce(t *testing.T) {
	t.Parallel()
	c := running(t)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{Transition: propose("RUNNING")})
	first := c.await(t, "hello", "is RUNNING", inState("RUNNING"))

	again := c.patch(t, "hello", `{"spec":{"transition":{"state":{"type":"RUNNING"}}}}`)
	if again.Generation != first.Generation {
		t.Errorf("applying an equal proposal made generation %d of %d", again.Generation, first.Generation)
	}
	changed := c.patch(t, "hello", `{"spec":{"name":"another"}}`)
	observed := c.await(t, "hello", "has observed its new name", func(run *v1alpha1.TaskRun) bool {
		return run.Status.ObservedGeneration == changed.Generation
	})
	if diff := cmp.Diff(first.Status.Transition, observed.Status.Transition); diff != "" {
		t.Errorf("the verdict changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(first.Status.State, observed.Status.State); diff != "" {
		t.Errorf("the state changed (-before +after):\n%s", diff)
	}

	c.patch(t, "hello", `{"spec":{"transition":{"state":{"stateDetails":{"transitionID":"0198a1b2-0000-7000-8000-000000000042"}}}}}`)
	judged := c.await(t, "hello", "is judged again", func(run *v1alpha1.TaskRun) bool {
		return run.Status.Transition.Digest != first.Status.Transition.Digest
	})
	if !judged.Status.Transition.JudgedAt.After(first.Status.Transition.JudgedAt.Time) {
		t.Errorf("judged at %v, first at %v", judged.Status.Transition.JudgedAt, first.Status.Transition.JudgedAt)
	}
}

func TestAFinishedRunGoesAfterItsTTL(t *testing.T) {
	t.Parallel()
	c := running(t)
	made := c.apply(t, "hello", v1alpha1.TaskRunSpec{TTLSecondsAfterFinished: new(int32(2))})
	c.apply(t, "kept", v1alpha1.TaskRunSpec{Transition: propose("COMPLETED")})
	c.await(t, "hello", "is PENDING", inState("PENDING"))
	c.patch(t, "hello", `{"spec":{"transition":{"state":{"type":"COMPLETED"}}}}`)
	finished := c.await(t, "hello", "is COMPLETED", inState("COMPLETED"))
	eventually(t, "hello is gone", func() bool {
		run := c.get(t, "hello")
		return run == nil || run.UID != made.UID
	}, func() { t.Logf("hello is %+v", c.get(t, "hello")) })
	if early := finished.Status.EndTime.Add(2 * time.Second); time.Now().Before(early) {
		t.Errorf("deleted before %v", early)
	}
	c.await(t, "kept", "is kept", inState("COMPLETED"))
}

func TestAnIDThatIsTakenIsToldOf(t *testing.T) {
	t.Parallel()
	c := running(t)
	const id = "0198a1b2-0000-7000-8000-000000000007"
	first := c.apply(t, "first", v1alpha1.TaskRunSpec{ID: id})
	c.await(t, "first", "is PENDING", inState("PENDING"))
	// Which of two was first is told from creation times, and those have seconds.
	eventually(t, "another second", func() bool { return time.Since(first.CreationTimestamp.Time) >= time.Second }, func() {})
	c.apply(t, "second", v1alpha1.TaskRunSpec{ID: id, Transition: propose("COMPLETED")})
	c.awaitEvent(t, "second", `Warning DuplicateID spec.id `+id+` belongs to TaskRun "first"`)
	if status := c.get(t, "second").Status; status.State != nil || status.Transition != nil {
		t.Errorf("status of the second = %+v, want none", status)
	}
	if got := c.get(t, "first").Status.State.Type; got != "PENDING" {
		t.Errorf("the first is %s, want PENDING: the second's proposal is not its own", got)
	}
}

func verdicts(run *v1alpha1.TaskRun) string {
	if run.Status.Transition == nil {
		return ""
	}
	return run.Status.Transition.Verdict
}
