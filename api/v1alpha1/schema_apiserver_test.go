//go:build apiserver

package v1alpha1_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// refusedBySchema holds, by the invalid field, specs that the schema itself
// rejects and the messages.
var refusedBySchema = map[string]map[string]string{
	"spec.taskKey": {
		`{name: x}`:                      "Required value",
		`{taskKey: 1}`:                   "must be of type string",
		`{taskKey: ` + text(513) + `}`:   "Too long",
		`{taskKey: null}`:                "Required value",
		`{taskKey: ` + emojis(513) + `}`: "Too long",
		`{taskKey: ["` + text(1) + `"]}`: "must be of type string",
	},
	"spec.id": {
		`{taskKey: k, id: ""}`: "should match",
		`{taskKey: k, id: 0196C1F0-3F8E-7C51-9A2B-6A5DE1A0C9B4}`:   "should match",
		`{taskKey: k, id: "0196c1f03f8e7c519a2b6a5de1a0c9b4"}`:     "should match",
		`{taskKey: k, id: ` + uuidA + `0}`:                         "Too long",
		`{taskKey: k, id: "{0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b"}`: "should match",
	},
	"spec.flowRunID":                  {`{taskKey: k, flowRunID: x}`: "should match"},
	"spec.name":                       {`{taskKey: k, name: ""}`: "at least 1 chars", `{taskKey: k, name: ` + text(1025) + `}`: "Too long"},
	"spec.dynamicKey":                 {`{taskKey: k, dynamicKey: ` + text(513) + `}`: "Too long", `{taskKey: k, dynamicKey: 1}`: "must be of type string"},
	"spec.cacheKey":                   {`{taskKey: k, cacheKey: ` + text(2001) + `}`: "Too long"},
	"spec.taskVersion":                {`{taskKey: k, taskVersion: ` + text(257) + `}`: "Too long"},
	"spec.tags":                       {`{taskKey: k, tags: [` + strings.TrimSuffix(strings.Repeat("x, ", 129), ", ") + `]}`: "Too many"},
	"spec.tags[0]":                    {`{taskKey: k, tags: [` + text(257) + `]}`: "Too long"},
	"spec.ttlSecondsAfterFinished":    {`{taskKey: k, ttlSecondsAfterFinished: -1}`: "greater than or equal to 0", `{taskKey: k, ttlSecondsAfterFinished: 2147483648}`: "less than or equal to"},
	"spec.empiricalPolicy.retries":    {policy(`{retries: 9007199254740992}`): "less than or equal to", policy(`{retries: 1.5}`): "must be of type int", policy(`{retries: -5}`): "greater than or equal to 0"},
	"spec.empiricalPolicy.retryDelay": {policy(`{retryDelay: [` + strings.TrimSuffix(strings.Repeat(`1, `, 51), ", ") + `]}`): "Too many", policy(`{retryDelay: 10}`): "must be of type array"},
	"spec.empiricalPolicy.retryDelay[0]": {
		policy(`{retryDelay: ["1s"]}`): "should match", policy(`{retryDelay: ["01"]}`): "should match", policy(`{retryDelay: [""]}`): "should match",
		policy(`{retryDelay: ["` + strings.Repeat("1", 33) + `"]}`): "Too long",
		policy(`{retryDelay: [[]]}`):                                "at least 1 items", policy(`{retryDelay: [[1]]}`): "at most 0", policy(`{retryDelay: [{}]}`): "at least 1 properties",
		policy(`{retryDelay: [{a: 1}]}`): "at most 0",
	},
	"spec.empiricalPolicy.retryJitterFactor": {
		policy(`{retryJitterFactor: "-0.1"}`): "should match", policy(`{retryJitterFactor: "NaN"}`): "should match", policy(`{retryJitterFactor: -0.1}`): "greater than or equal to 0",
		policy(`{retryJitterFactor: []}`): "at least 1 items",
	},
	"spec.labels": {
		`{taskKey: k, labels: {` + many(65, "k%d: 1") + `}}`: "Too many",
	},
	"spec.labels.a": {
		`{taskKey: k, labels: {a: {}}}`:                 "at least 1 properties",
		`{taskKey: k, labels: {a: {b: 1}}}`:             "at most 0",
		`{taskKey: k, labels: {a: []}}`:                 "at least 1 items",
		`{taskKey: k, labels: {a: [1]}}`:                "at most 0",
		`{taskKey: k, labels: {a: ` + text(65) + `}}`:   "Too long",
		`{taskKey: k, labels: {a: ` + emojis(65) + `}}`: "Too long",
	},
	"spec.taskInputs":                                     {`{taskKey: k, taskInputs: [` + many(65, "{name: k%d}") + `]}`: "Too many", `{taskKey: k, taskInputs: x}`: "must be of type array"},
	"spec.taskInputs[1]":                                  {`{taskKey: k, taskInputs: [{name: a}, {name: a}]}`: "Duplicate value"},
	"spec.taskInputs[0].name":                             {`{taskKey: k, taskInputs: [{name: ` + text(129) + `}]}`: "Too long", `{taskKey: k, taskInputs: [{name: false}]}`: "must be of type string", `{taskKey: k, taskInputs: [{}]}`: "Required value"},
	"spec.taskInputs[0].sources":                          {`{taskKey: k, taskInputs: [{name: a, sources: ` + parameters(257) + `}]}`: "Too many"},
	"spec.taskInputs[0].sources[0].inputType":             {input(`{inputType: other}`): "Unsupported value", input(`{name: x}`): "Required value"},
	"spec.taskInputs[0].sources[0].name":                  {input(`{inputType: parameter, name: ` + text(257) + `}`): "Too long"},
	"spec.taskInputs[0].sources[0].type":                  {input(`{inputType: constant, type: ` + text(257) + `}`): "Too long"},
	"spec.taskInputs[0].sources[0].taskRunName":           {input(`{inputType: task_run, taskRunName: ` + text(254) + `}`): "Too long", input(`{inputType: task_run, taskRunName: Extract}`): "should match", input(`{inputType: task_run, taskRunName: a/b}`): "should match", input(`{inputType: task_run, taskRunName: ""}`): "at least 1 chars"},
	"spec.initialState.type":                              {`{taskKey: k, initialState: {type: Running}}`: "Unsupported value", `{taskKey: k, initialState: {}}`: "Required value"},
	"spec.initialState.name":                              {`{taskKey: k, initialState: {type: RUNNING, name: ` + text(257) + `}}`: "Too long"},
	"spec.initialState.message":                           {`{taskKey: k, initialState: {type: RUNNING, message: ` + text(4097) + `}}`: "Too long"},
	"spec.initialState.dataJSON":                          {`{taskKey: k, initialState: {type: RUNNING, dataJSON: '"` + text(8192) + `"'}}`: "Too long", `{taskKey: k, initialState: {type: RUNNING, dataJSON: [1]}}`: "must be of type string"},
	"spec.origin.stateID":                                 {`{taskKey: k, origin: {stateID: x}}`: "should match"},
	"spec.origin.stateTime":                               {`{taskKey: k, origin: {stateTime: tomorrow}}`: "should match"},
	"spec.origin.source":                                  {`{taskKey: k, origin: {source: Other}}`: "Unsupported value"},
	"spec.origin.wire":                                    {`{taskKey: k, origin: {wire: ` + text(12289) + `}}`: "Too long", `{taskKey: k, origin: {wire: ""}}`: "at least 2 chars"},
	"spec.initialState.stateDetails":                      {`{taskKey: k, initialState: {type: RUNNING, stateDetails: []}}`: "must be of type object"},
	"spec.initialState.stateDetails.cacheKey":             {details(`cacheKey: ` + text(4097)): "Too long"},
	"spec.initialState.stateDetails.pauseKey":             {details(`pauseKey: ` + text(513)): "Too long"},
	"spec.initialState.stateDetails.traceparent":          {details(`traceparent: ` + text(257)): "Too long"},
	"spec.initialState.stateDetails.runInputKeyset":       {details(`runInputKeyset: {` + many(17, "k%d: v") + `}`): "Too many"},
	"spec.initialState.stateDetails.runInputKeyset.a":     {details(`runInputKeyset: {a: ` + text(257) + `}`): "Too long"},
	"spec.initialState.stateDetails.deferred":             {details(`deferred: "yes"`): "must be of type boolean"},
	"spec.initialState.stateDetails.scheduledTime":        {details(`scheduledTime: 1`): "must be of type date-time"},
	"spec.origin.createdTime":                             {`{taskKey: k, origin: {createdTime: []}}`: "at least 1 items", `{taskKey: k, origin: {createdTime: [x]}}`: "at most 0"},
	"spec.initialState.stateDetails.childFlowRunID":       {details(`childFlowRunID: x`): "should match"},
	"spec.initialState.stateDetails.taskParametersID":     {details(`taskParametersID: x`): "should match"},
	"spec.initialState.stateDetails.deploymentConcurrenc": {details(`deploymentConcurrencyLeaseID: x`): "should match"},
}

