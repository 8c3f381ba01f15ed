//go:build apiserver

package v1alpha1_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	uuidA = "0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4"
	uuidB = "7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01"
)

// rule is one CEL rule of the CRD, with values that it accepts and rejects.
type rule struct {
	message string // as in the CRD
	field   string // field in the rejection
	status  bool   // the cases are statuses, otherwise specs

	accepted, refused []string // YAML
}

// rules holds every CEL rule except those of immutability.
var rules = map[string]rule{
	"the keys of labels are limited": {
		message:  "the keys of labels have at most 128 characters",
		field:    "spec.labels",
		accepted: []string{`{taskKey: k}`, `{taskKey: k, labels: {}}`, `{taskKey: k, labels: {` + text(128) + `: 1, b: x}}`},
		refused:  []string{`{taskKey: k, labels: {` + text(129) + `: 1, b: x}}`},
	},
	"taskInputs is limited as a whole": {
		message: "taskInputs has at most 256 sources in total, at most 32 of them with taskRunName",
		field:   "spec.taskInputs",
		accepted: []string{
			`{taskKey: k, taskInputs: [{name: a, sources: ` + parameters(256) + `}, {name: b}, {name: c, sources: []}]}`, `{taskKey: k, taskInputs: []}`,
			`{taskKey: k, taskInputs: [{name: a, sources: [` + named(31) + `]}, {name: b, sources: ` + parameters(224) + `}, {name: c, sources: [` + named(1) + `]}]}`,
			`{taskKey: k, taskInputs: [{name: a, sources: [` + named(32) + `]}]}`,
		},
		refused: []string{
			`{taskKey: k, taskInputs: [{name: a, sources: ` + parameters(256) + `}, {name: b, sources: ` + parameters(1) + `}]}`,
			`{taskKey: k, taskInputs: [{name: a, sources: [` + named(33) + `]}]}`,
			`{taskKey: k, taskInputs: [{name: a, sources: [` + named(31) + `]}, {name: b, sources: ` + parameters(1) + `}, {name: c, sources: [` + named(2) + `]}]}`,
		},
	},
	"an input of a run has an id or a name of a TaskRun": {
		message: "id must be set if inputType is flow_run, id or taskRunName if it is task_run, and only then",
		field:   "spec.taskInputs[0].sources[0].id",
		accepted: []string{
			input(`{inputType: task_run, id: ` + uuidA + `}`), input(`{inputType: flow_run, id: ` + uuidA + `}`),
			input(`{inputType: task_run, taskRunName: extract-users}`), input(`{inputType: task_run, taskRunName: "7.extract-users"}`),
		},
		refused: []string{
			input(`{inputType: task_run}`), input(`{inputType: flow_run}`), input(`{inputType: flow_run, taskRunName: a}`),
			input(`{inputType: constant, type: int, id: ` + uuidA + `}`),
			input(`{inputType: task_run, taskRunName: a, id: ` + uuidA + `}`),
		},
	},
	"only an input of a run has a name of a TaskRun": {
		message:  "taskRunName must be set only if inputType is task_run",
		field:    "spec.taskInputs[0].sources[0].taskRunName",
		accepted: []string{input(`{inputType: task_run, taskRunName: ` + text(253) + `}`)},
		refused: []string{
			input(`{inputType: flow_run, id: ` + uuidA + `, taskRunName: a}`), input(`{inputType: parameter, name: x, taskRunName: a}`),
			input(`{inputType: constant, type: int, taskRunName: a}`),
		},
	},
	"an input of a parameter has a name": {
		message:  "name must be set if inputType is parameter, and only then",
		field:    "spec.taskInputs[0].sources[0].name",
		accepted: []string{input(`{inputType: parameter, name: x}`), input(`{inputType: parameter, name: ""}`)},
		refused:  []string{input(`{inputType: parameter}`), input(`{inputType: constant, type: int, name: x}`)},
	},
	"an input of a constant has a type": {
		message:  "type must be set if inputType is constant, and only then",
		field:    "spec.taskInputs[0].sources[0].type",
		accepted: []string{input(`{inputType: constant, type: int}`), input(`{inputType: constant, type: ""}`)},
		refused:  []string{input(`{inputType: constant}`), input(`{inputType: parameter, name: x, type: int}`)},
	},
	"the keys of runInputKeyset are limited": {
		message:  "the keys of runInputKeyset have at most 256 characters",
		field:    "spec.initialState.stateDetails.runInputKeyset",
		accepted: []string{`{taskKey: k, initialState: {type: PAUSED, stateDetails: {runInputKeyset: {` + text(256) + `: v}}}}`},
		refused:  []string{`{taskKey: k, initialState: {type: PAUSED, stateDetails: {runInputKeyset: {` + text(257) + `: v}}}}`},
	},
	"the texts of a spec are limited together": {
		message: "the texts of spec have at most 12288 characters together",
		field:   "spec",
		accepted: []string{
			`{taskKey: "", initialState: {type: COMPLETED, dataJSON: ` + longestData + `, message: ` + text(4096-128) + `}}`,
			`{taskKey: "", tags: [` + many(128, "t%d") + `], labels: {` + many(64, "l%d: 1") + `}, origin: {wire: ` + text(264) + `}}`,
		},
		refused: specsBeyondTotal(),
	},
	"the texts of a status are limited together": {
		message: "the texts of state and history have at most 12288 characters together",
		field:   "status",
		status:  true,
		accepted: []string{
			`{state: ` + state(`, dataJSON: `+text(8192)+`, message: `+text(4096-128)) + `}`,
			`{history: [` + state(`, dataJSON: `+text(8192-128)) + `, ` + state(`, message: `+text(4096-128)) + `]}`,
			`{state: ` + state(``) + `, history: [` + state(`, dataJSON: `+text(8192)) + `, ` + state(`, message: `+text(4096-384)) + `]}`,
			`{state: ` + state(`, cacheEntry: true`) + `, history: [` + state(`, dataJSON: `+text(8192)) + `, ` + state(`, message: `+text(4096-384)) + `]}`,
			`{history: [` + manyStates(64, text(12288/64-128)) + `]}`,
			`{state: ` + state(`, name: `+text(128)) + `, history: [` + manyStates(47, text(128)) + `]}`,
		},
		refused: statusesBeyondTotal(),
	},
	"the texts of effective are limited together": {
		message: "the texts of effective have at most 2048 characters together",
		field:   "status.effective",
		status:  true,
		accepted: []string{
			`{effective: {}}`, `{effective: {tags: [], cleared: [labels, cacheKey]}}`,
			`{effective: {wire: ` + text(2048) + `}}`, `{effective: {tags: [` + strings.Join(slices.Repeat([]string{"ab"}, 1024), ", ") + `]}}`,
			`{effective: {nameReplaces: 00112233445566ff, cacheExpiration: "2031-01-01T00:00:00Z", flowRunID: ` + uuidA + `, taskKey: ` + text(2048-36) + `}}`,
		},
		refused: effectiveBeyondTotal(),
	},
}

