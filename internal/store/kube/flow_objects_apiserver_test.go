//go:build apiserver

package kube_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// newFlowRun returns a run of a new id in its first state.
func newFlowRun(flowID string) *flowrun.Run {
	run := flowrun.Run{
		ID: uuid.NewString(), FlowID: flowID, Created: begin, Updated: begin, StatusStale: true, CreatedViaREST: true,
		Context: []byte("{}"), Editable: flowrun.Editable{Name: "n", Parameters: []byte("{}")},
	}
	run = flowrun.Begin(run, taskrun.Proposal{Type: orchestration.Pending}.State(uuid.NewString(), begin))
	return &run
}

// newFlow returns a flow.
func newFlow(namespace, name string) *flowrun.Flow {
	return &flowrun.Flow{ID: flowrun.FlowID(namespace, name), Name: name, Created: begin, Updated: begin}
}

// entered returns the run in a further state.
func entered(run *flowrun.Run, kind orchestration.StateType) *flowrun.Run {
	next := *run
	facts := next.Facts(taskrun.Proposal{Type: kind}.State(uuid.NewString(), begin.Add(time.Second)))
	facts.Policy, facts.NewID = orchestration.FlowRunMinimal, facts.Proposed.ID
	decision := orchestration.DecideFlowRun(facts)
	next.Enter(decision.Progress, *decision.State)
	next.Touch(begin.Add(time.Second))
	next.RecordEnd(begin.Add(time.Second))
	return &next
}

// longObject is a JSON object of more bytes than a run holds.
func longObject() json.RawMessage {
	return json.RawMessage(`{"a":"` + strings.Repeat("x", flowrun.MaxInline) + `"}`)
}

// flowWrites lists the writes of objects of flows that pass through it, and reads of
// single ones.
type flowWrites struct {
	mu    sync.Mutex
	lines []string
}

func (w *flowWrites) through(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if _, path, ok := strings.Cut(r.URL.Path, "/namespaces/"); ok {
				parts := strings.Split(path, "/")[1:]
				if len(parts) > 1 {
					parts[1] = "NAME"
				}
				w.mu.Lock()
				w.lines = append(w.lines, r.Method+" "+strings.Join(parts, "/"))
				w.mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	return config
}

func (w *flowWrites) taken() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	w.lines = nil
	return lines
}

