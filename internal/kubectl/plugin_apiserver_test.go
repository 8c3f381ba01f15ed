//go:build apiserver

package kubectl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/app"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// place is a namespace of a real API server, with clients for it.
type place struct {
	kubeconfig, namespace string
	client                client.Client
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return newPlaceIn(t, testenv.Start(t))
}

func newPlaceIn(t *testing.T, env *testenv.Env) *place {
	t.Helper()
	c, err := client.New(env.Config, client.Options{Scheme: scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return &place{kubeconfig: env.Kubeconfig(t), namespace: env.Namespace(t), client: c}
}

// operate runs the operator for the namespace until the test ends.
func (p *place) operate(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	args := []string{
		"--kubeconfig=" + p.kubeconfig, "--namespace=" + p.namespace, "--watch-namespaces=" + p.namespace,
		"--rest-bind-address=127.0.0.1:0", "--metrics-bind-address=0", "--health-bind-address=0",
	}
	go func() { ended <- app.RunEmbedded(ctx, args, t.Output()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the operator ended with %v", err)
		}
	})
}

// run creates a run.
func (p *place) run(t *testing.T, name, spec string) {
	t.Helper()
	object := objectOf[v1alpha1.TaskRun](t, "{metadata: {name: "+name+"}, spec: {taskKey: add"+spec+"}}")
	object.ObjectMeta = metav1.ObjectMeta{Namespace: p.namespace, Name: name}
	if err := p.client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func (p *place) object(t *testing.T, name string) *v1alpha1.TaskRun {
	t.Helper()
	object := &v1alpha1.TaskRun{}
	if err := p.client.Get(t.Context(), client.ObjectKey{Namespace: p.namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object
}

// proposals returns the StateProposals for a run.
func (p *place) proposals(t *testing.T, run string) []v1alpha1.StateProposal {
	t.Helper()
	var all v1alpha1.StateProposalList
	if err := p.client.List(t.Context(), &all, client.InNamespace(p.namespace), client.MatchingFields{"spec.targetRef.name": run}); err != nil {
		t.Fatal(err)
	}
	return all.Items
}

// ask runs the plugin as a user does.
func (p *place) ask(t *testing.T, args ...string) (out, remarks string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := NewCommand(Options{
		Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr},
		Clock:   clock.RealClock{}, Zone: time.UTC,
	})
	command.SetArgs(append(args, "--kubeconfig="+p.kubeconfig, "--namespace="+p.namespace, "--cache-dir="+t.TempDir()))
	err = command.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

// says fails the test unless the plugin prints this, and succeeds or fails as
// expected.
func (p *place) says(t *testing.T, fails bool, wantOut, wantRemarks string, args ...string) {
	t.Helper()
	out, remarks, err := p.ask(t, args...)
	if (err != nil) != fails || out != wantOut || !strings.Contains(remarks, wantRemarks) {
		t.Errorf("%q: %v\nprinted %q\nand %q\nwant %q\nand %q", args, err, out, remarks, wantOut, wantRemarks)
	}
}

// An undecodable object, which an older CRD accepted, is omitted with a warning,
// and an error if it is named.
func TestPlugin_skipsUndecodableObjects(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	const pattern = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/conditions/items/properties/lastTransitionTime/pattern"
	env.PatchCRD(t, "taskruns.taskrun.dev", `[{"op":"remove","path":"`+pattern+`"}]`)
	p := newPlaceIn(t, env)
	p.run(t, "broken", "")
	p.run(t, "sound", "")
	patch := client.RawPatch(types.MergePatchType, []byte(`{"status":{"conditions":[`+
		`{"type":"Odd","status":"True","reason":"X","message":"","lastTransitionTime":"2026-01-01t00:00:00z"}]}}`))
	object := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: "broken"}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TaskRun"))
	deadline := time.Now().Add(time.Minute)
	for err := errors.New("not tried"); err != nil; {
		if err = p.client.Status().Patch(t.Context(), object, patch); err != nil && time.Now().After(deadline) {
			t.Fatal(err) // the API server does not use the older schema
		}
	}
	const fault = "broken cannot be decoded: status.conditions[0].lastTransitionTime: "
	p.says(t, false, "taskrun.taskrun.dev/sound\n", fault, "list", "-o", "name")
	_, _, err := p.ask(t, "describe", "broken")
	if err == nil || !strings.Contains(err.Error(), fault) {
		t.Errorf("describe: error %v, want it to name the field", err)
	}
}

func TestPlugin_cancelsAndRetriesRuns(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.run(t, "one", "")
	p.says(t, true, "", "one not cancelled: no verdict in time: check that the operator runs", "cancel", "one", "--timeout=100ms")
	p.says(t, false, "taskrun.taskrun.dev/one cancelled (proposed)\n", "", "cancel", "one", "--wait=false")
	p.operate(t)

	p.run(t, "two", ", initialState: {type: RUNNING, name: Odd, dataJSON: '1'}")
	p.run(t, "done", ", initialState: {type: COMPLETED, dataJSON: '{\"users\": 3}'}")
	p.run(t, "submitted", ", initialState: {type: SCHEDULED, stateDetails: {deferred: true, taskParametersID: 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b5}}")

	p.says(t, false, "NAME   RUN NAME   TASK   STATE\ntwo    two        add    RUNNING (Odd)\n1 run would be cancelled (dry run)\n", "", "cancel", "two", "--dry-run")
	if got := p.proposals(t, "two"); len(got) != 0 {
		t.Errorf("a dry run has proposed %+v", got)
	}
	p.says(t, false, "taskrun.taskrun.dev/two cancelled\n", "", "cancel", "two", "--message", "enough")
	two := p.object(t, "two")
	proposals := p.proposals(t, "two")
	if len(proposals) != 1 || proposals[0].Spec.Proposer == "" || proposals[0].Spec.TargetRef.UID != string(two.UID) {
		t.Errorf("proposed %+v", proposals)
	}
	if state := two.Status.State; state.Type != "CANCELLED" || *state.Message != "enough" || state.DataJSON != nil {
		t.Errorf("it is %+v", state)
	}
	p.says(t, false, "taskrun.taskrun.dev/two cancelled already\n", "", "cancel", "two")
	p.says(t, true, "", "done not cancelled: it is COMPLETED", "cancel", "done")

	p.says(t, false, "taskrun.taskrun.dev/two retried\n", "it was not submitted for a worker", "retry", "two")
	p.says(t, true, "", "two not retried: it has not finished: it is SCHEDULED (AwaitingRetry)", "retry", "two")
	p.says(t, true, "", "done not retried: Rejected: ", "retry", "done")
	p.says(t, false, "taskrun.taskrun.dev/done retried\n", "", "retry", "done", "--force")

	p.says(t, false, "taskrun.taskrun.dev/submitted cancelled\n", "", "cancel", "submitted")
	p.says(t, false, "taskrun.taskrun.dev/submitted retried\n", "", "retry", "submitted", "--after", "1h")
	out, _, err := p.ask(t, "queue", "--no-headers")
	if err != nil || !strings.Contains(out, "its next attempt") {
		t.Errorf("%v, the queue is\n%s", err, out)
	}
	if details := p.object(t, "submitted").Status.State.StateDetails; details.TaskParametersID != "0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b5" || !*details.Deferred {
		t.Errorf("a worker cannot take it: %+v", details)
	}
}

// More runs than a page of a list, half of them finished.
func TestPlugin_changesManyRuns(t *testing.T) {
	t.Parallel()
	const all = pageSize + 10
	p := newPlace(t)
	var group errgroup.Group
	group.SetLimit(16)
	for i := range all {
		state := ", tags: [odd]"
		if i%2 == 0 {
			state = ", initialState: {type: CRASHED}"
		}
		object := objectOf[v1alpha1.TaskRun](t, fmt.Sprintf("{metadata: {name: run-%d}, spec: {taskKey: add%s}}", i, state))
		object.ObjectMeta = metav1.ObjectMeta{Namespace: p.namespace, Name: object.Name}
		group.Go(func() error { return p.client.Create(t.Context(), object) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	p.operate(t)
	for _, tc := range []struct {
		args []string
		want int
	}{
		{[]string{"list", "-o", "name"}, all},
		{[]string{"list", "-o", "name", "--state", "CRASHED,FAILED"}, all / 2},
		{[]string{"cancel", "--task", "add"}, all / 2},
		{[]string{"retry", "--task", "add"}, all / 2}, // not those that were cancelled
		{[]string{"retry", "--task", "add", "--state", "CANCELLED", "--tag", "odd"}, all / 2},
		{[]string{"list", "-o", "name", "--state", "AwaitingRetry"}, all},
	} {
		out, remarks, err := p.ask(t, tc.args...)
		if got := strings.Count(out, "\n"); err != nil || got != tc.want {
			t.Errorf("%q: %v, %d runs, want %d\n%.500s", tc.args, err, got, tc.want, remarks)
		}
	}
}

func TestPlugin_doesNotChangeRecreatedRun(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.run(t, "one", "")
	old := itemOf(p.object(t, "one"))
	if err := p.client.Delete(t.Context(), old.object.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	p.run(t, "one", "")
	p.operate(t)
	spec := v1alpha1.StateProposalSpec{State: v1alpha1.ProposedState{Type: "CANCELLED"}}
	proposal, err := propose(t.Context(), p.client, old, spec, "cancel")
	if err != nil {
		t.Fatal(err)
	}
	if err := verdictOn(t.Context(), p.client, proposal); err == nil || !strings.Contains(err.Error(), "Aborted: ") {
		t.Errorf("error = %v, want Aborted: the run that has the name now is another one", err)
	}
}

func TestPlugin_namesMissingPermission(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.run(t, "one", "")
	for _, args := range [][]string{{"list"}, {"queue"}, {"cancel", "one"}} {
		if _, _, err := p.ask(t, append(args, "--as=nobody")...); err == nil || !strings.Contains(err.Error(), "needs the role view") {
			t.Errorf("%q: %v", args, err)
		}
	}
}
