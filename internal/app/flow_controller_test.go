//go:build apiserver

package app

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// applyFlowRun creates a FlowRun of the flow etl.
func (c *cluster) applyFlowRun(t *testing.T, name string, spec v1alpha1.FlowRunSpec) {
	t.Helper()
	spec.FlowName = "etl"
	run := &v1alpha1.FlowRun{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}, Spec: spec}
	if err := c.Create(t.Context(), run); err != nil {
		t.Fatalf("creating %s: %v", name, err)
	}
}

// flowRun reads a FlowRun, or returns nil.
func (c *cluster) flowRun(t *testing.T, name string) *v1alpha1.FlowRun {
	t.Helper()
	run := &v1alpha1.FlowRun{}
	err := c.Get(t.Context(), types.NamespacedName{Namespace: c.namespace, Name: name}, run)
	if client.IgnoreNotFound(err) != nil {
		t.Logf("reading %s: %v", name, err)
	}
	if err != nil {
		return nil
	}
	return run
}

// awaitFlowRun waits until a FlowRun is in a state of this name, and returns it.
func (c *cluster) awaitFlowRun(t *testing.T, name, state string) *v1alpha1.FlowRun {
	t.Helper()
	var run *v1alpha1.FlowRun
	eventually(t, name+" is "+state, func() bool {
		run = c.flowRun(t, name)
		return run != nil && run.Status.State != nil && run.Status.State.Name != nil && *run.Status.State.Name == state
	}, func() { t.Logf("%s is %+v", name, run) })
	return run
}

// The FlowRuns are created before their flow: it makes them runs.
func TestFlowController_reconcilesAppliedFlowRuns(t *testing.T) {
	t.Parallel()
	c := running(t)
	past := &v1alpha1.MicroTime{Time: time.Now().Add(-time.Minute)}
	c.applyFlowRun(t, "fresh", v1alpha1.FlowRunSpec{})
	c.applyFlowRun(t, "paused", v1alpha1.FlowRunSpec{
		InitialState: &v1alpha1.ProposedState{Type: "PAUSED", StateDetails: &v1alpha1.StateDetails{PauseTimeout: past}},
	})
	c.applyFlowRun(t, "late", v1alpha1.FlowRunSpec{InitialState: dueAt(past.Time)})
	c.applyFlowRun(t, "finished", v1alpha1.FlowRunSpec{
		InitialState: &v1alpha1.ProposedState{Type: "COMPLETED"}, TTLSecondsAfterFinished: new(int32(1)),
	})
	flow := &v1alpha1.RegisteredFlow{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "etl"}}
	if err := c.Create(t.Context(), flow); err != nil {
		t.Fatal(err)
	}
	fresh := c.awaitFlowRun(t, "fresh", "Pending")
	status := &fresh.Status
	if status.ID != string(fresh.UID) || status.Name != "fresh" || status.FlowID == "" || status.ObservedGeneration != fresh.Generation {
		t.Errorf("status = %+v, want the id, the names and the generation of the object", status)
	}
	if finished := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFinished); finished == nil || finished.Status != metav1.ConditionFalse {
		t.Errorf("conditions = %+v, want Finished False", status.Conditions)
	}
	if failed := c.awaitFlowRun(t, "paused", "Failed"); *failed.Status.State.Message != "The flow was paused and never resumed." {
		t.Errorf("message = %s", *failed.Status.State.Message)
	}
	c.awaitFlowRun(t, "late", "Late")
	eventually(t, "finished is gone", func() bool { return c.flowRun(t, "finished") == nil }, func() {})
}

