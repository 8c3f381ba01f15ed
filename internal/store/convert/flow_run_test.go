package convert

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// throughJSON returns an object as an API server returns it.
func throughJSON[T any](t *testing.T, o *T) *T {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	read := new(T)
	if err := json.Unmarshal(text, read); err != nil {
		t.Fatalf("reading %s: %v", text, err)
	}
	return read
}

func storedFlowRun(t *testing.T, run *flowrun.Run, apart flowrun.Parts) *v1alpha1.FlowRun {
	t.Helper()
	object := FlowRunToObject(run, "default", "etl", apart)
	object.UID, object.ResourceVersion, object.Generation = testUID, "7", 3
	object.CreationTimestamp = metav1.NewTime(run.Created.Truncate(time.Second))
	return throughJSON(t, object)
}

// flowRunsDiffer compares runs but for what only a store can know. Lists that are missing
// are the same as empty ones.
func flowRunsDiffer(want, got *flowrun.Run) string {
	lists := cmp.FilterPath(func(p cmp.Path) bool {
		return slices.Contains([]string{".Tags", ".History", ".PauseKeys", ".Answers", ".Decisions"}, p.Last().String())
	}, cmpopts.EquateEmpty())
	return cmp.Diff(want, got, lists, cmpopts.IgnoreFields(flowrun.Run{}, "Ref"))
}

// written returns the object of a run with the status that Update stores.
func written(t *testing.T, base *FlowRun, object *v1alpha1.FlowRun, run *flowrun.Run) *v1alpha1.FlowRun {
	t.Helper()
	parameters, jobVariables := Part{Text: run.Parameters, Ref: run.Unloaded.Parameters}, Part{Text: run.JobVariables, Ref: run.Unloaded.JobVariables}
	next := *object
	next.Status = FlowRunStatus(run, base, parameters, jobVariables)
	next.ResourceVersion = "8"
	return throughJSON(t, &next)
}

func TestNewFlowRunsSurviveTheObject(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		run := storetest.NewRandom(seed, 1).FlowRun()
		got := FlowRunFromObject(storedFlowRun(t, run, flowrun.Parts{}))
		if diff := flowRunsDiffer(run, got.Run); diff != "" {
			t.Fatalf("seed %d (-run +read):\n%s", seed, diff)
		}
		want := taskrun.ObjectRef{UID: testUID, ResourceVersion: "7", Name: run.ID, Generation: 3}
		if got.Run.Ref != want || got.FlowName != "etl" {
			t.Fatalf("seed %d: %+v of %q", seed, got.Run.Ref, got.FlowName)
		}
	}
}

func TestProgressAndEditsSurviveTheStatus(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		m := storetest.NewRandom(seed, 2)
		run := m.FlowRun()
		object := storedFlowRun(t, run, flowrun.Parts{})
		base := FlowRunFromObject(object)
		run.Ref = base.Run.Ref
		for range 2 { // of edits too, the second replaces the first
			m.FlowRunProgress(run)
			object = written(t, base, object, run)
			got := FlowRunFromObject(object)
			if diff := flowRunsDiffer(run, got.Run); diff != "" {
				t.Fatalf("seed %d (-run +read):\n%s", seed, diff)
			}
			after := FlowRunWritten(base, object)
			if diff := flowRunsDiffer(got.Run, after.Run); diff != "" || after.Run.Ref != got.Run.Ref {
				t.Fatalf("seed %d: after the write, %+v, %+v (-read +written):\n%s", seed, got.Run.Ref, after.Run.Ref, diff)
			}
			base = after
		}
	}
}