// specsBeyondTotal returns specs at their limit, with one character too many in one place each:
// each place must count.
func specsBeyondTotal() []string {
	full := func(rest int, place string) string {
		return `{taskKey: "", initialState: {type: COMPLETED, dataJSON: ` + longestData + `, message: ` + text(4096-128-rest) + `}, ` + place + `}`
	}
	specs := []string{
		full(8, `name: `+text(9)),
		full(8, `dynamicKey: `+text(9)),
		full(8, `cacheKey: `+text(9)),
		full(8, `taskVersion: `+text(9)),
		full(8, `tags: [`+text(4)+`, `+text(5)+`]`),
		full(65, `labels: {ab: 1}`),
		full(8, `origin: {wire: `+text(264+9)+`}`),
		full(28, `taskInputs: [{name: abc, sources: [{inputType: parameter, name: `+text(6)+`}]}]`),
		full(28, `taskInputs: [{name: abc, sources: [{inputType: constant, type: `+text(6)+`}]}]`),
		full(28, `taskInputs: [{name: abc, sources: [{inputType: task_run, taskRunName: `+text(6)+`}]}]`),
		full(20, `taskInputs: [{name: a, sources: [{inputType: task_run, id: `+uuidA+`}]}]`),
		`{taskKey: "", initialState: {type: COMPLETED, name: ` + text(9) + `, dataJSON: ` + longestData + `, message: ` + text(4096-128-8) + `}}`,
		`{taskKey: "", cacheKey: ` + text(8) + `, initialState: {type: COMPLETED, dataJSON: ` + longestData + `, message: ` + text(4096-128-7) + `}}`,
		strings.Replace(full(8, `name: x`), `taskKey: ""`, `taskKey: `+text(8), 1),
	}
	for _, place := range []string{
		`cacheKey: ` + text(9), `pauseKey: ` + text(9), `traceparent: ` + text(9), `runInputKeyset: {abcd: ` + text(5) + `}`,
	} {
		specs = append(specs,
			`{taskKey: "", initialState: {type: COMPLETED, dataJSON: `+longestData+`, message: `+text(4096-128-8)+`, stateDetails: {`+place+`}}}`)
	}
	return specs
}

