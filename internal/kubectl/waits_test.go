package kubectl

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// A run in this state, with changes to its spec and its status.
func inState(t *testing.T, spec, state, status string) client.Object {
	t.Helper()
	return objectOf[v1alpha1.TaskRun](t, `
metadata: {name: run}
spec: {taskKey: add, id: 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4, `+spec+`}
status: {`+status+`state: {id: 11111111-1111-4111-8111-111111111111, timestamp: "2031-02-03T11:55:00Z", `+state+`}}`)
}

const submitted = `type: SCHEDULED, stateDetails: {deferred: true}`

func TestWaitOf(t *testing.T) {
	t.Parallel()
	const (
		workers = `[{"namespace":"default","id":"host-1","taskKeys":["add"]},{"namespace":"default","id":"host-2","taskKeys":["add"]},{"namespace":"elsewhere","id":"host-3","taskKeys":["add"]}]`
		one     = `[{"namespace":"default","id":"host-1","taskKeys":["add"]}]`
		others  = `[{"namespace":"default","id":"host-1","taskKeys":["mul"]}]`
		held    = `delivery: {holder: host-1, deliveredTime: "2031-02-03T11:59:00Z", attempts: 1}, `
	)
	cases := map[string]struct {
		run     client.Object
		workers string
		limits  []string
		want    string // kind: details, since, until
	}{
		"its id, which another run has": {
			inState(t, "", submitted, `conditions: [{type: Stalled, status: "True", reason: DuplicateID, message: "taken by \"a\"", lastTransitionTime: "2031-02-03T11:59:00Z"}], `),
			one, nil, `client: taken by "a", 5m`,
		},
		"a worker, none serves its task": {inState(t, "", submitted, ""), others, nil, "worker: a worker: none serves its task, 5m"},
		"a worker, one serves its task":  {inState(t, "", submitted, ""), one, nil, "worker: the worker that serves its task, to be free, 5m"},
		"a worker, two serve its task":   {inState(t, "", submitted, ""), workers, nil, "worker: one of the 2 workers that serve its task, to be free, 5m"},
		"a worker, workers not known":    {inState(t, "", submitted, ""), "", nil, "worker: a worker that serves its task, 5m"},
		"its scheduled time": {
			inState(t, "", `type: SCHEDULED, stateDetails: {deferred: true, scheduledTime: "2031-02-03T13:00:00Z"}`, ""), one, nil,
			"time: its time, 5m, until 13:00",
		},
		"its next attempt": {
			inState(t, "", `type: SCHEDULED, name: AwaitingRetry, stateDetails: {deferred: true, scheduledTime: "2031-02-03T13:00:00Z"}`, ""), one, nil,
			"time: its next attempt, 5m, until 13:00",
		},
		"its next attempt by the same worker": {
			inState(t, "", `type: SCHEDULED, name: AwaitingRetry, stateDetails: {scheduledTime: "2031-02-03T13:00:00Z"}`, held), one, nil,
			"time: its next attempt, by worker host-1, 5m, until 13:00",
		},
		"its worker, to start it":               {inState(t, "", submitted, held), one, nil, "start: worker host-1, to start it, 60s"},
		"its worker, which has disconnected":    {inState(t, "", submitted, held), `[{"namespace":"elsewhere","id":"host-1"}]`, nil, "start: worker host-1 (not connected), to start it, 60s"},
		"its client, to start it":               {inState(t, "", "type: SCHEDULED", ""), one, nil, "client: its client, to start it: it was not submitted for a worker, 5m"},
		"pending, its client":                   {inState(t, "", "type: PENDING", ""), one, nil, "client: its client, to start it, 5m"},
		"pending, its worker":                   {inState(t, "", "type: PENDING, source: Event", held), one, nil, "start: worker host-1, to start it, 5m"},
		"a slot":                                {inState(t, "tags: [db, x]", "type: PENDING", ""), one, []string{"tag:db 2 of 2", "tag:y 1 of 1"}, "slot: a slot of tag:db (2 of 2 in use), 5m"},
		"two slots":                             {inState(t, "tags: [db, x]", "type: PENDING", ""), one, []string{"tag:db 2 of 2", "tag:x 3 of 1"}, "slot: a slot of tag:db (2 of 2 in use) and a slot of tag:x (3 of 1 in use), 5m"},
		"a slot, one is free":                   {inState(t, "tags: [db]", "type: PENDING", ""), one, []string{"tag:db 1 of 2"}, "client: its client, to start it, 5m"},
		"a slot of a limit that does not apply": {inState(t, "tags: [db]", "type: PENDING", ""), one, []string{"tag:db 2 of 2 stalled"}, "client: its client, to start it, 5m"},
		"to be resumed":                         {inState(t, "", "type: PAUSED", ""), one, nil, "resume: a client, to resume it, 5m"},
		"to be stopped by its worker":           {inState(t, "", "type: CANCELLING", held), one, nil, "cancel: worker host-1, to stop it, 5m"},
		"to be stopped by its client":           {inState(t, "", "type: CANCELLING", ""), one, nil, "cancel: its client, to stop it, 5m"},
		"its first state":                       {objectOf[v1alpha1.TaskRun](t, "{metadata: {name: run}, spec: {taskKey: add}}"), one, nil, "operator: the operator, to write its first state, 60m"},
		"a running run":                         {inState(t, "", "type: RUNNING", held), one, nil, ""},
		"a finished run":                        {inState(t, "", "type: FAILED", ""), one, nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := []client.Object{tc.run}
			if tc.workers != "" {
				objects = append(objects, fleetOf(tc.workers))
			}
			for _, limit := range tc.limits {
				objects = append(objects, limitOf(t, limit))
			}
			out, _, err := ask(t, objects, "queue", "-o", "json")
			if err != nil {
				t.Fatal(err)
			}
			var waits []waiting
			if err := json.Unmarshal([]byte(out), &waits); err != nil {
				t.Fatal(err)
			}
			var got string
			if len(waits) == 1 {
				got = waits[0].WaitsFor + ": " + waits[0].Details + ", " + ago(noon, waits[0].Since)
				if until := waits[0].Until; until != nil {
					got += until.Format(", until 15:04")
				}
			}
			if got != tc.want {
				t.Errorf("waits for %q, want %q", got, tc.want)
			}
		})
	}
}

