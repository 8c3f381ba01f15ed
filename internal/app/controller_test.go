//go:build apiserver

package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// running starts the program in a new namespace.
func running(t *testing.T) *cluster {
	t.Helper()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	start(t, env.Config, namespace, nil)
	return newCluster(t, env.Config, namespace)
}

func TestController_writesStatusOfNewRun(t *testing.T) {
	t.Parallel()
	c := running(t)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{})
	run := c.await(t, "hello", "is PENDING", inState("PENDING"))
	if run.Status.ObservedGeneration != run.Generation {
		t.Errorf("observedGeneration = %d, want %d", run.Status.ObservedGeneration, run.Generation)
	}
	if got := run.Status.Decisions; got != nil {
		t.Errorf("decisions = %+v, want none", got)
	}
}

func TestController_updatesStatusAfterSpecChange(t *testing.T) {
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

func TestController_evaluatesProposals(t *testing.T) {
	t.Parallel()
	c := running(t)
	cases := map[string]struct {
		initial     string
		proposal    v1alpha1.StateProposalSpec
		retries     *int64
		wantState   string
		wantVerdict string
		wantEvent   string
	}{
		"an accepted one changes the state": {
			initial: "PENDING", proposal: v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "CANCELLED"}},
			wantState: "CANCELLED", wantVerdict: "Accepted", wantEvent: "accepted: state changed from PENDING to CANCELLED",
		},
		"a forced one skips the rules": {
			initial: "COMPLETED", proposal: v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "PENDING"}, Force: true},
			wantState: "PENDING", wantVerdict: "Accepted", wantEvent: "accepted: state changed from COMPLETED to PENDING",
		},
		"an aborted one has the reason": {
			initial: "COMPLETED", proposal: v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "CANCELLING"}},
			wantState: "COMPLETED", wantVerdict: "Aborted", wantEvent: "aborted: ",
		},
		"a rejected one has the reason and the state in its place": {
			initial: "RUNNING", proposal: v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "FAILED"}}, retries: new(int64(1)),
			wantState: "SCHEDULED", wantVerdict: "Rejected",
			wantEvent: "rejected: Retrying (state changed from RUNNING to SCHEDULED (AwaitingRetry))",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := strings.ReplaceAll(name, " ", "-")
			c.apply(t, object, v1alpha1.TaskRunSpec{
				InitialState:    &v1alpha1.ProposedState{Type: tc.initial},
				EmpiricalPolicy: &v1alpha1.EmpiricalPolicy{Retries: tc.retries},
			})
			p := c.awaitVerdict(t, c.proposeAs(t, object, tc.proposal), true)
			run := c.get(t, object)
			if got := run.Status.State.Type; got != tc.wantState || p.Status.Verdict != tc.wantVerdict {
				t.Errorf("state = %s, verdict %+v, want %s and %s", got, p.Status, tc.wantState, tc.wantVerdict)
			}
			if refused := tc.wantVerdict != "Accepted"; refused != (p.Status.Reason != "") {
				t.Errorf("reason = %q of a proposal with verdict %s", p.Status.Reason, tc.wantVerdict)
			}
			c.awaitEvent(t, object, eventOf(p)+tc.wantEvent)
		})
	}
}

// eventOf is the prefix of the Event about the proposal.
func eventOf(p *v1alpha1.StateProposal) string {
	kind := "Normal "
	if p.Status.Verdict == v1alpha1.VerdictRejected || p.Status.Verdict == v1alpha1.VerdictAborted {
		kind = "Warning "
	}
	return kind + "Proposal" + p.Status.Verdict + " StateProposal " + p.Name + " "
}

// dueAt returns an initial state of a run that is due at a time.
func dueAt(due time.Time) *v1alpha1.ProposedState {
	return &v1alpha1.ProposedState{
		Type: "SCHEDULED", StateDetails: &v1alpha1.StateDetails{ScheduledTime: &v1alpha1.MicroTime{Time: due}},
	}
}

func TestProposal_waitsForScheduledRun(t *testing.T) {
	t.Parallel()
	c := running(t)
	name, due, waiting := waitingRun(t, c)
	if at := waiting.Status.RetryTime; at == nil || !at.Equal(due) {
		t.Errorf("retry time of the proposal = %v, want %v", at, due)
	}
	c.awaitEvent(t, name, eventOf(waiting)+"waiting to enter RUNNING: ")
	run := c.await(t, name, "is RUNNING", inState("RUNNING"))
	if run.Status.State.Timestamp.Before(due) {
		t.Errorf("RUNNING since %v, before its scheduled time %v", run.Status.State.Timestamp, due)
	}
	if verdict := c.awaitVerdict(t, waiting, true).Status.Verdict; run.Status.RunCount != 1 || verdict != "Accepted" {
		t.Errorf("run count %d, verdict %s, want 1 and Accepted", run.Status.RunCount, verdict)
	}
}