func TestAPartThatIsStoredApartIsUnloaded(t *testing.T) {
	t.Parallel()
	run := storetest.NewRandom(1, 1).FlowRun()
	apart := flowrun.Parts{Parameters: "p", Context: "c", JobVariables: "j"}
	object := storedFlowRun(t, run, apart)
	base := FlowRunFromObject(object)
	want := *run
	want.Unloaded, want.Parameters, want.Context, want.JobVariables = apart, nil, nil, nil
	if diff := flowRunsDiffer(&want, base.Run); diff != "" {
		t.Errorf("(-want +read):\n%s", diff)
	}

	t.Run("a write keeps it", func(t *testing.T) {
		got := FlowRunFromObject(written(t, base, object, base.Run))
		if got.Run.Unloaded != apart {
			t.Errorf("got %+v, want %+v", got.Run.Unloaded, apart)
		}
	})
	t.Run("another one replaces it", func(t *testing.T) {
		next := *base.Run
		next.Unloaded.Parameters, next.Unloaded.JobVariables = "other", ""
		next.JobVariables = nil
		got := FlowRunFromObject(written(t, base, object, &next))
		if want := (flowrun.Parts{Parameters: "other", Context: "c"}); got.Run.Unloaded != want || got.Run.JobVariables != nil {
			t.Errorf("got %+v and job variables %s, want %+v", got.Run.Unloaded, got.Run.JobVariables, want)
		}
	})
}

func TestALongObjectInSpecIsUnloaded(t *testing.T) {
	t.Parallel()
	long := `{"a":"` + strings.Repeat("x", flowrun.MaxInline) + `"}`
	object := &v1alpha1.FlowRun{Spec: v1alpha1.FlowRunSpec{
		FlowName: "etl", Parameters: &v1alpha1.JSONObject{Raw: []byte(long)}, Context: &v1alpha1.JSONObject{Raw: []byte(`{"a":5}`)},
	}}
	run := FlowRunFromObject(object).Run
	if run.Unloaded != (flowrun.Parts{Parameters: PartInObject}) || run.Parameters != nil || string(run.Context) != `{"a":5}` {
		t.Errorf("got %+v, parameters %.20s, context %s", run.Unloaded, run.Parameters, run.Context)
	}
}

func TestAManifestBecomesARun(t *testing.T) {
	t.Parallel()
	created := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	object := &v1alpha1.FlowRun{
		ObjectMeta: metav1.ObjectMeta{Name: "nightly", UID: testUID, CreationTimestamp: metav1.NewTime(created)},
		Spec: v1alpha1.FlowRunSpec{
			FlowName: "etl", Parameters: &v1alpha1.JSONObject{Raw: []byte(`{"day":1}`)}, EmpiricalPolicy: &v1alpha1.FlowRunPolicy{Retries: new(int64(2))},
		},
	}
	got := FlowRunFromObject(object)
	run := got.Run
	if got.FlowName != "etl" || run.FlowID != "" || run.ID != testUID || run.Name != "nightly" || string(run.Parameters) != `{"day":1}` ||
		string(run.Context) != "{}" || run.JobVariables != nil || *run.Policy.Retries != 2 || !run.Created.Equal(created) {
		t.Errorf("got %+v", run)
	}
	if run.State.Type != orchestration.Pending || run.State.Name != "Pending" || !run.State.Timestamp.Equal(created) ||
		run.ExpectedStartTime == nil || !run.StatusStale || run.CreatedViaREST {
		t.Errorf("got state %+v of %+v", run.State, run)
	}
	if again := FlowRunFromObject(object); again.Run.State.ID != run.State.ID {
		t.Error("the initial state has another id at each read")
	}
}

