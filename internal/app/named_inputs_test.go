//go:build apiserver

package app

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// takingFrom returns a spec whose argument x has inputs from TaskRuns of these names,
// with a parameter between each two.
func takingFrom(names ...string) v1alpha1.TaskRunSpec {
	var sources []v1alpha1.TaskInput
	for i, name := range names {
		if i > 0 {
			sources = append(sources, v1alpha1.TaskInput{InputType: "parameter", Name: new("p")})
		}
		sources = append(sources, v1alpha1.TaskInput{InputType: "task_run", TaskRunName: name})
	}
	return v1alpha1.TaskRunSpec{TaskInputs: []v1alpha1.TaskArgument{{Name: "x", Sources: sources}}}
}

// inputIDs returns the ids of the input runs of the argument x, over REST.
func inputIDs(t *testing.T, p *program, id string) []string {
	t.Helper()
	status, body := call(t, http.MethodGet, p.url()+"/task_runs/"+id, "")
	if status != http.StatusOK {
		return []string{strconv.Itoa(status)}
	}
	var run struct {
		TaskInputs map[string][]struct {
			InputType string `json:"input_type"`
			ID        string `json:"id"`
		} `json:"task_inputs"`
	}
	if err := json.Unmarshal([]byte(body), &run); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var ids []string
	for _, input := range run.TaskInputs["x"] {
		if input.InputType == "task_run" {
			ids = append(ids, input.ID)
		}
	}
	return ids
}

// wantInputs waits until a replica returns these inputs.
func wantInputs(t *testing.T, p *program, id string, want ...string) {
	t.Helper()
	var got []string
	eventually(t, "the inputs are resolved over REST", func() bool {
		got = inputIDs(t, p, id)
		return slices.Equal(got, want)
	}, func() { t.Logf("they are %v, want %v", got, want) })
}

func withIDs(ids ...string) func(*v1alpha1.TaskRun) bool {
	return func(run *v1alpha1.TaskRun) bool { return slices.Equal(run.Status.InputTaskRunIDs, ids) }
}

// Two replicas resolve an input as soon as its TaskRun exists, also after a restart of
// both, and keep it when the TaskRun is created again.
func TestNamedInput_isResolvedWhenItsTaskRunExists(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	replica := func(o *Options) { o.Manager.LeaderElect, o.Manager.LeaseNamespace = true, c.namespace }
	one, two := start(t, env.Config, c.namespace, replica), start(t, env.Config, c.namespace, replica)

	first := string(c.apply(t, "first", v1alpha1.TaskRunSpec{}).UID)
	id := string(c.apply(t, "later", takingFrom("second", "first", "later", "second", "third")).UID)
	c.await(t, "later", "has its first input", withIDs("-", first, "-", "-", "-"))
	c.awaitEvent(t, "later", "Normal InputNotFound spec.taskInputs names TaskRuns that were not found: second, later (this TaskRun itself), third.")
	wantInputs(t, two, id, first)

	second := "7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01"
	c.apply(t, "second", v1alpha1.TaskRunSpec{ID: second})
	c.await(t, "later", "has its second input", withIDs(second, first, "-", second, "-"))
	for _, p := range []*program{one, two} {
		wantInputs(t, p, id, second, first, second)
	}
	one.stop()
	two.stop()
	third := string(c.apply(t, "third", v1alpha1.TaskRunSpec{}).UID)
	for _, name := range []string{"first", "second"} {
		if err := c.Delete(t.Context(), c.get(t, name)); err != nil {
			t.Fatal(err)
		}
		c.apply(t, name, v1alpha1.TaskRunSpec{})
	}

	again, other := start(t, env.Config, c.namespace, replica), start(t, env.Config, c.namespace, replica)
	c.await(t, "later", "has its third input", withIDs(second, first, "-", second, third))
	for _, p := range []*program{again, other} {
		wantInputs(t, p, id, second, first, second, third)
	}
	if status, body := call(t, http.MethodPost, other.url()+"/task_runs/"+id+"/set_state", `{"state":{"type":"RUNNING"}}`); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	if run := c.get(t, "later"); !inState("RUNNING")(run) || !withIDs(second, first, "-", second, third)(run) {
		t.Errorf("after a state over REST the status is %+v", run.Status)
	}
	wantInputs(t, other, id, second, first, second, third)
}

// An object whose id belongs to another TaskRun is not an input until the other TaskRun
// is deleted.
func TestNamedInput_duplicateIsNotAnInput(t *testing.T) {
	t.Parallel()
	c := running(t)
	const shared = "7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e02"
	c.apply(t, shared, v1alpha1.TaskRunSpec{ID: shared})
	c.apply(t, "duplicate", v1alpha1.TaskRunSpec{ID: shared})
	c.await(t, "duplicate", "is stalled", func(run *v1alpha1.TaskRun) bool { return len(run.Status.Conditions) == 1 })
	c.apply(t, "later", takingFrom("duplicate"))
	c.await(t, "later", "is PENDING", inState("PENDING"))
	if run := c.get(t, "later"); !withIDs("-")(run) {
		t.Errorf("inputs %v, want none", run.Status.InputTaskRunIDs)
	}
	if err := c.Delete(t.Context(), c.get(t, shared)); err != nil {
		t.Fatal(err)
	}
	c.patch(t, "duplicate", `{"spec":{"name":"the run now"}}`) // otherwise it is checked after a minute
	c.await(t, "later", "has its input", withIDs(shared))
}
