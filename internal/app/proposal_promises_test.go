//go:build apiserver

package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	kuberest "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// The promises of docs/stateproposal.md, with a test for each:
//
//  1. A proposal inherits nothing from an earlier one.     TestAProposalInheritsNothing
//  2. Applying a manifest again proposes nothing, be it that of a run or of a proposal,
//     before and after the proposal was removed.           TestApplyingAgainProposesNothing
//  3. Restoring or copying an object proposes nothing.     TestRestoringAndCopyingProposeNothing
//  4. Proposing is a permission of its own, force and data need more; editing a run includes
//     none of them.                                        TestProposingIsAPermissionOfItsOwn,
//     TestAnInitialStateWithAResultNeedsAPermissionOfItsOwn
//  5. The API server checks, or records, who proposed.     TestTheProposerIsNotClaimed
//  6. Two users at once both get their verdict.            TestTwoUsersAtOnceBothGetTheirVerdict
//  7. A verdict can be awaited without a race.             TestAVerdictIsAwaitedWithoutARace
//  8. A proposal is evaluated once, whatever restarts.     TestAKillBetweenTheTwoWritesEvaluatesNothingAgain
//  9. Evaluated proposals go after --proposal-ttl.         TestAnEvaluatedProposalIsDeletedAfterItsTTL

// statesOf returns the types of the states of a run, oldest first.
func (c *cluster) statesOf(t *testing.T, name string) []string {
	t.Helper()
	return endOf(c.await(t, name, "has a state", func(run *v1alpha1.TaskRun) bool { return run.Status.State != nil })).States
}

func (c *cluster) wantStates(t *testing.T, name string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, c.statesOf(t, name)); diff != "" {
		t.Errorf("states of %s (-want +got):\n%s", name, diff)
	}
}

func TestAProposalInheritsNothing(t *testing.T) {
	t.Parallel()
	c := running(t)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{InitialState: &v1alpha1.ProposedState{Type: "COMPLETED"}})
	c.awaitVerdict(t, c.proposeAs(t, "hello", v1alpha1.StateProposalSpec{Force: true, State: v1alpha1.ProposedState{
		Type: "COMPLETED", Name: new("Odd"), Message: new("forced"), DataJSON: new("42"),
		StateDetails: &v1alpha1.StateDetails{CacheKey: new("k")},
	}}), true)
	if got := c.proposed(t, "hello", "CANCELLING").Status.Verdict; got != "Aborted" {
		t.Errorf("verdict = %s, want Aborted: force was for the proposal before", got)
	}
	if got := c.awaitVerdict(t, c.proposeAs(t, "hello", v1alpha1.StateProposalSpec{Force: true, State: v1alpha1.ProposedState{Type: "RUNNING"}}), true); got.Status.Verdict != "Accepted" {
		t.Fatalf("status = %+v", got.Status)
	}
	state := c.get(t, "hello").Status.State
	if state.Type != "RUNNING" || state.Name != nil && *state.Name != "Running" || state.Message != nil || state.DataJSON != nil ||
		state.StateDetails != nil && state.StateDetails.CacheKey != nil {
		t.Errorf("state = %+v, want only the type", state)
	}
}

// applied applies a manifest server-side, like a GitOps controller.
func (c *cluster) applied(t *testing.T, manifest string) {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
		t.Fatal(err)
	}
	if object.GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
		object.SetNamespace(c.namespace)
	}
	if err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("gitops"), client.ForceOwnership); err != nil {
		t.Fatalf("applying: %v", err)
	}
}

const appliedRun = `
apiVersion: taskrun.dev/v1alpha1
kind: TaskRun
metadata: {name: hello}
spec: {taskKey: hello}
`

const appliedProposal = `
apiVersion: taskrun.dev/v1alpha1
kind: StateProposal
metadata: {name: start-hello}
spec:
  targetRef: {kind: TaskRun, name: hello}
  state: {type: RUNNING}
`