func TestAChangedSpecTakesPrecedenceOverEditsOfTheSameField(t *testing.T) {
	t.Parallel()
	run := storetest.NewRandom(3, 1).FlowRun()
	run.Name, run.Tags, run.Policy, run.Parameters = "first", []string{"first"}, flowrun.Policy{Retries: new(int64(1))}, []byte(`{"n":1}`)
	object := storedFlowRun(t, run, flowrun.Parts{})
	base := FlowRunFromObject(object)
	edited := *base.Run
	edited.Name, edited.Tags, edited.Policy, edited.Parameters = "edited", nil, flowrun.Policy{}, []byte(`{"n":2}`)
	object = written(t, base, object, &edited)
	cases := map[string]struct {
		change func(*v1alpha1.FlowRunSpec)
		want   func(*flowrun.Run)
	}{
		"no field": {func(*v1alpha1.FlowRunSpec) {}, func(*flowrun.Run) {}},
		"name":     {func(s *v1alpha1.FlowRunSpec) { s.Name = "second" }, func(r *flowrun.Run) { r.Name = "second" }},
		"tags":     {func(s *v1alpha1.FlowRunSpec) { s.Tags = []string{"second"} }, func(r *flowrun.Run) { r.Tags = []string{"second"} }},
		"policy": {
			func(s *v1alpha1.FlowRunSpec) { s.EmpiricalPolicy.Retries = new(int64(7)) },
			func(r *flowrun.Run) { r.Policy = flowrun.Policy{Retries: new(int64(7))} },
		},
		"parameters": {
			func(s *v1alpha1.FlowRunSpec) { s.ParametersJSON = new(`{"n":3}`) },
			func(r *flowrun.Run) { r.Parameters = []byte(`{"n":3}`) },
		},
		"a form of the parameters": {
			func(s *v1alpha1.FlowRunSpec) { s.ParametersJSON, s.ParametersDataName = nil, "data" },
			func(r *flowrun.Run) { r.Parameters, r.Unloaded.Parameters = nil, "data" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := throughJSON(t, object)
			tc.change(&changed.Spec)
			want := edited
			want.StatusStale = false // the generation did not change here
			tc.want(&want)
			if diff := flowRunsDiffer(&want, FlowRunFromObject(changed).Run); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStatusThatDoesNotDifferHasNoEffectiveFields(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		object := storedFlowRun(t, storetest.NewRandom(seed, 4).FlowRun(), flowrun.Parts{})
		base := FlowRunFromObject(object)
		if e := written(t, base, object, base.Run).Status.Effective; e != nil {
			t.Fatalf("seed %d: got %+v", seed, e)
		}
	}
}

func TestAFaultyTextIsNotTakenForTheParameters(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "{a}", "[1]", "null", "1", `"{}"`} {
		if got := string(PartOfText(text)); got != `{"taskrun.dev/fault":"the text is not a JSON object"}` {
			t.Errorf("of %q: got %s", text, got)
		}
	}
}

func TestFlowsSurviveTheObject(t *testing.T) {
	t.Parallel()
	lists := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Tags" }, cmpopts.EquateEmpty())
	for seed := range uint64(300) {
		m := storetest.NewRandom(seed, 5)
		flow := m.Flow()
		if m.Flag() {
			flow.ID = flowrun.FlowID("default", flow.Name)
		}
		object := throughJSON(t, FlowToObject(flow, "default"))
		if diff := cmp.Diff(flow, FlowFromObject(object), lists, cmpopts.IgnoreFields(flowrun.Flow{}, "Ref")); diff != "" {
			t.Fatalf("seed %d (-flow +read):\n%s", seed, diff)
		}
		flow.Tags, flow.Updated = m.Flow().Tags, flow.Updated.Add(time.Hour)
		FlowToStatus(flow, object)
		object = throughJSON(t, object)
		if diff := cmp.Diff(flow, FlowFromObject(object), lists, cmpopts.IgnoreFields(flowrun.Flow{}, "Ref")); diff != "" {
			t.Fatalf("seed %d: after an update (-flow +read):\n%s", seed, diff)
		}
		object.Spec.Tags = append(object.Spec.Tags, "more")
		if got := FlowFromObject(object).Tags; !slices.Equal(got, object.Spec.Tags) {
			t.Fatalf("seed %d: got tags %q of spec.tags %q", seed, got, object.Spec.Tags)
		}
	}
}

func TestFlowObjectName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"etl":                     "etl-",
		"Daily ETL: users!":       "daily-etl-users-",
		"日次":                      "flow-",
		"":                        "flow-",
		strings.Repeat("ab-", 99): strings.Repeat("ab-", 13) + "a-",
		strings.Repeat("a", 1024): strings.Repeat("a", 40) + "-",
	} {
		got := FlowObjectName(name)
		if !strings.HasPrefix(got, want) || len(got) != len(want)+16 {
			t.Errorf("%.20q: got %s, want %s and 16 digits", name, got, want)
		}
	}
	if FlowObjectName("etl") == FlowObjectName("ETL") {
		t.Error("two names have one object")
	}
}

