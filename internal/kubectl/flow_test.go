package kubectl

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

const (
	etlID  = "01a22e7f-35e6-7d82-8490-5e3736773454"
	copyID = "01a22e7f-3a49-760f-a98c-53f8f7c54009"
)

// flowRun returns a FlowRun with this id for its name.
func flowRun(t *testing.T, id, spec, status string) *v1alpha1.FlowRun {
	t.Helper()
	return objectOf[v1alpha1.FlowRun](t, fmt.Sprintf("{metadata: {name: %s}, spec: {id: %s, %s}, status: {%s}}", id, id, spec, status))
}

// stateAt returns status.state, a minute before noon.
func stateAt(state string) string {
	return `observedGeneration: 1, state: {id: 11111111-1111-4111-8111-111111111111, timestamp: "2031-02-03T11:59:00Z", ` + state + "}"
}

// taskOf returns a task run of the flow run etl that ran for these seconds of the minute
// before noon. An end of 0 means that it runs.
func taskOf(t *testing.T, name, state string, start, end float64) *v1alpha1.TaskRun {
	t.Helper()
	at := func(seconds float64) string {
		return noon.Add(-time.Minute + time.Duration(seconds*float64(time.Second))).Format("2006-01-02T15:04:05.000000Z")
	}
	status := fmt.Sprintf(`startTime: %q, expectedStartTime: %q, state: {id: 11111111-1111-4111-8111-111111111111, timestamp: %q, %s}`,
		at(start), at(start), at(max(start, end)), state)
	if end > 0 {
		status += fmt.Sprintf(`, endTime: %q, totalRunTimeSeconds: "%.1f"`, at(end), end-start)
	}
	return objectOf[v1alpha1.TaskRun](t, fmt.Sprintf("{metadata: {name: %s}, spec: {taskKey: load, flowRunID: %s}, status: {%s}}", name, etlID, status))
}

// etl is a flow run with three task runs, one of which is a subflow with a task run.
func etl(t *testing.T) []client.Object {
	t.Helper()
	inner := taskOf(t, "rates-0", "type: COMPLETED", 12, 14)
	inner.Spec.FlowRunID = copyID
	return []client.Object{
		objectOf[v1alpha1.RegisteredFlow](t, "{metadata: {name: etl-631fd8e1ffac93e4}, spec: {name: etl}}"),
		objectOf[v1alpha1.RegisteredFlow](t, "{metadata: {name: copy-6f5a6034e770acbf}, spec: {name: copy}}"),
		flowRun(t, etlID, `
  name: quiet-walleye, flowName: etl-631fd8e1ffac93e4, flowVersion: 3b1f0d7f, tags: [nightly], parameters: {day: "2031-02-03", tables: [users, orders]},
  empiricalPolicy: {retries: 2, retryDelay: 60}, origin: {createdTime: "2031-02-03T11:58:59.500000Z"}`,
			stateAt("type: RUNNING")+`, runCount: 1, startTime: "2031-02-03T11:59:00Z", history: [
  {id: 11111111-1111-4111-8111-111111111112, type: PENDING, timestamp: "2031-02-03T11:58:59.500000Z"}]`),
		flowRun(t, copyID, `name: legible-vulture, flowName: copy-6f5a6034e770acbf, parentTaskRunID: 7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01`, `
  runCount: 1, totalRunTimeSeconds: "10.25", startTime: "2031-02-03T11:59:10.750000Z", endTime: "2031-02-03T11:59:21Z", state: {
  id: 11111111-1111-4111-8111-111111111113, type: COMPLETED, timestamp: "2031-02-03T11:59:21Z"}`),
		taskOf(t, "orders-0", "type: RUNNING, name: Retrying", 30, 0),
		taskOf(t, "users-0", "type: COMPLETED", 1.5, 10.25),
		taskOf(t, "7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01", "type: COMPLETED, stateDetails: {childFlowRunID: "+copyID+"}", 10.5, 21),
		inner,
	}
}