func TestAPlainLifeOfAFlowRunIsThreeRequests(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	requests, namespace := &flowWrites{}, env.Namespace(t)
	store := openReplica(t, requests.through(env.Config)).Flows(namespace)
	requests.taken()
	if _, err := store.CreateFlow(t.Context(), newFlow(namespace, "etl")); err != nil {
		t.Fatal(err)
	}
	run := newFlowRun(flowrun.FlowID(namespace, "etl"))
	run.IdempotencyKey = new("k")
	run, err := store.Create(t.Context(), run)
	for _, kind := range []orchestration.StateType{orchestration.Running, orchestration.Completed} {
		if err == nil {
			run, err = store.Update(t.Context(), entered(run, kind))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if read, err := store.Get(t.Context(), run.ID); err != nil || read.State.Type != orchestration.Completed {
		t.Errorf("Get() = %+v, error %v", read, err)
	}
	const status = "PUT flowruns/NAME/status"
	if diff := cmp.Diff([]string{"POST registeredflows", "POST flowruns", status, status}, requests.taken()); diff != "" {
		t.Errorf("requests (-want +sent):\n%s", diff)
	}

	long := newFlowRun(run.FlowID)
	long.Parameters = longObject()
	if long, err = store.Create(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	if _, err = store.Update(t.Context(), entered(long, orchestration.Running)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"POST rundata", "POST flowruns", "PATCH rundata/NAME", status}, requests.taken()); diff != "" {
		t.Errorf("requests with long parameters (-want +sent):\n%s", diff)
	}
}

func TestAReplicaReadsWhatAnotherOneWrote(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	one, two := openReplica(t, env.Config), openReplica(t, env.Config)
	two.freeze() // only its own calls tell it anything
	writer, reader := one.Flows(namespace), two.Flows(namespace)
	for _, name := range []string{"by id", "by name", "by create"} {
		if _, err := writer.CreateFlow(t.Context(), newFlow(namespace, name)); err != nil {
			t.Fatal(err)
		}
	}
	if flow, err := reader.FlowNamed(t.Context(), "by name"); err != nil || flow.Name != "by name" {
		t.Errorf("FlowNamed() = %+v, error %v", flow, err)
	}
	if flow, err := reader.CreateFlow(t.Context(), newFlow(namespace, "by create")); !errors.Is(err, taskrun.ErrExists) || flow.Name != "by create" {
		t.Errorf("CreateFlow() = %+v, error %v", flow, err)
	}
	if flow, err := reader.Flow(t.Context(), flowrun.FlowID(namespace, "by id")); err != nil || flow.Name != "by id" {
		t.Errorf("Flow() = %+v, error %v", flow, err)
	}
	run := newFlowRun(flowrun.FlowID(namespace, "by id"))
	run.Parameters = longObject()
	run, err := writer.Create(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	read, err := reader.Get(t.Context(), run.ID)
	if err != nil || string(read.Parameters) != string(run.Parameters) {
		t.Fatalf("Get() = %+v, error %v", read, err)
	}
	// The parameters are replaced, and what the other replica knows of is deleted.
	next := *run
	next.Parameters = json.RawMessage(strings.Replace(string(run.Parameters), "x", "y", 1))
	if run, err = writer.Update(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	next = *run
	next.Parameters = longObject()
	if run, err = writer.Update(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	if _, err = reader.Update(t.Context(), entered(read, orchestration.Running)); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("Update() of an older version: error %v, want ErrConflict", err)
	}
	if read, err = reader.Get(t.Context(), run.ID); err != nil || string(read.Parameters) != string(run.Parameters) {
		t.Errorf("Get() = %.200s, error %v, want the new parameters", read.Parameters, err)
	}
	// Another run of this id.
	if err = writer.Delete(t.Context(), run.ID, nil); err != nil {
		t.Fatal(err)
	}
	again := newFlowRun(run.FlowID)
	again.ID = run.ID
	if _, err = writer.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if err = reader.Delete(t.Context(), run.ID, nil); err != nil {
		t.Errorf("Delete() of a run that was created again: %v", err)
	}
	if _, err = writer.Reload(t.Context(), again); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Reload() of a deleted run: error %v, want ErrNotFound", err)
	}
}

func TestEqualCreatesOfAFlowRunMakeOneObject(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	stores := []*kube.Flows{openReplica(t, env.Config).Flows(namespace), openReplica(t, env.Config).Flows(namespace)}
	run := newFlowRun(flowrun.FlowID(namespace, "etl"))
	run.IdempotencyKey, run.Parameters = new("k"), longObject()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			got, err := stores[i%2].Create(t.Context(), run)
			if (err != nil && !errors.Is(err, taskrun.ErrExists)) || string(got.Parameters) != string(run.Parameters) {
				t.Errorf("Create() = %+v, error %v", got, err)
			}
			if _, err := stores[i%2].CreateFlow(t.Context(), newFlow(namespace, "etl")); err != nil && !errors.Is(err, taskrun.ErrExists) {
				t.Errorf("CreateFlow(): %v", err)
			}
		})
	}
	all.Wait()
	direct := newClient(t, env.Config)
	var runs v1alpha1.FlowRunList
	var flows v1alpha1.RegisteredFlowList
	var data v1alpha1.RunDataList
	for _, list := range []client.ObjectList{&runs, &flows, &data} {
		if err := direct.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
	}
	if len(runs.Items) != 1 || len(flows.Items) != 1 || len(data.Items) != 1 {
		t.Errorf("there are %d runs, %d flows, %d run data, want one of each", len(runs.Items), len(flows.Items), len(data.Items))
	}
	owner := data.Items[0].OwnerReferences
	if len(owner) != 1 || owner[0].UID != runs.Items[0].UID || data.Items[0].Labels[v1alpha1.LabelUnowned] != "" {
		t.Errorf("the run data belongs to %+v, want %s", owner, runs.Items[0].UID)
	}
}

