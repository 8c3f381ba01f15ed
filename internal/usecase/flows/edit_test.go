package flows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

var allInputs = flowrun.InputFilter{Limit: 200}

func TestUpdate_changesGivenFieldsOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, func(in *flowrun.NewRun) {
		in.Run.Name, in.Run.FlowVersion, in.Run.Tags = "first", new("v1"), []string{"a"}
		in.Run.Parameters, in.Run.JobVariables = json.RawMessage(`{"a":1}`), json.RawMessage(`{}`)
		in.Run.InfrastructurePID, in.Run.PauseKeys = new("7"), []string{"k"}
	})
	f.clock.Step(time.Second)
	none := f.mustGet(t, run.ID)
	if err := f.Update(t.Context(), run.ID, flowrun.Edit{}); err != nil {
		t.Fatal(err)
	}
	want := *none
	want.Updated = start.Add(time.Second)
	got := f.mustGet(t, run.ID)
	want.Ref, want.StatusStale = got.Ref, false
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("after an empty edit (-want +got):\n%s", diff)
	}

	edit := flowrun.Edit{
		Name: taskrun.Set("second"), FlowVersion: taskrun.Null[string](), Tags: taskrun.Set([]string{"b", "b"}),
		Parameters: taskrun.Set(json.RawMessage(`{"b":2}`)), InfrastructurePID: taskrun.Set("8"), JobVariables: taskrun.Null[json.RawMessage](),
		Policy: taskrun.Set(flowrun.EmpiricalPolicy{
			Policy: flowrun.Policy{Retries: new(int64(3))}, PauseKeys: []string{"l"}, Resuming: true, RetryType: orchestration.RetryInProcess,
		}),
	}
	if err := f.Update(t.Context(), run.ID, edit); err != nil {
		t.Fatal(err)
	}
	want = *got
	want.Editable = flowrun.Editable{
		Name: "second", Tags: []string{"b", "b"}, Parameters: json.RawMessage(`{"b":2}`), InfrastructurePID: new("8"),
		Policy: flowrun.Policy{Retries: new(int64(3))},
	}
	want.PauseKeys, want.Resuming, want.RetryType = []string{"l"}, true, orchestration.RetryInProcess
	got = f.mustGet(t, run.ID)
	want.Ref = got.Ref
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("after an edit of everything (-want +got):\n%s", diff)
	}
}

func TestUpdate_generatesNameForNullAndEmpty(t *testing.T) {
	t.Parallel()
	for what, name := range map[string]taskrun.Optional[string]{"null": taskrun.Null[string](), "empty": taskrun.Set("")} {
		f := newFixture(t)
		run := f.mustCreate(t, func(in *flowrun.NewRun) { in.Run.Name = "mine" })
		if err := f.Update(t.Context(), run.ID, flowrun.Edit{Name: name}); err != nil {
			t.Fatal(err)
		}
		if got := f.mustGet(t, run.ID).Name; len(strings.Split(got, "-")) != 2 {
			t.Errorf("%s: name %q, want two words", what, got)
		}
	}
}

func TestUpdate_checksJobVariables(t *testing.T) {
	t.Parallel()
	given := flowrun.Edit{Name: taskrun.Set("x"), JobVariables: taskrun.Set(json.RawMessage(`{"a":1}`))}
	deployed := func(in *flowrun.NewRun) { in.Run.DeploymentID = unknownID }
	tests := map[string]struct {
		kind orchestration.StateType
		edit func(*flowrun.NewRun)
		want string
	}{
		"a run that is not scheduled": {orchestration.Pending, deployed, "Job variables for a flow run in state PENDING cannot be updated"},
		"a run of no deployment":      {orchestration.Scheduled, func(*flowrun.NewRun) {}, "A deployment for the flow run could not be found"},
		"a run of a deployment":       {orchestration.Scheduled, deployed, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			run := f.mustCreate(t, inState(tc.kind), tc.edit)
			err := f.Update(t.Context(), run.ID, given)
			rejected, ok := errors.AsType[*flowrun.EditError](err)
			if ok != (tc.want != "") || (ok && rejected.Reason != tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if got := f.mustGet(t, run.ID); (got.Name == "x") != (tc.want == "") {
				t.Errorf("name %q: a rejected edit changes nothing", got.Name)
			}
		})
	}
}