func TestApplyingAgainProposesNothing(t *testing.T) {
	t.Parallel()
	c := running(t)
	c.applied(t, appliedProposal) // the run is created a moment later
	c.applied(t, appliedRun)
	p := &v1alpha1.StateProposal{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "start-hello"}}
	if got := c.awaitVerdict(t, p, true).Status; got.Verdict != "Accepted" {
		t.Fatalf("status = %+v", got)
	}
	c.proposed(t, "hello", "CANCELLED")
	want := []string{"PENDING", "RUNNING", "CANCELLED"}
	for range 2 {
		c.applied(t, appliedRun)
		c.applied(t, appliedProposal)
		c.wantStates(t, "hello", want...)
	}
	// Applying again has no effect after the proposal was deleted either: its name is recorded.
	if err := c.Delete(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	c.applied(t, appliedProposal)
	p = &v1alpha1.StateProposal{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "start-hello"}}
	if got := c.awaitVerdict(t, p, true).Status; got.Verdict != "Accepted" || !strings.Contains(got.Reason, "earlier StateProposal") {
		t.Errorf("status = %+v, want the verdict that there was", got)
	}
	c.wantStates(t, "hello", want...)
}

func TestRestoringAndCopyingProposeNothing(t *testing.T) {
	t.Parallel()
	c := running(t)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{})
	p := c.proposed(t, "hello", "RUNNING")
	c.proposed(t, "hello", "CANCELLED")
	run := c.get(t, "hello")

	clean := func(o client.Object, name string) {
		o.SetResourceVersion("")
		o.SetUID("")
		o.SetName(name)
		o.SetGenerateName("")
	}
	copied := run.DeepCopy()
	clean(copied, "copied")
	if err := c.Create(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	c.wantStates(t, "copied", "PENDING")

	// Both are restored from a backup without their status.
	restored, proposal := run.DeepCopy(), p.DeepCopy()
	if err := errors.Join(c.Delete(t.Context(), run), c.Delete(t.Context(), p)); err != nil {
		t.Fatal(err)
	}
	clean(restored, "hello")
	clean(proposal, p.Name)
	if err := errors.Join(c.Create(t.Context(), restored), c.Create(t.Context(), proposal)); err != nil {
		t.Fatal(err)
	}
	if got := c.awaitVerdict(t, proposal, true).Status; got.Verdict != "Aborted" || !strings.Contains(got.Reason, "restored") {
		t.Errorf("status of the restored proposal = %+v, want Aborted", got)
	}
	c.wantStates(t, "hello", "PENDING")
	if _, present := c.get(t, "hello").Annotations[v1alpha1.AnnotationEvaluated]; present {
		t.Error("runs are annotated")
	}
}

// users returns clients for users with one role of config/rbac each, in a namespace of a private API server with the
// admission policy and more manifests.
type users struct {
	*cluster
	config *kuberest.Config
}

func withPolicy(t *testing.T, more ...string) *users {
	t.Helper()
	env := testenv.StartPrivate(t)
	namespace := env.Namespace(t)
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), rbacv1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	u := &users{cluster: &cluster{Client: c, namespace: namespace}, config: env.Config}
	manifests := append([]string{
		"rbac/taskrun_admin_role.yaml", "rbac/taskrun_editor_role.yaml",
		"admission/proposal_policy.yaml", "admission/proposal_policy_binding.yaml",
		"admission/initial_state_policy.yaml", "admission/initial_state_policy_binding.yaml",
	}, more...)
	for _, name := range manifests {
		text, err := os.ReadFile(filepath.Join("..", "..", "config", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			u.applied(t, document)
		}
	}
	return u
}

// as returns the cluster as a user with these roles in the namespace sees it.
func (u *users) as(t *testing.T, user string, roles ...string) *cluster {
	t.Helper()
	for _, role := range roles {
		if err := u.Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: u.namespace, GenerateName: user + "-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	config := kuberest.CopyConfig(u.config)
	config.Impersonate.UserName = user
	c := newCluster(t, config, u.namespace)
	if len(roles) > 0 {
		eventually(t, user+" has "+strings.Join(roles, " and "), func() bool {
			return c.List(t.Context(), &v1alpha1.TaskRunList{}, client.InNamespace(u.namespace)) == nil
		}, func() {})
	}
	return c
}

// tried creates a proposal and returns the error.
func (c *cluster) tried(t *testing.T, spec v1alpha1.StateProposalSpec) (*v1alpha1.StateProposal, error) {
	t.Helper()
	spec.TargetRef = v1alpha1.ProposalTarget{Kind: v1alpha1.KindTaskRun, Name: "hello"}
	if spec.State.Type == "" {
		spec.State.Type = "CANCELLED"
	}
	p := &v1alpha1.StateProposal{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, GenerateName: "p-"}, Spec: spec}
	return p, c.Create(t.Context(), p)
}