func TestFlowController_evaluatesProposals(t *testing.T) {
	t.Parallel()
	c := running(t)
	if err := c.Create(t.Context(), &v1alpha1.RegisteredFlow{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "etl"}}); err != nil {
		t.Fatal(err)
	}
	c.applyFlowRun(t, "day", v1alpha1.FlowRunSpec{InitialState: &v1alpha1.ProposedState{Type: "RUNNING"}})
	c.awaitFlowRun(t, "day", "Running")
	propose := func(name, kind string) *v1alpha1.StateProposal {
		p := &v1alpha1.StateProposal{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name},
			Spec: v1alpha1.StateProposalSpec{
				TargetRef: v1alpha1.ProposalTarget{Kind: v1alpha1.KindFlowRun, Name: "day"}, State: v1alpha1.ProposedState{Type: kind},
			},
		}
		if err := c.Create(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+" has a verdict", func() bool {
			return c.Get(t.Context(), client.ObjectKeyFromObject(p), p) == nil && p.Status.Verdict != ""
		}, func() { t.Logf("%+v", p.Status) })
		return p
	}
	if p := propose("cancel", "CANCELLED"); p.Status.Verdict != v1alpha1.VerdictAccepted {
		t.Errorf("the cancellation of a run: %+v", p.Status)
	}
	c.awaitFlowRun(t, "day", "Cancelled")
	if p := propose("crash", "CRASHED"); p.Status.Verdict == v1alpha1.VerdictAccepted || p.Status.Reason == "" {
		t.Errorf("another end of a cancelled run: %+v, want a refusal with its reason", p.Status)
	}
	if day := c.flowRun(t, "day"); len(day.Status.Decisions) != 2 {
		t.Errorf("the run has the decisions %+v, want two", day.Status.Decisions)
	}
}

// Objects that are not a run or a flow have the condition Stalled, until they are.
func TestFlowController_stallsObjectsThatAreNotRuns(t *testing.T) {
	t.Parallel()
	c := running(t)
	flow := func(name, of string) *v1alpha1.RegisteredFlow {
		return &v1alpha1.RegisteredFlow{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}, Spec: v1alpha1.RegisteredFlowSpec{Name: of},
		}
	}
	if err := c.Create(t.Context(), flow("etl", "")); err != nil {
		t.Fatal(err)
	}
	stalled := func(o client.Object, conditions *[]metav1.Condition, reason string) {
		eventually(t, o.GetName()+" is stalled: "+reason, func() bool {
			if c.Get(t.Context(), client.ObjectKeyFromObject(o), o) != nil {
				return false
			}
			got := meta.FindStatusCondition(*conditions, v1alpha1.ConditionStalled)
			return reason == "" && got == nil || got != nil && got.Reason == reason
		}, func() { t.Logf("%+v", *conditions) })
	}
	registered := flow("etl", "")
	eventually(t, "the flow has a status", func() bool {
		return c.Get(t.Context(), client.ObjectKeyFromObject(registered), registered) == nil && registered.Status.Name == "etl" && registered.Status.ID != ""
	}, func() { t.Logf("%+v", registered.Status) })
	eventually(t, "another second", func() bool { return time.Since(registered.CreationTimestamp.Time) >= time.Second }, func() {})
	second := flow("etl-again", "etl")
	if err := c.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	stalled(second, &second.Status.Conditions, v1alpha1.ReasonDuplicateName)
	c.awaitEvent(t, "etl-again", `Warning DuplicateName The flow name etl belongs to RegisteredFlow "etl"`)

	const id = "0198a1b2-0000-7000-8000-000000000017"
	c.applyFlowRun(t, "first", v1alpha1.FlowRunSpec{ID: id, IdempotencyKey: new("day-1")})
	first := c.awaitFlowRun(t, "first", "Pending")
	eventually(t, "another second", func() bool { return time.Since(first.CreationTimestamp.Time) >= time.Second }, func() {})
	c.applyFlowRun(t, "second", v1alpha1.FlowRunSpec{ID: id})
	copied := c.flowRun(t, "second")
	stalled(copied, &copied.Status.Conditions, v1alpha1.ReasonDuplicateID)
	c.awaitEvent(t, "second", `Warning DuplicateID spec.id `+id+` belongs to FlowRun "first"`)
	c.applyFlowRun(t, "same-key", v1alpha1.FlowRunSpec{ID: "0198a1b2-0000-7000-8000-000000000018", IdempotencyKey: new("day-1")})
	c.awaitEvent(t, "same-key", `Warning DuplicateKey spec.idempotencyKey belongs to FlowRun "first"`)

	orphan := &v1alpha1.FlowRun{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orphan"}, Spec: v1alpha1.FlowRunSpec{FlowName: "missing"}}
	if err := c.Create(t.Context(), orphan); err != nil {
		t.Fatal(err)
	}
	stalled(orphan, &orphan.Status.Conditions, v1alpha1.ReasonFlowNotFound)
	c.awaitEvent(t, "orphan", `Warning FlowNotFound RegisteredFlow "missing" does not exist`)
	if err := c.Create(t.Context(), flow("missing", "")); err != nil {
		t.Fatal(err)
	}
	stalled(orphan, &orphan.Status.Conditions, "")
	c.awaitFlowRun(t, "orphan", "Pending")
}