func TestFlowList_fitsIntoATerminal(t *testing.T) {
	t.Parallel()
	objects := append(etl(t), flowRun(t, "01a22e7f-3a49-760f-a98c-53f8f7c54010",
		"flowID: 9b1de1a0-5b7a-4a55-9c4e-2f3c8f0e7f0b, name: "+strings.Repeat("impossible-chinchilla-", 5), stateAt("type: SCHEDULED, name: AwaitingRetry")))
	out, remarks, err := ask(t, objects, "flow", "list", "--sort-by", "name")
	if err != nil || remarks != "" {
		t.Fatalf("%v, %s", err, remarks)
	}
	want(t, out, `
NAME                                   STATE                       FLOW                RUN NAME             TOOK     AGE
01a22e7f-35e6-7d82-8490-5e3736773454   RUNNING                     etl                 quiet-walleye        1m0s     60s
01a22e7f-3a49-760f-a98c-53f8f7c54009   COMPLETED                   copy                legible-vulture      10.25s   60m
01a22e7f-3a49-760f-a98c-53f8f7c54010   SCHEDULED (AwaitingRetry)   9b1de1a0-5b7a-…     impossible-chin…     <none>   60m
`)
	assertWidth(t, out)
}

// assertWidth fails the test if a line is wider than a terminal.
func assertWidth(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if width := utf8.RuneCountInString(strings.TrimRight(line, " \n")); width > terminalWidth {
			t.Errorf("a line has %d characters: %s", width, line)
		}
	}
}

func TestFlowDescribe_showsTree(t *testing.T) {
	t.Parallel()
	out, remarks, err := ask(t, etl(t), "flow", "describe", "quiet-walleye")
	if err != nil || remarks != "" {
		t.Fatalf("%v, %s", err, remarks)
	}
	want(t, out, `
Name:         01a22e7f-35e6-7d82-8490-5e3736773454
Namespace:    default
Run name:     quiet-walleye
ID:           01a22e7f-35e6-7d82-8490-5e3736773454
Flow:         etl, version 3b1f0d7f
Parameters:   day="2031-02-03"
              tables=["users","orders"]
Tags:         nightly
Retries:      2, after 60 seconds
Created:      2031-02-03T11:58:59.500Z
State:        RUNNING for 60s
Started:      2031-02-03T11:59:00.000Z
Runs:         1, took 1m0s
Task runs:    3: 1 RUNNING, 2 COMPLETED
Subflows:     1
Tree:
  RUN                         STATE                START     TOOK     0s                  1m0s
  etl / quiet-walleye         RUNNING              +0s       1m0s     ━━━━━━━━━━━━━━━━━━━━━━━▸
  ├─ users-0                  COMPLETED            +1.5s     8.8s     ━━━━
  ├─ copy / legible-vulture   COMPLETED            +10.75s   10.25s       ━━━━
  │  └─ rates-0               COMPLETED            +12s      2s           ━━
  └─ orders-0                 RUNNING (Retrying)   +30s      30s                  ━━━━━━━━━━━▸
Timeline:
  WHEN                       STATE     LASTED        MESSAGE
  2031-02-03T11:58:59.500Z   PENDING   500ms
  2031-02-03T11:59:00.000Z   RUNNING   1m0s so far
`)
	assertWidth(t, out)
}

func TestFlowDescribe_subflowWithProposal(t *testing.T) {
	t.Parallel()
	objects := append(etl(t), objectOf[v1alpha1.StateProposal](t, `
metadata: {name: cancel-1}
spec: {targetRef: {kind: FlowRun, name: `+copyID+`}, state: {type: CANCELLED}, proposer: alice}
status: {verdict: Rejected, reason: "Run is already in terminal state COMPLETED."}`), objectOf[v1alpha1.StateProposal](t, `
metadata: {name: cancel-2}
spec: {targetRef: {kind: TaskRun, name: `+copyID+`}, state: {type: CANCELLED}}`))
	out, _, err := ask(t, objects, "flow", "describe", strings.ToUpper(copyID))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"Subflow of:   flow run " + etlID + ", by its task run 7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01\n",
		"Ended:        2031-02-03T11:59:21.000Z\n",
		"Proposal:     CANCELLED by alice: Rejected, Run is already in terminal state COMPLETED.\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("%q is missing in\n%s", line, out)
		}
	}
	if strings.Count(out, "Proposal:") != 1 {
		t.Errorf("a proposal for a TaskRun of the same name is shown:\n%s", out)
	}
}