// inForce waits until the API server applies the policy, shortly after its creation.
func (u *users) inForce(t *testing.T, editor *cluster) {
	t.Helper()
	eventually(t, "the policy is in force", func() bool {
		_, err := editor.tried(t, v1alpha1.StateProposalSpec{Proposer: "somebody-else"})
		return apierrors.IsForbidden(err) || apierrors.IsInvalid(err)
	}, func() {})
}

func TestProposingIsAPermissionOfItsOwn(t *testing.T) {
	t.Parallel()
	u := withPolicy(t)
	u.apply(t, "hello", v1alpha1.TaskRunSpec{})
	u.applied(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: tagger}
rules: [{apiGroups: [taskrun.dev], resources: [taskruns], verbs: [get, list, update, patch]}]
`)
	editor := u.as(t, "erin", "editor-role")
	u.inForce(t, editor)
	clusters := map[string]*cluster{"tagger": u.as(t, "tom", "tagger"), "editor": editor, "admin": u.as(t, "ada", "admin-role")}
	clusters["tagger"].patch(t, "hello", `{"spec":{"tags":["a"]}}`)
	proposals := map[string]v1alpha1.StateProposalSpec{
		"plain": {},
		"force": {Force: true},
		"data":  {State: v1alpha1.ProposedState{DataJSON: new("42")}},
		"cacheKey": {State: v1alpha1.ProposedState{
			StateDetails: &v1alpha1.StateDetails{CacheKey: new("k")},
		}},
	}
	allowed := map[string][]string{"tagger": {}, "editor": {"plain"}, "admin": {"plain", "force", "data", "cacheKey"}}
	words := map[string]string{"force": `verb "force"`, "data": `verb "set-data"`, "cacheKey": `verb "set-data"`}
	for who, c := range clusters {
		for what, spec := range proposals {
			_, err := c.tried(t, spec)
			may := strings.Contains(fmt.Sprint(allowed[who]), what)
			if (err == nil) != may || err != nil && !apierrors.IsForbidden(err) {
				t.Errorf("%s, %s: error %v, want it allowed: %t", who, what, err, may)
			}
			if who == "editor" && err != nil && !strings.Contains(err.Error(), words[what]) {
				t.Errorf("%s, %s: %v, want a hint at the %s", who, what, err, words[what])
			}
		}
	}
}

// A result in the initial state of a run needs the same permission as a result in a proposal.
func TestAnInitialStateWithAResultNeedsAPermissionOfItsOwn(t *testing.T) {
	t.Parallel()
	u := withPolicy(t)
	u.applied(t, `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: importer}