// A run that a user starts with a StateProposal waits with the text of a background
// run.
func TestWaitOf_runCreatedWithKubectlWaitsForSlot(t *testing.T) {
	t.Parallel()
	proposal := objectOf[v1alpha1.StateProposal](t, `
metadata: {name: start}
spec: {targetRef: {kind: TaskRun, name: run}, state: {type: RUNNING}}
status: {verdict: Waiting, reason: "Concurrency limit reached for tags: db"}`)
	out, _, err := ask(t, []client.Object{inState(t, "tags: [db]", "type: PENDING", ""), limitOf(t, "tag:db 2 of 2"), proposal}, "queue", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var waits []waiting
	if err := json.Unmarshal([]byte(out), &waits); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 1 || waits[0].WaitsFor != waitsForSlot || waits[0].Details != "a slot of tag:db (2 of 2 in use)" || waits[0].Until != nil {
		t.Errorf("waits for %+v", waits)
	}
}

func TestWaitOf_runWaitsForItsProposals(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ status, want string }{
		"not evaluated yet": {"", `
TASK   WAITS FOR                                                 RUNS   LONGEST   UNTIL
add    the operator, to evaluate StateProposal start (RUNNING)   1      5m        <none>
`},
		"evaluated again at a time": {`status: {verdict: Waiting, reason: too early, retryTime: "2031-02-03T12:10:00Z"}`, `
TASK   WAITS FOR                                                        RUNS   LONGEST   UNTIL
add    StateProposal start (RUNNING) to be evaluated again: too early   1      60s       2031-02-03T12:10:00.000Z
`},
		"evaluated again when a slot is free": {`status: {verdict: Waiting, reason: full}`, `
TASK   WAITS FOR      RUNS   LONGEST   UNTIL
add    a slot: full   1      60s       <none>
`},
		"evaluated": {`status: {verdict: Aborted, reason: no}`, `
TASK   WAITS FOR                 RUNS   LONGEST   UNTIL
add    its client, to start it   1      5m        <none>
`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proposal := objectOf[v1alpha1.StateProposal](t, `
metadata: {name: start}
spec: {targetRef: {kind: TaskRun, name: run}, state: {type: RUNNING}}
`+tc.status)
			proposal.CreationTimestamp.Time = noon.Add(-time.Minute)
			out, _, err := ask(t, []client.Object{inState(t, "", "type: PENDING", ""), proposal}, "queue")
			if err != nil {
				t.Fatal(err)
			}
			want(t, out, tc.want)
		})
	}
}