// A large flow run shows what did not complete, and the number of the rest.
func TestFlowDescribe_limitsTaskRuns(t *testing.T) {
	t.Parallel()
	objects := etl(t)
	for i := range 200 {
		objects = append(objects, taskOf(t, fmt.Sprintf("load-%d", i), "type: COMPLETED", 2, 3))
	}
	objects = append(objects, taskOf(t, "broken", "type: FAILED", 4, 5))
	out, _, err := ask(t, objects, "flow", "describe", etlID, "--tasks", "4")
	if err != nil {
		t.Fatal(err)
	}
	_, tree, _ := strings.Cut(out, "Tree:\n")
	tree, _, _ = strings.Cut(tree, "Timeline:\n")
	want(t, tree, `
  RUN                            STATE                START     TOOK     0s                  1m0s
  etl / quiet-walleye            RUNNING              +0s       1m0s     ━━━━━━━━━━━━━━━━━━━━━━━▸
  ├─ load-0                      COMPLETED            +2s       1s       ━
  ├─ broken                      FAILED               +4s       1s        ━
  ├─ copy / legible-vulture      COMPLETED            +10.75s   10.25s       ━━━━
  │  └─ rates-0                  COMPLETED            +12s      2s           ━━
  ├─ orders-0                    RUNNING (Retrying)   +30s      30s                  ━━━━━━━━━━━▸
  └─ … 200 more: 200 COMPLETED
`)
	if !strings.Contains(out, "Task runs:    204: 1 RUNNING, 202 COMPLETED, 1 FAILED\n") {
		t.Errorf("the numbers of task runs are missing in\n%s", out)
	}
}

func TestFlowDescribe_parameters(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprintf("p%02d: %d", i, i))
	}
	data := objectOf[v1alpha1.RunData](t, `{metadata: {name: large}, type: Parameters, text: '{"b": [1,  2], "a": 5.0}'}`)
	cases := map[string]struct {
		spec string
		want string
	}{
		"in RunData":              {"parametersDataName: large", "Parameters:   a=5.0\n              b=[1,2]\n"},
		"in RunData that is gone": {"parametersDataName: gone", "Parameters:   in RunData gone, which cannot be read: "},
		"a long value":            {"parameters: {text: " + strings.Repeat("x", 200) + "}", `text="` + strings.Repeat("x", 93) + "…\n"},
		"many":                    {"parameters: {" + strings.Join(many, ", ") + "}", "p09=9\n              … 2 more\n"},
		"a line break":            {`parametersJSON: '{"a": "b\nc"}'`, `a="b\nc"` + "\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := flowRun(t, etlID, "flowName: etl, "+tc.spec, stateAt("type: RUNNING"))
			out, _, err := ask(t, []client.Object{run, data.DeepCopy()}, "flow", "describe", etlID)
			if err != nil || !strings.Contains(out, tc.want) {
				t.Errorf("%v, %q is missing in\n%s", err, tc.want, out)
			}
		})
	}
}

