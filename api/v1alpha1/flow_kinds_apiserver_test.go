//go:build apiserver

package v1alpha1_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// kindClient writes the objects of one kind in one namespace, as YAML texts.
type kindClient struct {
	namespaceClient

	kind, namespace string
}

func openKind(t *testing.T, kind, plural string) kindClient {
	t.Helper()
	env := testenv.Start(t)
	client, err := dynamic.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	namespace := env.Namespace(t)
	resource := client.Resource(v1alpha1.GroupVersion.WithResource(plural)).Namespace(namespace)
	return kindClient{namespaceClient{resource}, kind, namespace}
}

// create creates an object of its fields beside metadata; unknown fields are an error.
func (c kindClient) create(t *testing.T, fields string) (*unstructured.Unstructured, error) {
	t.Helper()
	content, ok := decode(t, fields).(map[string]any)
	if !ok {
		t.Fatalf("%s is no object", fields)
	}
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(c.kind))
	object.SetGenerateName("a-")
	return c.Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
}

func (c kindClient) created(t *testing.T, fields string) string {
	t.Helper()
	object, err := c.create(t, fields)
	if err != nil {
		t.Fatalf("creating with %s: %v", short(fields), err)
	}
	return object.GetName()
}

// rejected checks that a rejection is that of "field: words".
func rejected(t *testing.T, err error, want string) {
	t.Helper()
	field, words, _ := strings.Cut(want, ": ")
	wantRefused(t, err, field, words)
}

const toBeMoved = `initialState is immutable. It is the first state of the run; status.state is the current one.`

// flowSpec is a FlowRun of a flow with more fields.
func flowSpec(more string) string { return `{spec: {flowName: etl, ` + more + `}}` }

// fullFlowSpec has as many characters as a spec may have, but for rest.
func fullFlowSpec(rest int, more string) string {
	return flowSpec(`parametersJSON: '{` + strings.Repeat(" ", 4094) + `}', contextJSON: '{` + strings.Repeat(" ", 3070-rest) + `}', ` + more)
}