// statusesBeyondTotal returns such statuses, with the character in the current state and in a
// past one.
func statusesBeyondTotal() []string {
	var statuses []string
	for rest, places := range map[int][]string{
		0: {``},
		8: {
			`, name: ` + text(9), `, message: ` + text(9), `, dataJSON: ` + text(9), `, cacheEntry: true, message: ` + text(9),
			`, stateDetails: {cacheKey: ` + text(9) + `}`, `, stateDetails: {pauseKey: ` + text(9) + `}`,
			`, stateDetails: {traceparent: ` + text(9) + `}`, `, stateDetails: {runInputKeyset: {abcd: ` + text(5) + `}}`,
		},
	} {
		full := state(`, dataJSON: ` + text(8192) + `, message: ` + text(4096-2*128-rest))
		if rest == 0 {
			full = state(`, dataJSON: ` + text(8192) + `, message: ` + text(4096-2*128+1))
		}
		for _, place := range places {
			statuses = append(statuses, `{state: `+state(place)+`, history: [`+full+`]}`, `{state: `+full+`, history: [`+state(place)+`]}`,
				`{history: [`+full+`, `+state(place)+`]}`)
		}
	}
	return append(statuses, `{state: `+state(`, dataJSON: `+text(8192)+`, message: `+text(4096-127))+`}`,
		`{history: [`+manyStates(63, text(12288/64-128))+`, `+state(`, name: `+text(12288/64-127))+`]}`,
		`{state: `+state(`, name: `+text(129))+`, history: [`+manyStates(47, text(128))+`]}`)
}

// effectiveBeyondTotal exceeds the limit by one character in each text.
func effectiveBeyondTotal() []string {
	all := []string{
		`{effective: {wire: ` + text(2048-36+1) + `, flowRunID: ` + uuidA + `}}`,
		`{effective: {wire: ` + text(2040) + `, tags: [` + text(4) + `, ` + text(5) + `]}}`,
	}
	for _, field := range []string{"taskKey", "dynamicKey", "cacheKey", "taskVersion"} {
		all = append(all, `{effective: {wire: `+text(2040)+`, `+field+`: `+text(9)+`}}`)
	}
	return all
}

// named returns n sources that name a TaskRun.
func named(n int) string {
	return strings.Join(slices.Repeat([]string{`{inputType: task_run, taskRunName: a}`}, n), ", ")
}

// manyStates returns states with a name and no other text.
func manyStates(n int, name string) string {
	return strings.Join(slices.Repeat([]string{state(`, name: ` + name)}, n), ", ")
}

func TestRules_acceptAndReject(t *testing.T) {
	runs := open(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			for _, accepted := range rule.accepted {
				if err := runs.try(t, rule, accepted); err != nil {
					t.Errorf("%s: got error %v, want it accepted", short(accepted), err)
				}
			}
			for _, refused := range rule.refused {
				err := runs.try(t, rule, refused)
				if err == nil {
					t.Errorf("%s: was accepted, want it refused", short(refused))
					continue
				}
				wantRefused(t, err, rule.field, rule.message)
			}
		})
	}
}

// try writes a spec or a status, depending on the rule.
func (d namespaceClient) try(t *testing.T, r rule, text string) error {
	t.Helper()
	if !r.status {
		_, err := d.create(t, text)
		return err
	}
	name := d.created(t, `{taskKey: k}`)
	_, err := d.patch(t, name, `{status: `+text+`}`, "status")
	return err
}

// immutable holds, for each field that cannot change, two values in YAML.
var immutable = map[string][2]string{
	"id":              {uuidA, uuidB},
	"flowRunID":       {uuidA, uuidB},
	"taskKey":         {"a", `""`},
	"dynamicKey":      {"a", `""`},
	"cacheKey":        {"a", `""`},
	"cacheExpiration": {`"2031-01-01T00:00:00Z"`, `"2031-01-01T00:00:00.000001Z"`},
	"taskVersion":     {"a", `""`},
	"empiricalPolicy": {`{retries: 1}`, `{retries: 2}`},
	"labels":          {`{a: 1, b: x}`, `{a: 1, b: y}`},
	"taskInputs":      {`[{name: a, sources: [{inputType: parameter, name: x}]}]`, `[{name: a, sources: [{inputType: parameter, name: z}]}]`},
	"origin":          {`{createdTime: "2031-01-01T00:00:00Z"}`, `{createdTime: "2032-01-01T00:00:00Z"}`},
}