// A limit, written as in "tag:db 2 of 3" or "tag:db 2 of 3 stalled".
func limitOf(t *testing.T, text string) *v1alpha1.ConcurrencyLimit {
	t.Helper()
	words := strings.Fields(text)
	stalled := strings.Contains(text, "stalled")
	return objectOf[v1alpha1.ConcurrencyLimit](t, fmt.Sprintf(
		`{metadata: {name: %q}, spec: {tag: %q, slots: %s}, status: {activeSlots: %s, conditions: [{type: Stalled, status: %q}]}}`,
		words[0], strings.TrimPrefix(words[0], "tag:"), words[3], words[1], map[bool]string{true: "True", false: "False"}[stalled]))
}

func TestQueue_groupsEqualWaits(t *testing.T) {
	t.Parallel()
	const scheduled = `
metadata: {name: %s}
spec: {taskKey: %s, origin: {stateTime: "%s"}, initialState: {type: SCHEDULED, stateDetails: {deferred: true, scheduledTime: "%s"}}}
status: {state: {id: 11111111-1111-4111-8111-111111111111, type: SCHEDULED, timestamp: "%[3]s", stateDetails: {deferred: true, scheduledTime: "%s"}}}
`
	objects := runs(t,
		fmt.Sprintf(scheduled, "a", "add", "2031-02-03T11:50:00Z", "2031-02-03T11:51:00Z"),
		fmt.Sprintf(scheduled, "b", "add", "2031-02-03T11:40:00Z", "2031-02-03T11:41:00Z"),
		fmt.Sprintf(scheduled, "c", "add", "2031-02-03T11:30:00Z", "2031-02-03T14:00:00Z"),
		fmt.Sprintf(scheduled, "d", "add", "2031-02-03T11:30:00Z", "2031-02-03T13:00:00Z"),
		fmt.Sprintf(scheduled, "e", "mul", "2031-02-03T11:59:00Z", "2031-02-03T11:59:00Z"),
		running,
	)
	out, remarks, err := ask(t, append(objects, fleetOf(`[{"namespace":"default","id":"host-1","taskKeys":["add"]}]`)), "queue", "-o", "wide")
	if err != nil || remarks != "" {
		t.Fatalf("%v, %s", err, remarks)
	}
	want(t, out, `
TASK   WAITS FOR                                     RUNS   LONGEST   UNTIL                      FIRST RUN   STATE
add    its time                                      2      30m       2031-02-03T13:00:00.000Z   c           SCHEDULED
add    the worker that serves its task, to be free   2      19m       <none>                     b           SCHEDULED
mul    a worker: none serves its task                1      60s       <none>                     e           SCHEDULED
`)
	out, remarks, err = ask(t, objects, "queue", "--runs", "--task", "add", "-A")
	if err != nil || remarks == "" {
		t.Errorf("%v, want a note that the workers are unknown", err)
	}
	want(t, out, `
NAMESPACE   NAME   TASK   STATE       FOR   UNTIL                      WAITS FOR
default     c      add    SCHEDULED   30m   2031-02-03T14:00:00.000Z   its time
default     d      add    SCHEDULED   30m   2031-02-03T13:00:00.000Z   its time
default     b      add    SCHEDULED   19m   <none>                     a worker that serves its task
default     a      add    SCHEDULED   9m    <none>                     a worker that serves its task
`)
}

// An ended replica has no workers.
func TestReadWorkers_ignoresExpiredLease(t *testing.T) {
	t.Parallel()
	lease := fleetOf(`[{"namespace":"default","id":"host-1","taskKeys":["add"]}]`)
	if expired(lease, noon.Add(29e9)) {
		t.Error("a Lease lapses within twice its time")
	}
	if !expired(lease, noon.Add(31e9)) {
		t.Error("a Lease never lapses")
	}
}