func TestWhatAFlowRunCanBe(t *testing.T) {
	runs := openKind(t, "FlowRun", "flowruns")
	for fields, want := range map[string]string{ // of an object that is accepted, nothing, else "field: words" of the rejection
		flowSpec(``):                                                                        "",
		`{spec: {flowID: ` + uuidA + `}}`:                                                   "",
		`{spec: {}}`:                                                                        "spec: set flowName or flowID, exactly one",
		flowSpec(`flowID: ` + uuidA):                                                        "spec: set flowName or flowID, exactly one",
		`{spec: {flowName: Etl}}`:                                                           "spec.flowName: should match",
		`{spec: {flowID: etl}}`:                                                             "spec.flowID: should match",
		flowSpec(`parameters: {a: 1, b: {}}`):                                               "",
		flowSpec(`parameters: [1]`):                                                         "spec.parameters: must be of type object",
		flowSpec(`parameters: "{}"`):                                                        "spec.parameters: must be of type object",
		flowSpec(`parametersJSON: '{"a": 5.0}'`):                                            "",
		flowSpec(`parametersJSON: '[1]'`):                                                   "spec.parametersJSON: should match",
		flowSpec(`parametersJSON: ` + "'{" + text(4095) + "}'"):                             "spec.parametersJSON: 4096",
		flowSpec(`parametersDataName: mine`):                                                "",
		flowSpec(`parametersDataName: mine, parametersJSON: '{}'`):                          "spec: at most one of parameters",
		flowSpec(`parameters: {}, parametersJSON: '{}'`):                                    "spec: at most one of parameters",
		flowSpec(`context: {a: 1}, jobVariables: {b: 2}`):                                   "",
		flowSpec(`context: {a: 1}, contextDataName: c`):                                     "spec: at most one of parameters",
		flowSpec(`jobVariables: {a: 1}, jobVariablesJSON: '{}'`):                            "spec: at most one of parameters",
		flowSpec(`parameters: {` + many(256, "p%d: 1") + `}`):                               "",
		flowSpec(`parameters: {` + many(257, "p%d: 1") + `}`):                               "spec.parameters: must have at most 256",
		flowSpec(`labels: {` + text(128) + `: 1, n: 5, t: x, b: true}`):                     "",
		flowSpec(`labels: {` + text(129) + `: 1}`):                                          "spec.labels: the keys of labels have at most 128",
		flowSpec(`labels: {a: ` + text(65) + `}`):                                           "spec.labels.a: 64",
		flowSpec(`labels: {a: {}}`):                                                         "spec.labels.a: should have at least 1 properties",
		flowSpec(`empiricalPolicy: {retries: 2, retryDelay: 60}`):                           "",
		flowSpec(`empiricalPolicy: {retries: -1}`):                                          "spec.empiricalPolicy.retries: greater than or equal to 0",
		flowSpec(`empiricalPolicy: {retryDelay: 1.5}`):                                      "spec.empiricalPolicy.retryDelay: must be of type int",
		flowSpec(`createdBy: {id: ` + uuidA + `, type: AUTOMATION, displayValue: nightly}`): "",
		flowSpec(`initialState: {type: SCHEDULED, stateDetails: {scheduledTime: "2040-01-01T00:00:00Z"}}`):                          "",
		flowSpec(`initialState: {type: PAUSED, stateDetails: {runInputKeyset: {` + text(257) + `: v}}}`):                            "spec.initialState.stateDetails.runInputKeyset: at most 256",
		flowSpec(`origin: {createdTime: "2031-01-01T00:00:00.000001Z", stateID: ` + uuidA + `, flowID: ` + uuidB + `, wire: '{}'}`): "",

		fullFlowSpec(0, ``):                                "",
		fullFlowSpec(0, `name: a`):                         "spec: 7168",
		fullFlowSpec(0, `flowVersion: v`):                  "spec: 7168",
		fullFlowSpec(0, `idempotencyKey: k`):               "spec: 7168",
		fullFlowSpec(0, `deploymentVersion: v`):            "spec: 7168",
		fullFlowSpec(0, `workQueueName: q`):                "spec: 7168",
		fullFlowSpec(0, `infrastructurePID: p`):            "spec: 7168",
		fullFlowSpec(0, `createdBy: {type: t}`):            "spec: 7168",
		fullFlowSpec(0, `createdBy: {displayValue: t}`):    "spec: 7168",
		fullFlowSpec(0, `tags: [t]`):                       "spec: 7168",
		fullFlowSpec(64, `labels: {a: 1}`):                 "spec: 7168",
		fullFlowSpec(65, `labels: {a: 1}`):                 "",
		fullFlowSpec(0, `origin: {wire: `+text(264)+`}`):   "",
		fullFlowSpec(264, `origin: {wire: `+text(529)+`}`): "spec: 7168",
		fullFlowSpec(128, `initialState: {type: PENDING}`): "",
		fullFlowSpec(127, `initialState: {type: PENDING}`): "spec: 7168",
		fullFlowSpec(0, `jobVariablesJSON: '{}'`):          "spec: 7168",
	} {
		object, err := runs.create(t, fields)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", short(fields), err)
		case want != "" && err == nil:
			t.Errorf("%s was accepted as %v, want %q", short(fields), object.GetName(), want)
		case want != "":
			rejected(t, err, want)
		}
	}
}

// immutableFlowFields has, for each field of a FlowRun that cannot change, two values.
var immutableFlowFields = map[string][2]string{
	"id": {uuidA, uuidB}, "flowVersion": {"a", "b"}, "context": {"{a: 1}", "{a: 2}"}, "contextJSON": {"'{}'", "'{ }'"},
	"contextDataName": {"a", "b"}, "jobVariables": {"{a: {b: [1]}}", "{a: {b: [2]}}"}, "jobVariablesJSON": {"'{}'", "'{ }'"},
	"jobVariablesDataName": {"a", "b"}, "labels": {"{a: 1}", "{a: true}"}, "idempotencyKey": {"a", `""`},
	"parentTaskRunID": {uuidA, uuidB}, "deploymentID": {uuidA, uuidB}, "deploymentVersion": {"a", "b"}, "workQueueName": {"a", "b"},
	"infrastructurePID": {"a", "b"}, "autoScheduled": {"true", "false"}, "createdBy": {"{type: a}", "{type: b}"},
	"initialState": {"{type: PENDING}", "{type: RUNNING}"}, "origin": {"{wire: '{}'}", "{wire: '{ }'}"},
}