// The API server names the field only in the message.
func TestSchema_booleanIsNotANumber(t *testing.T) {
	runs := open(t)
	for field, spec := range map[string]string{
		"retryDelay[0]":     policy(`{retryDelay: [true]}`),
		"retryJitterFactor": policy(`{retryJitterFactor: false}`),
	} {
		_, err := runs.create(t, spec)
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.empiricalPolicy."+field) {
			t.Errorf("%s: got error %v, want a refusal that names it", field, err)
		}
	}
}

// Clearly invalid JSON is rejected.
func TestSchema_invalidJSONIsRejected(t *testing.T) {
	runs := open(t)
	for data, accepted := range map[string]bool{
		`42`: true, ` -0.5e10 `: true, `1e400`: true, `"done"`: true, `"a \"text\" \u00e9 é 😀"`: true, `""`: true, `true`: true, `null`: true, `{}`: true,
		` {"answer": 42} `: true, `[]`: true, `[1]`: true, `[[]]`: true, `[{}, "a"]`: true, `{"a":{"b":[null]}}`: true, "{\n\"a\": \"b\"\n}": true,
		`[true, false, null]`: true, `{"a": true}`: true, `["a" ]`: true, `{"type":"unpersisted"}`: true,
		``: false, ` `: false, `hello`: false, `he said "hello"`: false, `[1`: false, `{"a": `: false, `{"a": 1,}`: false, `[1,]`: false, `{answer: 42}`: false,
		`'done'`: false, `"done`: false, `"a\x41"`: false, "\"a\nb\"": false, `01`: false, `+1`: false, `.5`: false, `NaN`: false, `Infinity`: false, `True`: false,
		`None`: false, `42 43`: false, `{"a": 1} x`: false, `(1)`: false, `[a, b]`: false, `undefined`: false,
	} {
		quoted, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		_, err = runs.create(t, `{taskKey: k, initialState: {type: COMPLETED, dataJSON: `+string(quoted)+`}}`)
		switch {
		case accepted && err != nil:
			t.Errorf("%s: got error %v, want it accepted", data, err)
		case !accepted:
			wantRefused(t, err, "spec.initialState.dataJSON", "should match")
		}
	}
}