func TestFlowDescribe_showsWhatTheRunWaitsFor(t *testing.T) {
	t.Parallel()
	proposal := `spec: {targetRef: {kind: FlowRun, name: ` + etlID + `}, state: {type: RUNNING}}`
	cases := map[string]struct {
		spec, state string
		proposal    string
		want        string // empty: nothing
	}{
		"its flow":                 {state: "", want: "the operator, to find RegisteredFlow etl"},
		"another run":              {state: `conditions: [{type: Stalled, status: "True", reason: DuplicateID, message: "taken by a", lastTransitionTime: "2031-02-03T11:59:00Z"}]`, want: "taken by a"},
		"its time":                 {state: stateAt("type: SCHEDULED") + `, nextScheduledStartTime: "2031-02-03T13:00:00Z"`, want: "its time, until 2031-02-03T13:00:00.000Z"},
		"its next attempt":         {state: stateAt("type: SCHEDULED, name: AwaitingRetry") + `, nextScheduledStartTime: "2031-02-03T13:00:00Z"`, want: "its next attempt, until 2031-02-03T13:00:00.000Z"},
		"its process":              {state: stateAt("type: SCHEDULED, name: Late"), want: "its process, to start it"},
		"its process, again":       {state: stateAt("type: SCHEDULED, name: AwaitingRetry"), want: "its process, to start its next attempt"},
		"its deployment":           {spec: ", deploymentID: 9b1de1a0-5b7a-4a55-9c4e-2f3c8f0e7f0b", state: stateAt("type: SCHEDULED"), want: "a worker or a served process of its deployment, to start it"},
		"its process, pending":     {state: stateAt("type: PENDING"), want: "its process, to start it"},
		"to be resumed":            {state: stateAt(`type: PAUSED, stateDetails: {pauseTimeout: "2031-02-03T13:00:00Z"}`), want: "a client, to resume it, until 2031-02-03T13:00:00.000Z"},
		"an input":                 {state: stateAt("type: PAUSED, stateDetails: {runInputKeyset: {schema: a, response: b}}"), want: "a client, to resume it with an input"},
		"its process, cancelling":  {state: stateAt("type: CANCELLING"), want: "its process, to stop, until 2031-02-03T12:04:00.000Z"},
		"a verdict":                {state: stateAt("type: PENDING"), proposal: proposal, want: "the operator, to evaluate StateProposal p (RUNNING)"},
		"a proposal that waits":    {state: stateAt("type: PENDING"), proposal: proposal + `, status: {verdict: Waiting, reason: "too early", retryTime: "2031-02-03T13:00:00Z"}`, want: "StateProposal p (RUNNING) to be evaluated again: too early, until 2031-02-03T13:00:00.000Z"},
		"nothing: it is executed":  {state: stateAt("type: RUNNING")},
		"nothing: it has finished": {state: stateAt("type: FAILED")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := []client.Object{flowRun(t, etlID, "flowName: etl"+tc.spec, tc.state)}
			if tc.proposal != "" {
				objects = append(objects, objectOf[v1alpha1.StateProposal](t, "{metadata: {name: p}, "+tc.proposal+"}"))
			}
			out, _, err := ask(t, objects, "flow", "describe", etlID)
			_, got, _ := strings.Cut(out, "Waits for:")
			got, _, _ = strings.Cut(got, "\n")
			if err != nil || strings.TrimSpace(got) != tc.want {
				t.Errorf("%v, waits for %q, want %q", err, got, tc.want)
			}
		})
	}
}

func TestFlowList_selects(t *testing.T) {
	t.Parallel()
	const parent, child = "flowrun.taskrun.dev/" + etlID + "\n", "flowrun.taskrun.dev/" + copyID + "\n"
	cases := map[string]struct {
		args []string
		want string
	}{
		"by the name of the flow":     {[]string{"--flow", "copy"}, child},
		"by the RegisteredFlow":       {[]string{"--flow", "etl-631fd8e1ffac93e4"}, parent},
		"without subflows":            {[]string{"--top-level"}, parent},
		"by type of state":            {[]string{"--state", "completed"}, child},
		"by tag":                      {[]string{"--tag", "nightly"}, parent},
		"the last one":                {[]string{"--limit", "1", "--sort-by", "flow"}, parent},
		"of another flow, no match":   {[]string{"--flow", "none"}, ""},
		"of a state that no run has":  {[]string{"--state", "PAUSED"}, ""},
		"in the order of their flows": {[]string{"--sort-by", "flow"}, child + parent},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _, err := ask(t, etl(t), append([]string{"flow", "list", "-o", "name"}, tc.args...)...)
			if err != nil || out != tc.want {
				t.Errorf("%v, printed %q, want %q", err, out, tc.want)
			}
		})
	}
}

func TestFlowDryRun(t *testing.T) {
	t.Parallel()
	out, remarks, err := ask(t, etl(t), "flow", "cancel", "--state", "RUNNING,COMPLETED", "--dry-run")
	if err != nil || remarks != "" {
		t.Fatalf("%v, %s", err, remarks)
	}
	want(t, out, `
NAME                                   RUN NAME        FLOW   STATE
01a22e7f-35e6-7d82-8490-5e3736773454   quiet-walleye   etl    RUNNING
1 run would be cancelled (dry run)
`)
	_, remarks, err = ask(t, etl(t), "flow", "retry", "legible-vulture", "--dry-run")
	if err == nil || !strings.Contains(remarks, "no deployment can start it again: run prefect flow-run retry "+copyID) {
		t.Errorf("%v, %s", err, remarks)
	}
}

