// Package sample has runs, changes and events in the form of the Prefect client, for
// tests.
package sample

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Ids for tests.
const (
	IDKnown   = "0198a1b2-0000-7000-8000-00000000000a"
	IDOther   = "0198a1b2-0000-7000-8000-00000000000b"
	IDUnknown = "00000000-0000-4000-8000-00000000dead"
	IDFlowRun = "0198a1b2-0000-7000-8000-0000000000f1"
)

// Noon is the time of tests.
var Noon = time.Date(2026, 8, 21, 12, 0, 0, 0, time.UTC)

// Run returns a run that waits for a worker.
func Run(name string) *taskrun.Run {
	return &taskrun.Run{
		ID: IDKnown, Created: Noon, Updated: Noon, Name: name, TaskKey: "add-1a2b3c4d", DynamicKey: "0",
		Progress: orchestration.Progress{State: &orchestration.State{ID: IDOther, Type: orchestration.Scheduled, Name: "Scheduled", Timestamp: Noon}},
	}
}

// Change returns a change of the known run.
func Change(typ orchestration.StateType, name string) taskrun.Change {
	run := Run("add")
	state := orchestration.State{ID: IDOther, Type: typ, Name: name, Timestamp: Noon}
	run.State = &state
	return taskrun.Change{Run: run, State: &state, Received: Noon.Add(time.Millisecond)}
}

// FutureFilter is the filter of a future that waits for the known run.
const FutureFilter = `{"type":"filter","filter":{"occurred":{"since":"2026-08-21T11:59:00Z","until":"2027-08-21T12:00:00Z"},` +
	`"event":{"prefix":null,"exclude_prefix":null,"exclude_name":null,"name":["prefect.task-run.Completed",` +
	`"prefect.task-run.Cancelled","prefect.task-run.Failed","prefect.task-run.Crashed"]},"any_resource":null,` +
	`"resource":{"id":["prefect.task-run.` + IDKnown + `"],"id_prefix":null,"labels":null,"distinct":false},"related":null,` +
	`"id":{"id":[]},"text":null,"order":"DESC"}}`

// EventText returns an event that reports a state, with some of its members replaced.
func EventText(replace map[string]string) string {
	members := map[string]string{
		"occurred": `"2026-08-21T10:00:01.000001Z"`,
		"event":    `"prefect.task-run.Running"`,
		"resource": `{"prefect.resource.id":"prefect.task-run.` + IDKnown + `","prefect.orchestration":"client"}`,
		"related":  `[]`,
		"payload": `{"validated_state":{"type":"RUNNING","name":"Running","message":"","state_details":{},"data":null},` +
			`"task_run":{"name":"add-3f2","task_key":"add-1a2b3c4d","dynamic_key":"3f2a"}}`,
		"id": `"` + IDOther + `"`,
	}
	var b strings.Builder
	for i, key := range []string{"occurred", "event", "resource", "related", "payload", "id"} {
		value := members[key]
		if other, ok := replace[key]; ok {
			value = other
		}
		if value == "" {
			continue
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + key + `":` + value)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// Member returns one member of a JSON object.
func Member(t *testing.T, object, key string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
	return string(members[key])
}