func TestRules_identityFieldsAreImmutable(t *testing.T) {
	runs := open(t)
	for field, values := range immutable {
		t.Run(field, func(t *testing.T) {
			with := runs.created(t, `{taskKey: k, `+field+`: `+values[0]+`}`)
			if field == "taskKey" {
				with = runs.created(t, `{taskKey: `+values[0]+`}`)
			}
			want := field + " is immutable"
			if _, err := runs.patch(t, with, `{spec: {name: other, `+field+`: `+values[0]+`}}`); err != nil {
				t.Errorf("another change beside it: %v", err)
			}
			_, err := runs.patch(t, with, `{spec: {`+field+`: `+values[1]+`}}`)
			wantRefused(t, err, "spec", want)
			if field == "taskKey" {
				return // a required field can be neither added nor removed
			}
			_, err = runs.patch(t, with, `{spec: {`+field+`: null}}`)
			wantRefused(t, err, "spec", want)
			without := runs.created(t, `{taskKey: k}`)
			_, err = runs.patch(t, without, `{spec: {`+field+`: `+values[0]+`}}`)
			wantRefused(t, err, "spec", want)
		})
	}
}

// Values without a type in the schema are compared too, in any field.
func TestRules_numbersOfThePolicyAreImmutable(t *testing.T) {
	runs := open(t)
	for _, change := range [][2]string{
		{`{retryDelay: [1, "2.5"]}`, `{retryDelay: [1, 2.5]}`},
		{`{retryDelay: [1, "2.5"]}`, `{retryDelay: ["2.5", 1]}`},
		{`{retryDelay: [1]}`, `{retryDelay: null, retryJitterFactor: 1}`},
		{`{retryJitterFactor: 0.3}`, `{retryJitterFactor: "0.3"}`},
		{`{retryJitterFactor: 0.3}`, `{retryJitterFactor: 0.25}`},
	} {
		name := runs.created(t, policy(change[0]))
		if _, err := runs.patch(t, name, `{spec: {name: other, empiricalPolicy: `+change[0]+`}}`); err != nil {
			t.Errorf("%s again: %v", change[0], err)
		}
		_, err := runs.patch(t, name, `{spec: {empiricalPolicy: `+change[1]+`}}`)
		wantRefused(t, err, "spec", "empiricalPolicy is immutable")
	}
}

func TestRules_allChangedFieldsAreNamed(t *testing.T) {
	runs := open(t)
	name := runs.created(t, `{taskKey: a, dynamicKey: a, initialState: {type: PENDING}}`)
	_, err := runs.patch(t, name, `{spec: {taskKey: b, dynamicKey: b, taskVersion: b, name: b, initialState: {type: RUNNING}}}`)
	wantRefused(t, err, "spec", "taskKey is immutable; dynamicKey is immutable; taskVersion is immutable; such a field can be neither")
	wantRefused(t, err, "spec.initialState", toChangeTheState)
}

const toChangeTheState = "initialState is immutable. To change the state, create a StateProposal."

func TestRules_initialStateIsImmutable(t *testing.T) {
	runs := open(t)
	with := runs.created(t, `{taskKey: k, initialState: {type: PENDING, stateDetails: {deferred: false}}}`)
	for _, change := range []string{`{type: CANCELLED}`, `{message: x}`, `{stateDetails: {deferred: true}}`, `{stateDetails: null}`} {
		_, err := runs.patch(t, with, `{spec: {initialState: `+change+`}}`)
		wantRefused(t, err, "spec.initialState", toChangeTheState)
	}
	_, err := runs.patch(t, with, `{spec: {initialState: null}}`)
	wantRefused(t, err, "spec", "initialState is immutable")
	_, err = runs.patch(t, runs.created(t, `{taskKey: k}`), `{spec: {initialState: {type: PENDING}}}`)
	wantRefused(t, err, "spec", "initialState is immutable")
}

// The rules on spec are skipped if a write changes the status, because such a write cannot
// change the spec. The API server must ensure that.
func TestNoWriteChangesBothSpecAndStatus(t *testing.T) {
	runs := open(t)
	for name, change := range map[string][2]string{
		"with another time":  {`updatedTime: "2031-01-01T00:00:00Z"`, `updatedTime: "2032-01-01T00:00:00Z"`},
		"with another field": {`updatedTime: "2031-01-01T00:00:00Z"`, `endTime: "2032-01-01T00:00:00Z"`},
	} {
		t.Run(name, func(t *testing.T) {
			const both = `{spec: {taskKey: other, name: %s}, status: {%s}}`
			long, name := text(1024), runs.created(t, `{taskKey: "", initialState: {type: COMPLETED, dataJSON: `+longestData+`, message: `+text(3072)+`}}`)
			for _, status := range change {
				_, err := runs.patch(t, name, fmt.Sprintf(both, long, status))
				wantRefused(t, err, "spec", "taskKey is immutable")
				wantRefused(t, err, "spec", "12288")
				written, err := runs.patch(t, name, fmt.Sprintf(both, long, status), "status")
				if err != nil {
					t.Fatal(err)
				}
				if key, _, _ := unstructured.NestedString(written.Object, "spec", "taskKey"); key != "" {
					t.Errorf("a write of the status changed taskKey to %q", key)
				}
			}
		})
	}
}