// The proposed state is CANCELLING if a process executes the run.
func TestFlowCancel_proposedState(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spec, state string
		now         bool
		want        string
	}{
		"running":                     {state: "type: RUNNING", want: "CANCELLING"},
		"running, now":                {state: "type: RUNNING", now: true, want: "CANCELLED"},
		"paused in its process":       {state: "type: PAUSED", want: "CANCELLING"},
		"suspended":                   {state: "type: PAUSED, name: Suspended, stateDetails: {pauseReschedule: true}", want: "CANCELLED"},
		"scheduled":                   {state: "type: SCHEDULED", want: "CANCELLED"},
		"scheduled, with a process":   {spec: ", infrastructurePID: 'host:1'", state: "type: SCHEDULED, name: AwaitingRetry", want: "CANCELLING"},
		"pending, without a process":  {state: "type: PENDING", want: "CANCELLED"},
		"pending, with a process":     {spec: ", infrastructurePID: 'host:1'", state: "type: PENDING", want: "CANCELLING"},
		"cancelling, now, for a stop": {state: "type: CANCELLING", now: true, want: "CANCELLED"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := flowRun(t, etlID, "flowName: etl"+tc.spec, stateAt(tc.state))
			if got := cancellation(flowNames{}.item(object), tc.now); string(got) != tc.want {
				t.Errorf("proposes %s, want %s", got, tc.want)
			}
		})
	}
}

func TestFlowCommands_rejectInvalidArguments(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"an unknown subcommand":     {[]string{"show-me"}, `unknown command "show-me"`},
		"an unknown order":          {[]string{"list", "--sort-by", "task"}, "--sort-by task: must be one of created, flow,"},
		"a negative limit":          {[]string{"list", "--limit", "-1"}, "--limit -1: must be 0 or more"},
		"a negative number of runs": {[]string{"describe", "quiet-walleye", "--tasks", "-1"}, "--tasks -1: must be 0 or more"},
		"an unknown state":          {[]string{"cancel", "--state", "RUNS"}, "--state RUNS: no type of a state"},
		"no names and no selector":  {[]string{"cancel"}, "which runs? Name them, or choose them by --selector, --state, --flow, "},
		"an unknown name":           {[]string{"describe", "missing"}, "no FlowRun in the namespace default has the name, the id or the run name missing"},
		"a run name of two runs":    {[]string{"describe", "twin"}, "2 FlowRuns have the run name twin, the newest is twin-2"},
		"a task run":                {[]string{"describe", "users-0"}, "no FlowRun in the namespace default has"},
	}
	objects := func(t *testing.T) []client.Object {
		t.Helper()
		twin := func(i int) client.Object {
			return objectOf[v1alpha1.FlowRun](t, fmt.Sprintf(
				`{metadata: {name: twin-%d}, spec: {flowName: etl, name: twin, origin: {createdTime: "2031-02-03T10:00:0%dZ"}}}`, i, i))
		}
		return append(etl(t), twin(2), twin(1))
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := ask(t, objects(t), append([]string{"flow"}, tc.args...)...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q: %v, want %q in it", tc.args, err, tc.want)
			}
		})
	}
}

func TestFlowCompletion(t *testing.T) {
	t.Parallel()
	const parent, child = etlID + "\tRUNNING quiet-walleye\n", copyID + "\tCOMPLETED legible-vulture\n"
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"describe", ""}, parent + child},
		{[]string{"cancel", ""}, parent},
		{[]string{"retry", "01a"}, child},
		{[]string{"list", "--flow", ""}, "copy\netl\n"},
	} {
		out, _, err := ask(t, etl(t), append([]string{"__complete", "flow"}, tc.args...)...)
		if err != nil || out != tc.want+":4\n" {
			t.Errorf("%q: %v, %q, want %q", tc.args, err, out, tc.want)
		}
	}
}

func TestFlowHelp_showsOwnFlagsOnly(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"list", "describe", "cancel", "retry"} {
		out, _, err := ask(t, nil, "flow", command, "--help")
		if err != nil || strings.Contains(out, "--kubeconfig") || !strings.Contains(out, "--flow") {
			t.Errorf("%v, the help of %s is\n%s", err, command, out)
		}
	}
}
