//go:build apiserver

package v1alpha1_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manifests are specs as users write them with only kubectl explain, and the
// stored form of parts that are easily lost.
var manifests = map[string]struct {
	spec   string
	field  string
	stored string // JSON
}{
	"retries, with delays as numbers": {
		spec: `
taskKey: etl.fetch_rates
empiricalPolicy:
  retries: 3
  retryDelay: [10, 60, 0.5]
  retryJitterFactor: 0.3
`,
		field: "empiricalPolicy", stored: `{"retries":3,"retryDelay":[10,60,0.5],"retryJitterFactor":0.3}`,
	},
	"retries, with delays as texts": {
		spec: `
taskKey: etl.fetch_rates
empiricalPolicy: {retries: 1, retryDelay: ["10", "60.5", "4.0"], retryJitterFactor: "0.3"}
`,
		field: "empiricalPolicy", stored: `{"retries":1,"retryDelay":["10","60.5","4.0"],"retryJitterFactor":"0.3"}`,
	},
	"scheduled, with labels": {
		spec: `
taskKey: reports.send
labels: {team: data, shard: 3, nightly: true, share: 0.25}
initialState:
  type: SCHEDULED
  stateDetails: {scheduledTime: "2040-01-01T06:00:00Z"}
`,
		field: "labels", stored: `{"team":"data","shard":3,"nightly":true,"share":0.25}`,
	},
	"inputs and a result": {
		spec: `
taskKey: etl.count_users
taskInputs:
- name: users
  sources:
  - {inputType: task_run, id: 7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01}
- name: "n"
  sources:
  - {inputType: constant, type: int}
- name: nothing
initialState:
  type: COMPLETED
  dataJSON: '{"answer": 42}'
`,
		field: "initialState", stored: `{"type":"COMPLETED","dataJSON":"{\"answer\": 42}"}`,
	},
	"a background run": {
		spec: `
taskKey: mail.send
initialState: {type: SCHEDULED, stateDetails: {deferred: true}}
ttlSecondsAfterFinished: 3600
`,
		field: "initialState", stored: `{"type":"SCHEDULED","stateDetails":{"deferred":true}}`,
	},
}

func TestManifests_ofUsersAreAccepted(t *testing.T) {
	runs := open(t)
	for name, m := range manifests {
		t.Run(name, func(t *testing.T) {
			object, err := runs.create(t, m.spec)
			if err != nil {
				t.Fatal(err)
			}
			spec, _ := object.Object["spec"].(map[string]any)
			var want any
			if err := json.Unmarshal([]byte(m.stored), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, throughJSON(t, spec[m.field])); diff != "" {
				t.Errorf("%s (-want +stored):\n%s", m.field, diff)
			}
		})
	}
}

func throughJSON(t *testing.T, value any) (same any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &same); err != nil {
		t.Fatal(err)
	}
	return same
}

// Common mistakes of users, and the rejection with the field and the fix.
func TestManifests_rejectionNamesTheFix(t *testing.T) {
	runs := open(t)
	for spec, refusal := range map[string][2]string{
		`{taskKey: k, taskInputs: [{name: n, sources: []}]}`:             {"spec.taskInputs[0].name", "must be of type string"},
		`{taskKey: k, initialState: {type: Scheduled}}`:                  {"spec.initialState.type", "SCHEDULED"},
		`{taskKey: k, initialState: {type: COMPLETED, dataJSON: hello}}`: {"spec.initialState.dataJSON", "should match"},
		`{taskKey: k, empiricalPolicy: {retries: -5}}`:                   {"spec.empiricalPolicy.retries", "greater than or equal to 0"},
		`{taskKey: k, labels: {note: ` + text(65) + `}}`:                 {"spec.labels.note", "64"},
	} {
		_, err := runs.create(t, spec)
		wantRefused(t, err, refusal[0], refusal[1])
	}
	name := runs.created(t, `{taskKey: k}`)
	_, err := runs.patch(t, name, `{spec: {initialState: {type: CANCELLED}}}`)
	wantRefused(t, err, "spec", "initialState is immutable")
}