func TestInputsSurviveTheObject(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		m := storetest.NewRandom(seed, 6)
		input := &flowrun.Input{ID: m.ID(), Created: m.Time(), RunID: m.ID(), Key: m.Text(), Value: m.Text(), Sender: storetest.Maybe(m, m.Text)}
		object := throughJSON(t, InputToData(input))
		if diff := cmp.Diff(input, InputFromData(object)); diff != "" {
			t.Fatalf("seed %d (-input +read):\n%s", seed, diff)
		}
		if RunOfData(object.Name) != input.RunID {
			t.Errorf("%s is of the run %q, want %q", object.Name, RunOfData(object.Name), input.RunID)
		}
	}
	for _, name := range []string{"", "etl-parameters", testUID, testUID + "x"} {
		if got := RunOfData(name); got != "" {
			t.Errorf("%s is of the run %q, want none", name, got)
		}
	}
}

// Whatever a client sends, what is left of it after Fit is within the rules of the CRD.
func TestFittedRunsAreWithinTheRules(t *testing.T) {
	t.Parallel()
	for name, character := range map[string]string{"plain": "x", "escaped": "\u2028", "quoted": `"`, "wide": "😀"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			long := strings.Repeat(character, 6_000)
			quotedLong := encoded(long)
			run := flowrun.Run{
				ID: testUID, FlowID: testUID, DeploymentVersion: &long, WorkQueueName: &long, IdempotencyKey: new(strings.Repeat(character, flowrun.MaxIdempotencyKey)),
				CreatedBy: &flowrun.Creator{Type: long, DisplayValue: long}, Labels: map[string]json.RawMessage{},
				Editable: flowrun.Editable{
					Name: long, FlowVersion: &long, InfrastructurePID: &long, Parameters: quotedObject(long), JobVariables: quotedObject("x"),
				},
			}
			for i := range 100 {
				run.Tags = append(run.Tags, long[:4*i])
				run.Labels[strings.Repeat("k", i)] = quotedLong
				run.PauseKeys = append(run.PauseKeys, long)
			}
			state := orchestration.State{ID: testUID, Type: orchestration.Failed, Name: long, Message: &long, Data: quotedLong}
			run.Fit(&state)
			run = flowrun.Begin(run, state)
			apart := flowrun.Parts{}
			if parameters, context, jobVariables := PartsApart(&run); !parameters || context || jobVariables {
				t.Errorf("apart are parameters: %t, context: %t, job variables: %t, want the first only", parameters, context, jobVariables)
			} else {
				apart.Parameters = "p"
			}
			object := FlowRunToObject(&run, "default", "", apart)
			if n := textsOfFlowRun(&object.Spec); n > flowrun.MaxText {
				t.Errorf("spec has %d characters, want at most %d", n, flowrun.MaxText)
			}
			base := FlowRunFromObject(&v1alpha1.FlowRun{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: v1alpha1.FlowRunSpec{
				FlowVersion: new("v"), Labels: map[string]v1alpha1.LabelValue{}, Tags: []string{"a"},
			}})
			effective := base.effectiveWithoutParts(&run)
			if n := textsOfEffective(effective); n > flowrun.MaxEdited-len(noMembers) {
				t.Errorf("status.effective has %d characters, want at most %d", n, flowrun.MaxEdited)
			}
		})
	}
}

func quotedObject(text string) json.RawMessage { return encoded(map[string]string{"a": text}) }