func TestTheFixedFieldsOfAFlowRunStayAsTheyAre(t *testing.T) {
	runs := openKind(t, "FlowRun", "flowruns")
	for field, values := range immutableFlowFields {
		t.Run(field, func(t *testing.T) {
			with, without := runs.created(t, flowSpec(field+": "+values[0])), runs.created(t, flowSpec(""))
			want := field + " is immutable"
			_, err := runs.patch(t, with, `{spec: {`+field+`: `+values[1]+`}}`)
			wantRefused(t, err, "spec", want)
			_, err = runs.patch(t, with, `{spec: {`+field+`: null}}`)
			wantRefused(t, err, "spec", want)
			_, err = runs.patch(t, without, `{spec: {`+field+`: `+values[0]+`}}`)
			wantRefused(t, err, "spec", want)
			if _, err := runs.patch(t, with, `{spec: {`+field+`: `+values[0]+`, name: other}}`); err != nil {
				t.Errorf("the same value again: %v", err)
			}
		})
	}
	name := runs.created(t, flowSpec(""))
	_, err := runs.patch(t, name, `{spec: {flowName: other}}`)
	wantRefused(t, err, "spec", "flowName is immutable; such a field can be neither changed nor added nor removed: create a new FlowRun instead")
	_, err = runs.patch(t, name, `{spec: {flowName: null, flowID: `+uuidA+`}}`)
	wantRefused(t, err, "spec", "flowName is immutable; flowID is immutable")
	name = runs.created(t, flowSpec("initialState: {type: PENDING}"))
	_, err = runs.patch(t, name, `{spec: {initialState: {type: CANCELLED}}}`)
	wantRefused(t, err, "spec.initialState", toBeMoved)
}

func TestTheOtherFieldsOfAFlowRunCanChange(t *testing.T) {
	runs := openKind(t, "FlowRun", "flowruns")
	for field, values := range map[string][2]string{
		"name": {"a", "b"}, "tags": {"[a]", "[b, a, a]"}, "ttlSecondsAfterFinished": {"0", "1"}, "parameters": {"{a: 1}", "{b: {c: []}}"},
		"parametersJSON": {"'{}'", "'{ }'"}, "parametersDataName": {"a", "b"}, "empiricalPolicy": {"{retries: 1}", "{retryDelay: 2}"},
	} {
		t.Run(field, func(t *testing.T) {
			name := runs.created(t, flowSpec(""))
			for _, value := range []string{values[0], values[1], "null"} {
				if _, err := runs.patch(t, name, `{spec: {`+field+`: `+value+`}}`); err != nil {
					t.Errorf("setting %s: %v", value, err)
				}
			}
		})
	}
	name := runs.created(t, fullFlowSpec(1, "name: a"))
	for change, want := range map[string]string{
		"name: aa": "spec: 7168", "tags: [a]": "spec: 7168", "parameters: {}": "spec: set at most one of parameters", "name: b": "",
	} {
		_, err := runs.patch(t, name, `{spec: {`+change+`}}`)
		if want != "" {
			rejected(t, err, want)
		} else if err != nil {
			t.Error(err)
		}
	}
	name = runs.created(t, fullFlowSpec(0, ""))
	_, err := runs.patch(t, name, `{spec: {name: a}}`)
	wantRefused(t, err, "spec", "7168")
}