func TestUpdate_rejectsUnknownRunsAndLongJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.Update(t.Context(), unknownID, flowrun.Edit{}); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("unknown run: error %v, want ErrNotFound", err)
	}
	if err := f.MergeLabels(t.Context(), unknownID, nil); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("labels of an unknown run: error %v, want ErrNotFound", err)
	}
	long := json.RawMessage(`"` + strings.Repeat("x", flowrun.MaxParameters) + `"`)
	err := f.Update(t.Context(), f.mustCreate(t).ID, flowrun.Edit{Parameters: taskrun.Set(long)})
	if invalid, ok := errors.AsType[*taskrun.InvalidError](err); !ok || invalid.Field != "parameters" {
		t.Errorf("long parameters: error %v, want an InvalidError", err)
	}
}

func TestUpdate_winsOverTransitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		run := f.mustCreate(t)
		f.faulty(conflict, conflict)
		if err := f.Update(t.Context(), run.ID, flowrun.Edit{Name: taskrun.Set("x")}); err != nil || f.mustGet(t, run.ID).Name != "x" {
			t.Errorf("error %v, name %q, want the edit", err, f.mustGet(t, run.ID).Name)
		}
	})
}

func TestMergeLabels_keepsOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t, func(in *flowrun.NewRun) {
		in.Run.Labels = map[string]json.RawMessage{"a": json.RawMessage("1"), "b": json.RawMessage("2")}
	})
	f.clock.Step(time.Second)
	if err := f.MergeLabels(t.Context(), run.ID, map[string]json.RawMessage{"b": json.RawMessage("3"), "c": json.RawMessage("4")}); err != nil {
		t.Fatal(err)
	}
	got := f.mustGet(t, run.ID)
	want := map[string]json.RawMessage{
		"a": json.RawMessage("1"), "b": json.RawMessage("3"), "c": json.RawMessage("4"), "prefect.flow.id": json.RawMessage(`"` + f.flow.ID + `"`),
	}
	if diff := cmp.Diff(want, got.Labels); diff != "" || !got.Updated.Equal(start.Add(time.Second)) {
		t.Errorf("updated %s, labels (-want +got):\n%s", got.Updated, diff)
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.mustCreate(t)
	for _, key := range []string{"paused-1-schema", "paused-1-response", "paused-2-schema", "Other"} {
		f.clock.Step(time.Second)
		if err := f.CreateInput(t.Context(), flowrun.Input{RunID: run.ID, Key: key, Value: "v " + key}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.CreateInput(t.Context(), flowrun.Input{RunID: run.ID, Key: "Other", Value: "again"}); !errors.Is(err, taskrun.ErrExists) {
		t.Errorf("a key twice: error %v, want ErrExists", err)
	}
	if err := f.CreateInput(t.Context(), flowrun.Input{RunID: unknownID, Key: "k"}); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("an unknown run: error %v, want ErrNotFound", err)
	}
	for _, key := range []string{"", "a/b", "a b", "ünï", "a_b", strings.Repeat("k", flowrun.MaxInputKey+1)} {
		err := f.CreateInput(t.Context(), flowrun.Input{RunID: run.ID, Key: key})
		if invalid, ok := errors.AsType[*taskrun.InvalidError](err); !ok || invalid.Field != "key" {
			t.Errorf("key %.20q: error %v, want an InvalidError", key, err)
		}
	}
	for want, q := range map[string]flowrun.InputFilter{
		"paused-1-schema paused-1-response paused-2-schema Other": allInputs,
		"paused-1-schema":                   {Prefix: "paused", Limit: 1},
		"paused-1-response paused-2-schema": {Prefix: "paused-", Limit: 5, Exclude: []string{"paused-1-schema"}},
		"paused-1-schema paused-2-schema":   {Prefix: "%-_-s", Limit: 5},
		"Other":                             {Prefix: "other", Limit: 5},
		"":                                  {Prefix: "chema", Limit: 5},
	} {
		inputs, err := f.ListInputs(t.Context(), run.ID, q)
		var keys []string
		for _, in := range inputs {
			keys = append(keys, in.Key)
		}
		if got := strings.Join(keys, " "); got != want || err != nil {
			t.Errorf("%+v: %q, error %v, want %q", q, got, err, want)
		}
	}
	if inputs, err := f.ListInputs(t.Context(), unknownID, allInputs); len(inputs) != 0 || err != nil {
		t.Errorf("of an unknown run: %v, error %v, want none", inputs, err)
	}
	if err := f.DeleteInput(t.Context(), run.ID, "Other"); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{"DeleteInput": f.DeleteInput(t.Context(), run.ID, "Other"), "Input": second(f.Input(t.Context(), run.ID, "Other"))} {
		if !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s of a deleted input: error %v, want ErrNotFound", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