func TestAFlowRunFromAManifestIsARunWhenItsFlowExists(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	store, direct := openReplica(t, env.Config).Flows(namespace), newClient(t, env.Config)
	data := &v1alpha1.RunData{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "data"}, Type: v1alpha1.DataContext, Text: new(`{"c":1.0}`)}
	object := &v1alpha1.FlowRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "nightly"}, Spec: v1alpha1.FlowRunSpec{
		FlowName: "mine", Parameters: &v1alpha1.JSONObject{Raw: longObject()}, ContextDataName: "data", JobVariablesDataName: "missing",
	}}
	for _, o := range []client.Object{data, object} {
		if err := direct.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	id := string(object.UID)
	if _, err := store.Get(t.Context(), id); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Get() before there is the flow: error %v, want ErrNotFound", err)
	}
	flow := &v1alpha1.RegisteredFlow{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mine"}, Spec: v1alpha1.RegisteredFlowSpec{Name: "the etl"}}
	if err := direct.Create(t.Context(), flow); err != nil {
		t.Fatal(err)
	}
	var run *flowrun.Run
	eventually(t, "the run is there", func() (ok bool) {
		var err error
		run, err = store.Get(t.Context(), id)
		return err == nil
	})
	const missing = `{"taskrun.dev/fault":"RunData missing does not exist"}`
	if run.FlowID != flowrun.FlowID(namespace, "the etl") || string(run.Parameters) != string(longObject()) || string(run.Context) != `{"c":1.0}` ||
		string(run.JobVariables) != missing || run.Name != "nightly" || !run.StatusStale {
		t.Errorf("got %+v", run)
	}
	if got, err := store.FlowNamed(t.Context(), "the etl"); err != nil || got.ID != run.FlowID {
		t.Errorf("FlowNamed() = %+v, error %v", got, err)
	}
	moved, err := store.Update(t.Context(), entered(run, orchestration.Running))
	if err != nil {
		t.Fatal(err)
	}
	if err := direct.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	if s := object.Status; s.FlowID != run.FlowID || s.ID != id || s.Name != "nightly" || s.State.Type != "RUNNING" || s.Effective != nil {
		t.Errorf("status is %+v", s)
	}
	// The flow goes, and a replica that starts then has the run all the same.
	if err := store.DeleteFlow(t.Context(), run.FlowID); err != nil {
		t.Fatal(err)
	}
	later := openReplica(t, env.Config).Flows(namespace)
	if got, err := later.Get(t.Context(), id); err != nil || got.FlowID != run.FlowID || got.State.ID != moved.State.ID {
		t.Errorf("Get() of a new replica = %+v, error %v", got, err)
	}
	// A user changes the parameters, and so replaces those of REST.
	edited := *moved
	edited.Parameters = []byte(`{"edited":true}`)
	if _, err := store.Update(t.Context(), &edited); err != nil {
		t.Fatal(err)
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"parameters":null,"parametersJSON":"{\"mine\":1}"}}`))
	if err := direct.Patch(t.Context(), object, patch); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the parameters are those of the user", func() bool {
		got, err := store.Get(t.Context(), id)
		return err == nil && string(got.Parameters) == `{"mine":1}`
	})
}

// An object that cannot be decoded is left out, and named where it is asked for.
func TestFlowObjectsThatCannotBeDecodedAreSkipped(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	namespace := env.Namespace(t)
	const created = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/origin/properties/createdTime/"
	env.PatchCRD(t, "flowruns.taskrun.dev", `[{"op":"remove","path":"`+created+`pattern"},{"op":"remove","path":"`+created+`format"}]`)
	replica := openReplica(t, env.Config)
	store := replica.Flows(namespace)
	objects, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	good, err := store.Create(t.Context(), newFlowRun(flowrun.FlowID(namespace, "etl")))
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.NewString()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": v1alpha1.KindFlowRun, "metadata": map[string]any{"name": id},
		"spec": map[string]any{"id": id, "flowID": good.FlowID, "origin": map[string]any{"createdTime": "yesterday"}},
	}}
	eventually(t, "the API server takes it", func() bool {
		resource := v1alpha1.GroupVersion.WithResource("flowruns")
		_, err := objects.Resource(resource).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{})
		return err == nil
	})
	for name, r := range map[string]replicaFlows{"the watch": {replica, store}, "the list of another replica": openFlows(t, env.Config, namespace)} {
		eventually(t, name+" skips it", func() bool { return r.Undecodable()[v1alpha1.KindFlowRun] == 1 })
		var undecodable *taskrun.UndecodableError
		if _, err := r.flows.Get(t.Context(), id); !errors.As(err, &undecodable) || undecodable.Field != "spec.origin.createdTime" {
			t.Errorf("%s: Get() of it: error %v", name, err)
		}
		snapshot, err := r.flows.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if runs := slices.Collect(snapshot.Runs()); len(runs) != 1 || runs[0].ID != good.ID {
			t.Errorf("%s: the runs are %+v, want the other one", name, runs)
		}
	}
}

type replicaFlows struct {
	replica

	flows *kube.Flows
}

func openFlows(t *testing.T, config *rest.Config, namespace string) replicaFlows {
	t.Helper()
	r := openReplica(t, config)
	return replicaFlows{r, r.Flows(namespace)}
}

// sweepAt sweeps as if the age of every object were at least the given one.
func sweepAt(t *testing.T, r replica, age time.Duration) {
	t.Helper()
	clock := testingclock.NewFakeClock(time.Now().Add(age))
	if err := kube.NewRunDataSweep(r.Cluster, clock, slog.New(slog.DiscardHandler)).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The program can end between any two calls of a create: no run loses its parameters, and
// nothing that belongs to no run stays.
func TestAnInterruptedCreateLosesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	namespace := env.Namespace(t)
	r := openFlows(t, env.Config, namespace)
	direct := newClient(t, env.Config)
	unowned := func(runID string) *v1alpha1.RunData {
		data := convert.PartToData(v1alpha1.DataParameters, runID, uuid.NewString(), longObject(), begin)
		data.Namespace, data.Labels = namespace, map[string]string{v1alpha1.LabelUnowned: ""}
		if err := direct.Create(t.Context(), data); err != nil {
			t.Fatal(err)
		}
		return data
	}
	there := func(data *v1alpha1.RunData) *v1alpha1.RunData {
		got := &v1alpha1.RunData{}
		if err := direct.Get(t.Context(), client.ObjectKeyFromObject(data), got); err != nil {
			return nil
		}
		return got
	}

	run := newFlowRun(flowrun.FlowID(namespace, "etl"))
	run.Parameters = longObject()
	before := unowned(run.ID) // the program ended before it created the run

	second := newFlowRun(run.FlowID)
	second.Parameters = longObject()
	data := unowned(second.ID) // the program ended after it created the run, before it set the owner
	object := convert.FlowRunToObject(second, namespace, "", flowrun.Parts{Parameters: data.Name})
	if err := direct.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	mine := &v1alpha1.RunData{ // of a user
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mine", Labels: map[string]string{v1alpha1.LabelUnowned: ""}},
		Type:       v1alpha1.DataParameters, Text: new("{}"),
	}
	if err := direct.Create(t.Context(), mine); err != nil {
		t.Fatal(err)
	}

	input := convert.InputToData(&flowrun.Input{ID: uuid.NewString(), Created: begin, RunID: second.ID, Key: "k", Value: "restored"})
	input.Namespace, input.Labels = namespace, map[string]string{v1alpha1.LabelUnowned: ""}
	if err := direct.Create(t.Context(), input); err != nil {
		t.Fatal(err)
	}

	sweepAt(t, r.replica, 9*time.Minute)
	for _, data := range []*v1alpha1.RunData{before, data} {
		if got := there(data); got == nil || len(got.OwnerReferences) != 0 {
			t.Errorf("a create that may still run was disturbed: %+v", got)
		}
	}
	// The create is repeated: it leaves the first object to the sweep.
	created, err := r.flows.Create(t.Context(), run)
	if err != nil || string(created.Parameters) != string(longObject()) {
		t.Fatalf("Create() = %+v, error %v", created, err)
	}
	sweepAt(t, r.replica, time.Hour)
	if there(before) != nil {
		t.Error("the run data of a create that was interrupted is still there")
	}
	if got := there(data); got == nil || len(got.OwnerReferences) != 1 || got.OwnerReferences[0].UID != object.UID || len(got.Labels) != 0 {
		t.Errorf("the run data of a run is %+v, want it to belong to the run", got)
	}
	if got, err := r.flows.Input(t.Context(), second.ID, "k"); err != nil || got.Value != "restored" {
		t.Errorf("the input that was restored is %+v, error %v", got, err)
	}
	if there(mine) == nil {
		t.Error("the run data of a user was deleted")
	}
	for _, id := range []string{run.ID, second.ID} {
		if got, err := r.flows.Reload(t.Context(), must(t, r.flows, id)); err != nil || string(got.Parameters) != string(longObject()) {
			t.Errorf("Reload() = %.200s, error %v", got.Parameters, err)
		}
	}
}

// The leader sweeps at its start and at each tick, until it ends.
func TestTheLeaderSweepsAgainAndAgain(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	namespace := env.Namespace(t)
	r, direct := openReplica(t, env.Config), newClient(t, env.Config)
	leave := func() *v1alpha1.RunData {
		data := convert.PartToData(v1alpha1.DataContext, uuid.NewString(), uuid.NewString(), longObject(), begin)
		data.Namespace, data.Labels = namespace, map[string]string{v1alpha1.LabelUnowned: ""}
		if err := direct.Create(t.Context(), data); err != nil {
			t.Fatal(err)
		}
		return data
	}
	swept := func(data *v1alpha1.RunData) func() bool {
		return func() bool {
			return apierrors.IsNotFound(direct.Get(t.Context(), client.ObjectKeyFromObject(data), &v1alpha1.RunData{}))
		}
	}
	clock := testingclock.NewFakeClock(time.Now().Add(time.Hour))
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error)
	first := leave()
	go func() { ended <- kube.NewRunDataSweep(r.Cluster, clock, slog.New(slog.DiscardHandler)).Start(ctx) }()
	eventually(t, "the first sweep", swept(first))
	second := leave()
	eventually(t, "it waits for the next tick", clock.HasWaiters)
	clock.Step(10 * time.Minute)
	eventually(t, "the second sweep", swept(second))
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func must(t *testing.T, s *kube.Flows, id string) *flowrun.Run {
	t.Helper()
	run, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// An update that fails leaves no run data, and one that replaces parts deletes them.
func TestUpdatesLeaveNoRunData(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	store, direct := openReplica(t, env.Config).Flows(namespace), newClient(t, env.Config)
	run, err := store.Create(t.Context(), newFlowRun(flowrun.FlowID(namespace, "etl")))
	if err != nil {
		t.Fatal(err)
	}
	names := func() (all []string) {
		var list v1alpha1.RunDataList
		if err := direct.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range list.Items {
			if owners := list.Items[i].OwnerReferences; len(owners) != 1 || string(owners[0].UID) != run.Ref.UID {
				t.Errorf("%s belongs to %+v", list.Items[i].Name, owners)
			}
			all = append(all, list.Items[i].Name)
		}
		return all
	}
	edited := *run
	edited.Parameters = longObject()
	first, err := store.Update(t.Context(), &edited)
	if err != nil {
		t.Fatal(err)
	}
	one := names()
	if _, err = store.Update(t.Context(), &edited); !errors.Is(err, taskrun.ErrConflict) || !slices.Equal(names(), one) {
		t.Errorf("after a conflict: error %v, run data %v, want %v", err, names(), one)
	}
	if first, err = store.Update(t.Context(), entered(first, orchestration.Running)); err != nil || !slices.Equal(names(), one) {
		t.Errorf("after a write of the state: error %v, run data %v, want %v", err, names(), one)
	}
	again := *first
	again.Parameters = []byte("{}")
	if _, err = store.Update(t.Context(), &again); err != nil || len(names()) != 0 {
		t.Errorf("after short parameters: error %v, run data %v, want none", err, names())
	}
}

// The garbage collector may not have deleted the inputs of a run when another one gets its
// id.
func TestInputsOfAnEarlierRunAreNotThere(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t) // has no garbage collector
	namespace := env.Namespace(t)
	store := openReplica(t, env.Config).Flows(namespace)
	run := newFlowRun(flowrun.FlowID(namespace, "etl"))
	input := &flowrun.Input{ID: uuid.NewString(), Created: begin, RunID: run.ID, Key: "k", Value: "old"}
	for _, value := range []string{"old", "new"} {
		if _, err := store.Create(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Input(t.Context(), run.ID, "k"); !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("Input() before %s: error %v, want ErrNotFound", value, err)
		}
		if all, err := store.ListInputs(t.Context(), run.ID); err != nil || len(all) != 0 {
			t.Errorf("ListInputs() before %s = %+v, error %v", value, all, err)
		}
		input.Value = value
		if err := store.CreateInput(t.Context(), input); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Input(t.Context(), run.ID, "k"); err != nil || got.Value != value {
			t.Errorf("Input() = %+v, error %v, want %s", got, err, value)
		}
		if err := store.Delete(t.Context(), run.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
}