func TestWhatTheStatusOfAFlowRunCanBe(t *testing.T) {
	runs := openKind(t, "FlowRun", "flowruns")
	name := runs.created(t, flowSpec(""))
	for status, want := range map[string]string{
		`{flowID: ` + uuidA + `, resuming: true, retryType: in_process, runCount: 2}`: "",
		`{retryType: later}`: "status.retryType: in_process",
		`{answers: [{transitionID: ` + uuidA + `, verdict: Waiting, reason: r, stateID: ` + uuidB + `}]}`: "",
		`{answers: [{verdict: Waiting}]}`: "status.answers[0].transitionID: Required",
		`{answers: [` + strings.Join(slices.Repeat([]string{`{verdict: Waiting, transitionID: ` + uuidA + `}`}, 17), ", ") + `]}`: "status.answers: Too many",
		`{pauseKeys: [` + strings.Join(slices.Repeat([]string{text(16)}, 64), ", ") + `]}`:                                        "",
		`{pauseKeys: [` + strings.Join(slices.Repeat([]string{text(205)}, 5), ", ") + `]}`:                                        "status.pauseKeys: pauseKeys have at most 1024 characters together",
		`{pauseKeys: [` + strings.Join(slices.Repeat([]string{"a"}, 65), ", ") + `]}`:                                             "status.pauseKeys: Too many",
		`{effective: {parametersJSON: '{}', parametersReplaces: 0123456789abcdef, tags: [], cleared: [labels, flowVersion]}}`:     "",
		`{effective: {cleared: [tags]}}`:                                                                        "status.effective.cleared[0]: Unsupported value",
		`{effective: {parametersJSON: ` + text(4096) + `}}`:                                                     "",
		`{effective: {parametersJSON: ` + text(4096) + `, tags: [a]}}`:                                          "status.effective: the texts of effective have at most 4096 characters together",
		`{effective: {parametersJSON: ` + text(4096) + `, flowVersion: a}}`:                                     "status.effective: 4096",
		`{effective: {parametersJSON: ` + text(4096) + `, infrastructurePID: a}}`:                               "status.effective: 4096",
		`{effective: {jobVariablesJSON: ` + text(4095) + `, wire: '{}'}}`:                                       "status.effective: 4096",
		`{state: ` + state(`, dataJSON: `+text(8192)+`, message: `+text(4096-128)) + `}`:                        "",
		`{state: ` + state(`, dataJSON: `+text(8192)+`, message: `+text(4096-127)) + `}`:                        "status: the texts of state and history have at most 12288",
		`{history: [` + manyStates(64, text(12288/64-128)) + `]}`:                                               "",
		`{history: [` + manyStates(64, text(12288/64-127)) + `]}`:                                               "status: 12288",
		`{state: ` + state(`, message: `+text(4096)) + `, history: [` + state(`, dataJSON: `+text(8192)) + `]}`: "status: 12288",
	} {
		_, err := runs.patch(t, name, `{status: `+status+`}`, "status")
		if want != "" {
			rejected(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", short(status), err)
		}
		if _, err := runs.patch(t, name, `{status: null}`, "status"); err != nil {
			t.Fatal(err)
		}
	}
}

// A write of the status that changes fields of spec does not change them.
func TestAWriteOfAFlowRunsStatusKeepsItsSpec(t *testing.T) {
	runs := openKind(t, "FlowRun", "flowruns")
	name := runs.created(t, fullFlowSpec(0, "flowVersion: null"))
	const both = `{spec: {flowVersion: other, name: longer}, status: {runCount: %d}}`
	_, err := runs.patch(t, name, strings.ReplaceAll(both, "%d", "3"))
	wantRefused(t, err, "spec", "flowVersion is immutable")
	written, err := runs.patch(t, name, strings.ReplaceAll(both, "%d", "4"), "status")
	if err != nil {
		t.Fatal(err)
	}
	if _, has, _ := unstructured.NestedString(written.Object, "spec", "flowVersion"); has {
		t.Error("a write of the status changed spec")
	}
}

func TestWhatARegisteredFlowCanBe(t *testing.T) {
	flows := openKind(t, "RegisteredFlow", "registeredflows")
	for fields, want := range map[string]string{
		`{spec: {}}`:                                "",
		`{}`:                                        "spec: Required",
		`{spec: {name: "täglich: etl?"}}`:           "",
		`{spec: {name: ""}}`:                        "spec.name: at least 1",
		`{spec: {name: a/b}}`:                       "spec.name: should match",
		`{spec: {name: "100%"}}`:                    "spec.name: should match",
		`{spec: {name: "a&b"}}`:                     "spec.name: should match",
		`{spec: {name: "a>b"}}`:                     "spec.name: should match",
		`{spec: {name: "a<b"}}`:                     "spec.name: should match",
		`{spec: {name: ` + text(1024) + `}}`:        "",
		`{spec: {name: ` + text(1025) + `}}`:        "spec.name: 1024",
		`{spec: {id: ` + uuidA + `, tags: [a, a]}}`: "",
		`{spec: {labels: {a: 1, b: x, c: true}}}`:   "",
		`{spec: {labels: {` + text(129) + `: 1}}}`:  "spec.labels: at most 128",
		`{spec: {labels: {a: [1]}}}`:                "spec.labels.a: at most 0",
		`{spec: {tags: [` + strings.Join(slices.Repeat([]string{text(256)}, 16), ", ") + `]}}`:                 "",
		`{spec: {tags: [` + strings.Join(slices.Repeat([]string{text(256)}, 16), ", ") + `, a]}}`:              "spec: tags and labels have at most 4096",
		`{spec: {tags: [` + strings.Join(slices.Repeat([]string{text(255)}, 16), ", ") + `], labels: {a: 1}}}`: "spec: 4096",
		`{spec: {tags: [a], origin: {wire: ` + text(4096) + `}}}`:                                              "spec: 4096",
	} {
		object, err := flows.create(t, fields)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", short(fields), err)
		case want != "" && err == nil:
			t.Errorf("%s was accepted as %v, want %q", short(fields), object.GetName(), want)
		case want != "":
			rejected(t, err, want)
		}
	}
	name := flows.created(t, `{spec: {name: a, labels: {a: 1}}}`)
	for change, want := range map[string]string{
		`{spec: {name: b}}`:                                   "spec: name is immutable",
		`{spec: {name: null}}`:                                "spec: name is immutable",
		`{spec: {id: ` + uuidA + `}}`:                         "spec: id is immutable",
		`{spec: {origin: {wire: '{}'}}}`:                      "spec: origin is immutable; such a field can be neither changed nor added nor removed: create a new RegisteredFlow instead",
		`{spec: {labels: {` + text(129) + `: 1}}}`:            "spec.labels: at most 128",
		`{spec: {tags: [a, b], labels: {a: null, b: false}}}`: "",
	} {
		_, err := flows.patch(t, name, change)
		if want != "" {
			rejected(t, err, want)
		} else if err != nil {
			t.Error(err)
		}
	}
	const full = `{status: {id: ` + uuidA + `, name: a, effective: {tagsReplaces: 0123456789abcdef, tags: [`
	if _, err := flows.patch(t, name, full+strings.Join(slices.Repeat([]string{text(256)}, 16), ", ")+`]}}}`, "status"); err != nil {
		t.Error(err)
	}
	_, err := flows.patch(t, name, full+strings.Join(slices.Repeat([]string{text(256)}, 17), ", ")+`]}}}`, "status")
	wantRefused(t, err, "status.effective.tags", "tags have at most 4096 characters together")
}