func details(field string) string {
	return `{taskKey: k, initialState: {type: PAUSED, stateDetails: {` + field + `}}}`
}

func TestSchema_rejectionNamesTheField(t *testing.T) {
	runs := open(t)
	for field, specs := range refusedBySchema {
		t.Run(field, func(t *testing.T) {
			for spec, message := range specs {
				_, err := runs.create(t, spec)
				if err == nil {
					t.Errorf("%s: was accepted, want it refused", short(spec))
					continue
				}
				wantRefused(t, err, field, message)
			}
		})
	}
}

func TestSchema_idsOfInputsAreUUIDsOrUnknown(t *testing.T) {
	runs := open(t)
	name := runs.created(t, `{taskKey: k, taskInputs: [{name: a, sources: [`+named(2)+`]}]}`)
	if _, err := runs.patch(t, name, `{status: {inputTaskRunIDs: [`+uuidA+`, "-"]}}`, "status"); err != nil {
		t.Error(err)
	}
	for value, want := range map[string]string{`[""]`: "should match", `[a]`: "should match", `["--"]`: "should match", `[` + strings.Join(slices.Repeat([]string{`"-"`}, 33), ", ") + `]`: "Too many"} {
		_, err := runs.patch(t, name, `{status: {inputTaskRunIDs: `+value+`}}`, "status")
		wantRefused(t, err, "status.inputTaskRunIDs", want)
	}
}