func TestProposal_waitEndsWithItsRun(t *testing.T) {
	t.Parallel()
	c := running(t)
	for _, name := range []string{"finished", "deleted"} {
		c.apply(t, name, v1alpha1.TaskRunSpec{InitialState: dueAt(time.Now().Add(time.Hour))})
		c.await(t, name, "is SCHEDULED", inState("SCHEDULED"))
	}
	finished, deleted := c.propose(t, "finished", "RUNNING"), c.propose(t, "deleted", "RUNNING")
	for _, p := range []*v1alpha1.StateProposal{finished, deleted} {
		if got := c.awaitVerdict(t, p, false).Status.Verdict; got != "Waiting" {
			t.Errorf("verdict = %s, want Waiting", got)
		}
	}
	if got := c.proposed(t, "finished", "CANCELLED").Status.Verdict; got != "Accepted" {
		t.Errorf("verdict = %s, want Accepted", got)
	}
	if err := c.Delete(t.Context(), c.get(t, "deleted")); err != nil {
		t.Fatal(err)
	}
	if got := c.awaitVerdict(t, finished, true).Status; got.Verdict == "Accepted" || got.Reason == "" {
		t.Errorf("start of a finished run: %+v", got)
	}
	if got := c.awaitVerdict(t, deleted, true).Status; got.Verdict != "Aborted" || !strings.Contains(got.Reason, "does not exist") {
		t.Errorf("start of a deleted run: %+v", got)
	}
}

func TestRuns_dueAtTheSameTimeAllRun(t *testing.T) {
	t.Parallel()
	c := running(t)
	due := time.Now().Add(3 * time.Second)
	const runs = 12
	name := func(i int) string { return fmt.Sprintf("run-%d", i) }
	for i := range runs {
		c.apply(t, name(i), v1alpha1.TaskRunSpec{InitialState: dueAt(due)})
		c.propose(t, name(i), "RUNNING")
	}
	for i := range runs {
		c.await(t, name(i), "is RUNNING", inState("RUNNING"))
	}
}

func TestController_deletesFinishedRunAfterItsTTL(t *testing.T) {
	t.Parallel()
	c := running(t)
	made := c.apply(t, "hello", v1alpha1.TaskRunSpec{TTLSecondsAfterFinished: new(int32(2))})
	c.apply(t, "kept", v1alpha1.TaskRunSpec{})
	c.propose(t, "kept", "COMPLETED")
	c.await(t, "hello", "is PENDING", inState("PENDING"))
	c.propose(t, "hello", "COMPLETED")
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

// An object with the id in spec.id is the run until an object with that name is
// created, over REST or with kubectl.
func TestIDClaim_nameTakesPrecedenceOverOlderObject(t *testing.T) {
	t.Parallel()
	c := running(t)
	const id = "0198a1b2-0000-7000-8000-000000000008"
	first := c.apply(t, "first", v1alpha1.TaskRunSpec{ID: id})
	c.await(t, "first", "is PENDING", inState("PENDING"))
	eventually(t, "another second", func() bool { return time.Since(first.CreationTimestamp.Time) >= time.Second }, func() {})
	c.apply(t, id, v1alpha1.TaskRunSpec{ID: id, InitialState: &v1alpha1.ProposedState{Type: "RUNNING"}})
	c.await(t, id, "is RUNNING", inState("RUNNING"))
	c.awaitEvent(t, "first", `Warning DuplicateID spec.id `+id+` belongs to TaskRun "`+id+`"`)
	c.await(t, "first", "is stalled", func(run *v1alpha1.TaskRun) bool {
		return meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.ConditionStalled)
	})
	if got := c.get(t, id); meta.IsStatusConditionTrue(got.Status.Conditions, v1alpha1.ConditionStalled) {
		t.Errorf("the run itself has %+v", got.Status.Conditions)
	}
}

func TestController_reportsDuplicateID(t *testing.T) {
	t.Parallel()
	c := running(t)
	const id = "0198a1b2-0000-7000-8000-000000000007"
	first := c.apply(t, "first", v1alpha1.TaskRunSpec{ID: id})
	c.await(t, "first", "is PENDING", inState("PENDING"))
	// Creation times determine which of the two was first. They have a precision of
	// seconds.
	eventually(t, "another second", func() bool { return time.Since(first.CreationTimestamp.Time) >= time.Second }, func() {})
	c.apply(t, "second", v1alpha1.TaskRunSpec{ID: id})
	c.awaitEvent(t, "second", `Warning DuplicateID spec.id `+id+` belongs to TaskRun "first"`)
	if got := c.proposed(t, "second", "COMPLETED").Status; got.Verdict != "Aborted" || !strings.Contains(got.Reason, `"first"`) {
		t.Errorf("status of the proposal = %+v, want Aborted, naming the first", got)
	}
	second := c.await(t, "second", "is stalled", func(run *v1alpha1.TaskRun) bool {
		return meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.ConditionStalled)
	})
	if second.Status.State != nil || second.Status.ObservedGeneration != second.Generation {
		t.Errorf("status of the second = %+v, want the condition alone", second.Status)
	}
	if got := c.get(t, "first").Status.State.Type; got != "PENDING" {
		t.Errorf("the first is %s, want PENDING: the second's proposal is not its own", got)
	}
	if err := c.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	c.patch(t, "second", `{"metadata":{"annotations":{"a":"b"}}}`) // otherwise it is checked within a minute
	second = c.await(t, "second", "is PENDING", inState("PENDING"))
	if got := meta.FindStatusCondition(second.Status.Conditions, v1alpha1.ConditionStalled); got != nil {
		t.Errorf("the second is the run and has %+v", got)
	}
}