func TestWhatARunDataCanBe(t *testing.T) {
	all := openKind(t, "RunData", "rundata")
	for fields, want := range map[string]string{
		`{type: Parameters, text: '{"n": 3}'}`: "",
		`{type: Input, text: "", key: paused-1-response, runID: ` + uuidA + `, id: ` + uuidB + `, sender: s, createdTime: "2031-01-01T00:00:00Z"}`: "",
		`{text: a}`:               "type: Required",
		`{type: Input}`:           "text: Required",
		`{type: Secret, text: a}`: "type: Unsupported value",
		`{type: Input, text: a, key: ` + text(513) + `}`: "key: 512",
		`{type: Context, text: ` + text(786_432) + `}`:   "",
		`{type: Context, text: ` + text(786_433) + `}`:   "text: 786432",
		`{type: Context, text: ` + emojis(196_609) + `}`: "text: text has at most 786432 bytes",
	} {
		_, err := all.create(t, fields)
		if want != "" {
			rejected(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", short(fields), err)
		}
	}
	full := all.created(t, `{type: Input, text: a, key: b, runID: `+uuidA+`, id: `+uuidA+`, sender: c, createdTime: "2031-01-01T00:00:00Z"}`)
	least := all.created(t, `{type: Context, text: ""}`)
	for field, value := range map[string]string{
		"type": "JobVariables", "text": "b", "key": "c", "runID": uuidB, "id": uuidB, "sender": "d", "createdTime": `"2031-01-01T00:00:01Z"`,
	} {
		_, err := all.patch(t, full, `{`+field+`: `+value+`}`)
		wantRefused(t, err, "", "a RunData is immutable")
		_, err = all.patch(t, least, `{`+field+`: `+value+`}`)
		wantRefused(t, err, "", "a RunData is immutable")
		if field != "type" && field != "text" {
			_, err = all.patch(t, full, `{`+field+`: null}`)
			wantRefused(t, err, "", "a RunData is immutable")
		}
	}
	const owner = `{metadata: {labels: {a: b}, ownerReferences: [{apiVersion: taskrun.dev/v1alpha1, kind: FlowRun, name: a, uid: b}]}}`
	if _, err := all.patch(t, full, owner); err != nil {
		t.Errorf("setting the owner: %v", err)
	}
}

func TestKubectlShowsFlowsAndRuns(t *testing.T) {
	runs := openKind(t, "FlowRun", "flowruns")
	flows := kindClient{runs.namespaceClient, "RegisteredFlow", runs.namespace}
	client, err := dynamic.NewForConfig(testenv.Start(t).Config)
	if err != nil {
		t.Fatal(err)
	}
	flows.namespaceClient = namespaceClient{client.Resource(v1alpha1.GroupVersion.WithResource("registeredflows")).Namespace(runs.namespace)}
	data := kindClient{namespaceClient{client.Resource(v1alpha1.GroupVersion.WithResource("rundata")).Namespace(runs.namespace)}, "RunData", runs.namespace}
	flow, input := flows.created(t, `{spec: {name: the etl}}`), data.created(t, `{type: Input, key: k-1, text: a, runID: `+uuidB+`, sender: me}`)
	run := runs.created(t, flowSpec(""))
	if _, err := flows.patch(t, flow, `{status: {id: `+uuidA+`, name: the etl}}`, "status"); err != nil {
		t.Fatal(err)
	}
	status := `{status: {id: ` + uuidB + `, name: watchful-otter, flowID: ` + uuidA + `, runCount: 2, totalRunTimeSeconds: "90.5", state: ` +
		state(`, name: Counted, message: all done`) + `}}`
	if _, err := runs.patch(t, run, status, "status"); err != nil {
		t.Fatal(err)
	}
	kubeconfig := testenv.Start(t).Kubeconfig(t)
	for what, want := range map[string][]string{
		"get flowruns":                                            {"NAME STATE REASON FLOW RUN-NAME RUNS AGE", run + " COMPLETED Counted etl watchful-otter 2 "},
		"get frun -o wide":                                        {"AGE ID FLOW-ID NEXT-START DURATION MESSAGE", uuidB + " " + uuidA + " 90.5 all done"},
		"get registeredflows":                                     {"NAME FLOW-NAME ID STALLED AGE", flow + " the etl " + uuidA},
		"get trflow":                                              {flow},
		"get rundata -o wide":                                     {"NAME TYPE KEY RUN-ID AGE SENDER", input + " Input k-1 " + uuidB},
		"get trdata":                                              {input},
		"get prefect":                                             {run, flow, input},
		"explain flowrun.spec.parameters":                         {"5.0 becomes 5"},
		"explain flowrun.status.answers":                          {"transition id"},
		"get frun --field-selector spec.flowName=etl":             {run},
		"get frun --field-selector spec.flowName=other":           {"No resources found"},
		"get frun --field-selector status.flowID=" + uuidA:        {run},
		"get frun --field-selector status.id=" + uuidB:            {run},
		"get frun --field-selector status.state.type=COMPLETED":   {run},
		"get trflow --field-selector status.id=" + uuidA:          {flow},
		"get trdata --field-selector type=Input,runID=" + uuidB:   {input},
		"get trdata --field-selector type=Context,runID=" + uuidB: {"No resources found"},
	} {
		output, err := kubectl(t, append(strings.Fields(what), "--kubeconfig", kubeconfig, "--namespace", runs.namespace)...)
		if err != nil {
			t.Errorf("kubectl %s: %v: %s", what, err, output)
			continue
		}
		for _, part := range want {
			if !strings.Contains(strings.Join(strings.Fields(output), " "), part) {
				t.Errorf("kubectl %s: got %s, want it to have %q", what, output, part)
			}
		}
	}
}

// crdOf reads a rendered CRD.
func crdOf(t *testing.T, plural string) apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	text, err := os.ReadFile(inRepository(t, "config", "crd", "bases", "taskrun.dev_"+plural+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	return crd
}

func TestEveryFieldOfTheFlowKindsIsExplained(t *testing.T) {
	for _, plural := range []string{"flowruns", "registeredflows", "rundata"} {
		for name, property := range crdOf(t, plural).Spec.Versions[0].Schema.OpenAPIV3Schema.Properties {
			if name != "metadata" {
				explained(t, plural+"."+name, property)
			}
		}
	}
}

// The tables of this file have every rule of the three kinds.
func TestTheRulesOfTheFlowKinds(t *testing.T) {
	messages := map[string]bool{}
	for _, plural := range []string{"flowruns", "registeredflows", "rundata"} {
		collect(messages, *crdOf(t, plural).Spec.Versions[0].Schema.OpenAPIV3Schema)
	}
	want := []string{
		"a RunData is immutable: create another one",
		"immutable fields of spec were changed, added or removed",
		toBeMoved,
		"pauseKeys have at most 1024 characters together",
		"set at most one of parameters, parametersJSON and parametersDataName",
		"set flowName or flowID, exactly one, and at most one of parameters, parametersJSON and parametersDataName; likewise for context and jobVariables",
		"tags and labels have at most 4096 characters together (a value of labels counts 64)",
		"tags have at most 4096 characters together",
		"text has at most 786432 bytes",
		"the keys of labels have at most 128 characters",
		"the keys of runInputKeyset have at most 256 characters",
		"the texts of effective have at most 4096 characters together",
		"the texts of spec have at most 7168 characters together (a state counts 128 more, a value of labels 64)",
		"the texts of state and history have at most 12288 characters together (each state counts 128 more)",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(messages))); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestTheSamplesOfTheFlowKindsAreAcceptedAsTheyAre(t *testing.T) {
	for pattern, open := range map[string]func() (kindClient, any, any){
		"flowrun_*.yaml": func() (kindClient, any, any) {
			return openKind(t, "FlowRun", "flowruns"), &v1alpha1.FlowRun{}, &v1alpha1.FlowRun{}
		},
		"registeredflow*.yaml": func() (kindClient, any, any) {
			return openKind(t, "RegisteredFlow", "registeredflows"), &v1alpha1.RegisteredFlow{}, &v1alpha1.RegisteredFlow{}
		},
		"rundata_*.yaml": func() (kindClient, any, any) {
			return openKind(t, "RunData", "rundata"), &v1alpha1.RunData{}, &v1alpha1.RunData{}
		},
	} {
		files, err := filepath.Glob(inRepository(t, "config", "samples", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("got %d samples of %s and error %v", len(files), pattern, err)
		}
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				client, sent, back := open()
				if err := yaml.UnmarshalStrict(text, sent); err != nil {
					t.Fatal(err)
				}
				body, err := runtime.DefaultUnstructuredConverter.ToUnstructured(sent)
				if err != nil {
					t.Fatal(err)
				}
				made, err := client.Create(t.Context(), &unstructured.Unstructured{Object: body},
					metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
				if err != nil {
					t.Fatal(err)
				}
				made.Object["metadata"] = map[string]any{"name": made.GetName()}
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(made.Object, back); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(sent, back); diff != "" {
					t.Errorf("object (-sent +stored):\n%s", diff)
				}
			})
		}
	}
}