func TestRules_changedSpecIsLimitedAsAWhole(t *testing.T) {
	runs := open(t)
	most := `{taskKey: "", name: a, tags: [b], initialState: {type: COMPLETED, dataJSON: ` + longestData + `, message: ` + text(4096-128-2) + `}}`
	for change, accepted := range map[string]bool{
		`name: c`:     true,
		`name: aa`:    false,
		`tags: [c]`:   true,
		`tags: [b,c]`: false,
	} {
		t.Run(change, func(t *testing.T) {
			name := runs.created(t, most)
			_, err := runs.patch(t, name, `{spec: {`+change+`}}`)
			if accepted && err != nil {
				t.Error(err)
			}
			if !accepted {
				wantRefused(t, err, "spec", "12288")
			}
		})
	}
}

func TestRules_otherFieldsCanChange(t *testing.T) {
	runs := open(t)
	for field, values := range map[string][2]string{
		"name":                    {"a", "b"},
		"tags":                    {"[a]", "[b, a, a]"},
		"ttlSecondsAfterFinished": {"0", "1"},
	} {
		t.Run(field, func(t *testing.T) {
			name := runs.created(t, `{taskKey: k}`)
			for _, value := range []string{values[0], values[1], "null"} {
				if _, err := runs.patch(t, name, `{spec: {`+field+`: `+value+`}}`); err != nil {
					t.Errorf("setting %s: %v", value, err)
				}
			}
		})
	}
}

func TestRules_everyRuleOfTheCRDHasATest(t *testing.T) {
	tested := map[string]bool{}
	for _, rule := range rules {
		if len(rule.accepted) == 0 || len(rule.refused) == 0 {
			t.Errorf("%q is not tested both ways", rule.message)
		}
		tested[rule.message] = true
	}
	tested["immutable fields of spec were changed, added or removed"] = true // by TestRules_identityFieldsAreImmutable, which sees its messageExpression
	tested[toChangeTheState] = true                                          // by TestRules_initialStateIsImmutable
	messages := map[string]bool{}
	crd := renderedCRD(t)
	collect(messages, *crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	for message := range messages {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(tested)), func(known string) bool {
			return strings.HasPrefix(message, known)
		}) {
			t.Errorf("the CRD's rule %q has no test", message)
		}
	}
	if len(messages) != len(tested) {
		t.Errorf("the CRD has %d messages, the tests %d: want as many", len(messages), len(tested))
	}
}

// collect collects the messages of all rules in a schema.
func collect(messages map[string]bool, s apiextensionsv1.JSONSchemaProps) {
	for _, rule := range s.XValidations {
		messages[rule.Message] = true
	}
	for _, property := range s.Properties {
		collect(messages, property)
	}
	if s.Items != nil {
		collect(messages, *s.Items.Schema)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		collect(messages, *s.AdditionalProperties.Schema)
	}
}

// text returns a text of n characters that YAML does not parse as another type.
func text(n int) string { return strings.Repeat("x", n) }

// longestData returns the JSON of a text of the maximum length of data, in YAML quotes.
var longestData = `'"` + text(8192-2) + `"'`

// emojis returns a text of n characters of four bytes each.
func emojis(n int) string { return strings.Repeat("😀", n) }

// many returns n members of a YAML object, numbered.
func many(n int, member string) string {
	members := make([]string, 0, n)
	for i := range n {
		members = append(members, fmt.Sprintf(member, i))
	}
	return strings.Join(members, ", ")
}

func input(item string) string {
	return `{taskKey: k, taskInputs: [{name: a, sources: [` + item + `]}]}`
}

func policy(p string) string { return `{taskKey: k, empiricalPolicy: ` + p + `}` }

func parameters(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("{inputType: parameter, name: x}, ", n), ", ") + "]"
}

// state returns a State with more fields.
func state(more string) string {
	if !strings.Contains(more, "name: ") {
		more += `, name: ""`
	}
	return `{id: ` + uuidA + `, type: COMPLETED, timestamp: "2031-01-01T00:00:00.000000Z"` + more + `}`
}

// short truncates long texts in the test's output.
func short(text string) string {
	if len(text) > 200 {
		return text[:200] + "..."
	}
	return text
}