rules: [{apiGroups: [taskrun.dev], resources: [taskruns], verbs: [get, list, create, set-data]}]
`)
	editor := u.as(t, "erin", "editor-role")
	u.inForce(t, editor)
	details := func(d v1alpha1.StateDetails) *v1alpha1.ProposedState {
		return &v1alpha1.ProposedState{Type: "COMPLETED", StateDetails: &d}
	}
	tried := func(c *cluster, who string, state *v1alpha1.ProposedState) error {
		return c.Create(t.Context(), &v1alpha1.TaskRun{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, GenerateName: who + "-"},
			Spec:       v1alpha1.TaskRunSpec{TaskKey: new("hello"), InitialState: state},
		})
	}
	data := &v1alpha1.ProposedState{Type: "COMPLETED", DataJSON: new("42")}
	eventually(t, "the policy of initial states is in force", func() bool { return tried(editor, "erin", data) != nil }, func() {})
	states := map[string]struct {
		state  *v1alpha1.ProposedState
		editor bool // the editor may create it
	}{
		"none":                     {nil, true},
		"a plain state":            {&v1alpha1.ProposedState{Type: "COMPLETED"}, true},
		"a state with a message":   {&v1alpha1.ProposedState{Type: "FAILED", Message: new("no")}, true},
		"a state for a later time": {details(v1alpha1.StateDetails{ScheduledTime: new(v1alpha1.MicroTime{Time: time.Now()})}), true},
		"data":                     {data, false},
		"null data":                {&v1alpha1.ProposedState{Type: "RUNNING", DataJSON: new("null")}, false},
		"a cache key":              {details(v1alpha1.StateDetails{CacheKey: new("k")}), false},
		"an empty cache key":       {details(v1alpha1.StateDetails{CacheKey: new("")}), false},
	}
	clusters := map[string]*cluster{"editor": editor, "admin": u.as(t, "ada", "admin-role"), "importer": u.as(t, "ian", "importer")}
	for who, c := range clusters {
		for what, tc := range states {
			err := tried(c, who, tc.state)
			if may := tc.editor || who != "editor"; (err == nil) != may || err != nil && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `verb "set-data" on taskruns.taskrun.dev`)) {
				t.Errorf("%s, %s: error %v, want it allowed: %t", who, what, err, may)
			}
			if who == "importer" { // of task runs only
				continue
			}
			err = c.Create(t.Context(), &v1alpha1.FlowRun{
				ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, GenerateName: who + "-"},
				Spec:       v1alpha1.FlowRunSpec{FlowName: "etl", InitialState: tc.state},
			})
			if may := tc.editor || who != "editor"; (err == nil) != may || err != nil && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `verb "set-data" on flowruns.taskrun.dev`)) {
				t.Errorf("%s, %s of a flow run: error %v, want it allowed: %t", who, what, err, may)
			}
		}
	}
}

func TestTheProposerIsNotClaimed(t *testing.T) {
	t.Parallel()
	t.Run("checked by the API server", func(t *testing.T) {
		t.Parallel()
		u := withPolicy(t)
		editor := u.as(t, "erin", "editor-role")
		u.inForce(t, editor)
		_, err := editor.tried(t, v1alpha1.StateProposalSpec{Proposer: "ada"})
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "erin") {
			t.Errorf("error = %v, want one with the user's own name", err)
		}
		if _, err := editor.tried(t, v1alpha1.StateProposalSpec{Proposer: "erin"}); err != nil {
			t.Errorf("the own name: %v", err)
		}
		// It cannot be changed later either.
		p, err := editor.tried(t, v1alpha1.StateProposalSpec{})
		if err != nil {
			t.Fatal(err)
		}
		p.Spec.Proposer = "erin"
		if err := u.Update(t.Context(), p); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "a proposal is immutable") {
			t.Errorf("changing it: %v", err)
		}
	})
	t.Run("recorded by the API server", func(t *testing.T) {
		t.Parallel()
		if testenv.Start(t).Minor(t) < 36 {
			t.Skip("MutatingAdmissionPolicy is generally available from Kubernetes 1.36 on")
		}
		u := withPolicy(t, "components/record-proposer/record_proposer.yaml")
		editor := u.as(t, "erin", "editor-role")
		eventually(t, "the proposer is recorded", func() bool {
			p, err := editor.tried(t, v1alpha1.StateProposalSpec{})
			return err == nil && p.Spec.Proposer == "erin"
		}, func() {})
	})
}

func TestTwoUsersAtOnceBothGetTheirVerdict(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	c.apply(t, "hello", v1alpha1.TaskRunSpec{})
	// The operator finds both proposals at its start.
	cancel := c.proposeAs(t, "hello", v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "CANCELLED", Message: new("by alice")}, Proposer: "alice"})
	finish := c.proposeAs(t, "hello", v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "COMPLETED", Message: new("by bob")}, Proposer: "bob"})
	start(t, env.Config, c.namespace, nil)
	run := map[string]string{}
	for who, p := range map[string]*v1alpha1.StateProposal{"alice": cancel, "bob": finish} {
		got := c.awaitVerdict(t, p, true)
		if got.Status.Verdict != "Accepted" && got.Status.Reason == "" {
			t.Errorf("%s got %+v", who, got.Status)
		}
		run[who] = got.Status.Verdict
	}
	decided := map[string]string{}
	for _, d := range c.get(t, "hello").Status.Decisions {
		decided[d.Proposer] = d.Verdict
	}
	if diff := cmp.Diff(run, decided); diff != "" {
		t.Errorf("verdicts (-proposals +run):\n%s", diff)
	}
}

// TestAVerdictIsAwaitedWithoutARace does the same as kubectl wait --for=condition=Evaluated: a list of one object, and
// a watch from its version.
func TestAVerdictIsAwaitedWithoutARace(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	start(t, env.Config, c.namespace, nil)
	c.apply(t, "hello", v1alpha1.TaskRunSpec{})
	scheme := c.Scheme()
	watcher, err := client.NewWithWatch(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	for i, kind := range []string{"RUNNING", "COMPLETED", "CANCELLING"} {
		p := c.propose(t, "hello", kind)
		list := &v1alpha1.StateProposalList{}
		w, err := watcher.Watch(t.Context(), list, client.InNamespace(c.namespace), client.MatchingFields{"metadata.name": p.Name})
		if err != nil {
			t.Fatal(err)
		}
		for event := range w.ResultChan() {
			got, ok := event.Object.(*v1alpha1.StateProposal)
			if !ok || event.Type == watch.Deleted || len(got.Status.Conditions) == 0 || got.Status.Conditions[0].Status != metav1.ConditionTrue {
				continue
			}
			want := []string{"Accepted", "Accepted", "Aborted"}[i]
			if got.Status.Conditions[0].Reason != want || got.Status.Verdict != want || got.Status.ObservedGeneration != got.Generation {
				t.Errorf("%s: %+v, want %s", kind, got.Status, want)
			}
			break
		}
		w.Stop()
		// After the condition Evaluated, the run has the state.
		if state := c.get(t, "hello").Status.State.Type; i < 2 && state != kind {
			t.Errorf("the run is %s, want %s", state, kind)
		}
	}
}

// TestAKillBetweenTheTwoWritesEvaluatesNothingAgain kills the program after the decision was written to the run and
// before the status of the proposal has it, changes the run, and restarts the program.
func TestAKillBetweenTheTwoWritesEvaluatesNothingAgain(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	for _, passing := range []int{2, 3} { // the run's first status and the decision; then also the mark on the proposal
		t.Run(fmt.Sprintf("after %d writes", passing), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, env.Config, env.Namespace(t))
			cut, faults := cutAfter(env.Config, passing, false)
			first := start(t, cut, c.namespace, nil)
			c.apply(t, "hello", v1alpha1.TaskRunSpec{})
			c.await(t, "hello", "is PENDING", inState("PENDING"))
			p := c.propose(t, "hello", "RUNNING")
			select {
			case <-faults.cut:
			case <-time.After(patience):
				t.Fatal("the program made no more writes")
			}
			first.stop()
			if got := c.get(t, "hello").Status; got.State.Type != "RUNNING" || len(got.Decisions) != 1 {
				t.Fatalf("the run is %s with decisions %+v", got.State.Type, got.Decisions)
			}
			start(t, env.Config, c.namespace, nil)
			got := c.awaitVerdict(t, p, true)
			run := c.get(t, "hello")
			if got.Status.Verdict != "Accepted" || got.Status.StateID != run.Status.State.ID || run.Status.RunCount != 1 {
				t.Errorf("status = %+v, the run is in %s for the %d. time", got.Status, run.Status.State.ID, run.Status.RunCount)
			}
			c.wantStates(t, "hello", "PENDING", "RUNNING")
		})
	}
}

func TestAnEvaluatedProposalIsDeletedAfterItsTTL(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	start(t, env.Config, c.namespace, func(o *Options) { o.Controller.ProposalTTL = time.Second })
	c.apply(t, "hello", v1alpha1.TaskRunSpec{InitialState: dueAt(time.Now().Add(time.Hour))})
	waiting := c.awaitVerdict(t, c.propose(t, "hello", "RUNNING"), false)
	p := c.propose(t, "hello", "PAUSED")
	eventually(t, "the proposal is gone", func() bool {
		return apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKeyFromObject(p), &v1alpha1.StateProposal{}))
	}, func() {})
	if len(c.get(t, "hello").Status.Decisions) == 0 {
		t.Error("the proposal went without a verdict")
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(waiting), waiting); err != nil && len(c.statesOf(t, "hello")) == 1 {
		t.Errorf("one that waits is gone too: %v", err)
	}
}