func TestSchema_unknownFieldIsRejectedByName(t *testing.T) {
	runs := open(t)
	for field, spec := range map[string]string{
		"spec.flowRunId": `{taskKey: k, flowRunId: ` + uuidA + `}`,
		"spec.initialState.stateDetails.scheduledtime": details(`scheduledtime: "2031-01-01T00:00:00Z"`),
		"spec.taskInputs[0].sources[0].value":          input(`{inputType: constant, type: int, value: x}`),
	} {
		_, err := runs.create(t, spec)
		if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), `unknown field "`+field+`"`) {
			t.Errorf("got error %v, want it to name %s", err, field)
		}
	}
}

func TestSchema_unknownFieldIsPrunedWithoutStrictValidation(t *testing.T) {
	runs := open(t)
	object := &unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"taskKey": "k", "priority": int64(1), "initialState": map[string]any{"type": "PENDING", "mood": "good"}},
	}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TaskRun"))
	object.SetGenerateName("run-")
	made, err := runs.Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationIgnore})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"taskKey": "k", "initialState": map[string]any{"type": "PENDING"}}
	if diff := cmp.Diff(want, made.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

func TestStatus_isWrittenThroughItsSubresourceOnly(t *testing.T) {
	runs := open(t)
	name := runs.created(t, `{taskKey: k}`)

	made, err := runs.patch(t, name, `{spec: {name: a}, status: {runCount: 3}}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, has := made.Object["status"]; has {
		t.Errorf("a write of the object changed status to %v", made.Object["status"])
	}
	made, err = runs.patch(t, name, `{spec: {name: b}, status: {state: `+state("")+`}}`, "status")
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedString(made.Object, "spec", "name"); got != "a" {
		t.Errorf("a write of the status changed spec.name to %q", got)
	}
	if got := made.GetGeneration(); got != 2 {
		t.Errorf("got generation %d, want 2: a write of the status is not to count", got)
	}
	if got, _, _ := unstructured.NestedInt64(made.Object, "status", "runCount"); got != 0 {
		t.Errorf("got runCount %d, want the default 0", got)
	}
	if _, has, _ := unstructured.NestedFieldNoCopy(made.Object, "status", "runCount"); !has {
		t.Error("runCount is missing: kubectl get would show nothing under RUNS")
	}
}

func TestTaskRuns_areSelectedByField(t *testing.T) {
	runs := open(t)
	first := runs.created(t, `{taskKey: a, flowRunID: `+uuidA+`}`)
	second := runs.created(t, `{taskKey: b, flowRunID: `+uuidB+`}`)
	if _, err := runs.patch(t, second, `{status: {id: `+uuidA+`, state: `+state("")+`}}`, "status"); err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string][]string{
		"spec.taskKey=a":                             {first},
		"spec.flowRunID=" + uuidB:                    {second},
		"status.id=" + uuidA:                         {second},
		"status.state.type=COMPLETED":                {second},
		"status.state.type=COMPLETED,spec.taskKey=a": nil,
		"status.state.type!=COMPLETED":               {first},
	} {
		list, err := runs.List(t.Context(), metav1.ListOptions{FieldSelector: selector})
		if err != nil {
			t.Errorf("%s: %v", selector, err)
			continue
		}
		var got []string
		for _, object := range list.Items {
			got = append(got, object.GetName())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", selector, diff)
		}
	}
	if _, err := runs.List(t.Context(), metav1.ListOptions{FieldSelector: "spec.name=a"}); !apierrors.IsBadRequest(err) {
		t.Errorf("selecting by spec.name: got error %v, want a refusal", err)
	}
}

// The Go types must decode every value that the API server accepts: one
// undecodable object would make every list fail.
func TestSchema_acceptedTimesCanBeDecoded(t *testing.T) {
	runs := open(t)
	read := 0
	for _, value := range []string{
		"2031-02-03T04:05:06Z", "2031-02-03T04:05:06.5Z", "2031-02-03T04:05:06.250000Z", "2031-02-03T04:05:06.123456789Z",
		"2031-02-03T04:05:06+02:00", "2031-02-03T04:05:06.25-05:30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
		"0000-01-01T00:00:00Z", "2031-02-31T00:00:00Z", "2032-02-29T00:00:00Z", "2031-02-29T00:00:00Z", "2031-13-01T00:00:00Z",
		"2031-00-01T00:00:00Z", "2031-01-00T00:00:00Z", "2031-02-03T24:00:00Z", "2031-02-03T23:60:00Z", "2031-02-03T23:59:60Z",
		"2031-02-03T04:05:06+24:00", "2031-02-03T04:05:06+23:59", "2031-02-03T04:05:06+25:00", "2031-02-03T04:05:06+01:60",
		"2031-02-03T04:05:06-00:00", "2031-02-03t04:05:06z", "2031-02-03 04:05:06Z", "2031-02-03T04:05Z", "2031-02-03T04:05:06",
		"2031-02-03T04:05:06.1234567890Z", "2031-02-03T04:05:06,5Z", "2031-02-03", "0001-01-01T00:00:00+23:59",
		"9999-12-31T23:59:59-23:59",
	} {
		object, err := runs.create(t, `{taskKey: k, origin: {createdTime: "`+value+`"}}`)
		if err != nil {
			if !apierrors.IsInvalid(err) {
				t.Errorf("%s: got error %v, want a refusal", value, err)
			}
			continue
		}
		read++
		stored, err := runs.Get(t.Context(), object.GetName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		body, err := stored.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var run v1alpha1.TaskRun
		if err := json.Unmarshal(body, &run); err != nil {
			t.Errorf("%s was accepted but cannot be read: %v", value, err)
			continue
		}
		if _, err := json.Marshal(run); err != nil {
			t.Errorf("%s was read but cannot be written: %v", value, err)
		}
	}
	if read < 8 {
		t.Errorf("only %d of the times were accepted, want the 8 that are plainly right", read)
	}
}

func TestSamples_areAcceptedUnchanged(t *testing.T) {
	runs := open(t)
	files, err := filepath.Glob(inRepository(t, "config", "samples", "taskrun_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d samples and error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var run v1alpha1.TaskRun
			if err := yaml.UnmarshalStrict(text, &run); err != nil {
				t.Fatal(err)
			}
			body, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&run)
			if err != nil {
				t.Fatal(err)
			}
			made, err := runs.Create(t.Context(), &unstructured.Unstructured{Object: body},
				metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			if err != nil {
				t.Fatal(err)
			}
			var back v1alpha1.TaskRun
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(made.Object, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(run.Spec, back.Spec); diff != "" {
				t.Errorf("spec (-sent +stored):\n%s", diff)
			}
		})
	}
}
