package kubectl

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery/registry"
)

// noon is the time of the tests.
var noon = time.Date(2031, 2, 3, 12, 0, 0, 0, time.UTC)

// objectOf decodes an object, created an hour before noon.
func objectOf[T any](t *testing.T, text string) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if accessor, ok := any(object).(metav1.Object); ok {
		accessor.SetNamespace("default")
		accessor.SetUID(types.UID("uid-of-" + accessor.GetName()))
		accessor.SetCreationTimestamp(metav1.NewTime(noon.Add(-time.Hour)))
	}
	return object
}

// fleetOf returns the Lease of a replica with these workers, as JSON.
func fleetOf(workers string) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: operatorNamespace, Name: "replica", Labels: map[string]string{registry.LabelServes: "default"},
			Annotations: map[string]string{"taskrun.dev/workers": workers},
		},
		Spec: coordinationv1.LeaseSpec{RenewTime: new(metav1.NewMicroTime(noon)), LeaseDurationSeconds: new(int32(15))},
	}
}

// listsAll lets the client of the tests, which does not support field selectors,
// return all objects.
func listsAll(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
	asked := (&client.ListOptions{}).ApplyOptions(options)
	asked.FieldSelector = nil
	return c.List(ctx, list, asked)
}

// ask runs the plugin on these objects and returns its output.
func ask(t *testing.T, objects []client.Object, args ...string) (out, remarks string, err error) {
	t.Helper()
	c := fake.NewClientBuilder().WithScheme(scheme()).WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{List: listsAll}).Build()
	var stdout, stderr bytes.Buffer
	command := NewCommand(Options{
		Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr},
		Clock:   testingclock.NewFakePassiveClock(noon), Zone: time.UTC,
		Connect: func() (Cluster, error) { return Cluster{Client: c, Namespace: "default"}, nil },
	})
	command.SetArgs(args)
	err = command.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

// want compares the output, without spaces at the ends of lines.
func want(t *testing.T, got, wanted string) {
	t.Helper()
	trim := func(text string) []string {
		lines := strings.Split(strings.Trim(text, "\n"), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " \t")
		}
		return lines
	}
	if diff := cmp.Diff(trim(wanted), trim(got)); diff != "" {
		t.Errorf("(-want +got)\n%s\nall of it:\n%s", diff, got)
	}
}

func runs(t *testing.T, texts ...string) []client.Object {
	t.Helper()
	objects := make([]client.Object, len(texts))
	for i, text := range texts {
		objects[i] = objectOf[v1alpha1.TaskRun](t, text)
	}
	return objects
}

const (
	failed = `
metadata: {name: load, annotations: {taskrun.dev/created-by: "system:serviceaccount:etl:loader"}}
spec:
  id: 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4
  name: load-7
  taskKey: load-1a2b
  dynamicKey: "7"
  taskVersion: "1.4"
  tags: [nightly, db]
  labels: {team: data, shard: 3}
  empiricalPolicy: {retries: 2, retryDelay: [10, "60"]}
  taskInputs: [{name: users, sources: [{inputType: task_run, taskRunName: extract}, {inputType: task_run, taskRunName: missing}, {inputType: task_run, id: 7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01}]}, {name: day, sources: [{inputType: parameter, name: day}]}]
  origin: {createdTime: "2031-02-03T11:00:00.250000Z"}
status:
  observedGeneration: 1
  inputTaskRunIDs: [7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e02, "-"]
  runCount: 1
  startTime: "2031-02-03T11:00:05.000000Z"
  endTime: "2031-02-03T11:01:35.500000Z"
  totalRunTimeSeconds: "90.5"
  state: {id: 11111111-1111-4111-8111-111111111111, type: FAILED, timestamp: "2031-02-03T11:01:35.500000Z", message: "the database is away\nTraceback", source: Event}
  history:
  - {id: 11111111-1111-4111-8111-111111111112, type: SCHEDULED, timestamp: "2031-02-03T11:00:00.250000Z", stateDetails: {deferred: true, taskParametersID: 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b5, scheduledTime: "2031-02-03T11:00:04Z"}}
  - {id: 11111111-1111-4111-8111-111111111113, type: PENDING, timestamp: "2031-02-03T11:00:04.900000Z", source: Event}
  - {id: 11111111-1111-4111-8111-111111111114, type: RUNNING, timestamp: "2031-02-03T11:00:05.000000Z", source: Event}
  historyDropped: 3
  delivery: {deliveredTime: "2031-02-03T11:00:04.500000Z", attempts: 2}
`
	running = `
metadata: {name: running}
spec: {taskKey: load-1a2b, tags: [db]}
status:
  runCount: 1
  startTime: "2031-02-03T11:59:30Z"
  totalRunTimeSeconds: "5"
  state: {id: 11111111-1111-4111-8111-111111111115, type: RUNNING, name: Retrying, timestamp: "2031-02-03T11:59:50Z"}
  delivery: {holder: host-1, deliveredTime: "2031-02-03T11:59:20Z", attempts: 1}
`
	fresh = "{metadata: {name: fresh}, spec: {taskKey: say}}"
)

func TestList_showsTableNewestLast(t *testing.T) {
	t.Parallel()
	out, remarks, err := ask(t, runs(t, running, failed), "list")
	if err != nil || remarks != "" {
		t.Fatalf("%v, %s", err, remarks)
	}
	want(t, out, `
NAME      STATE                TASK        RUNS   TOOK    AGE
running   RUNNING (Retrying)   load-1a2b   1      15s     60m
load      FAILED               load-1a2b   1      1m31s   59m
`)
}

func TestList_wideAndAllNamespaces(t *testing.T) {
	t.Parallel()
	out, _, err := ask(t, runs(t, failed), "list", "-A", "-o", "wide")
	if err != nil {
		t.Fatal(err)
	}
	want(t, out, `
NAMESPACE   NAME   STATE    TASK        RUNS   TOOK    AGE   RUN NAME   TAGS         WORKER   MESSAGE
default     load   FAILED   load-1a2b   1      1m31s   59m   load-7     nightly,db   <none>   the database is away …
`)
}

func TestList_selectsSortsAndLimits(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"by type of state":           {[]string{"--state", "failed,COMPLETED"}, "taskrun.taskrun.dev/load\n"},
		"by name of state":           {[]string{"--state", "Retrying"}, "taskrun.taskrun.dev/running\n"},
		"a run that has not started": {[]string{"--state", "PENDING"}, "taskrun.taskrun.dev/fresh\n"},
		"by all of its tags":         {[]string{"--tag", "db", "--tag", "nightly"}, "taskrun.taskrun.dev/load\n"},
		"by its worker":              {[]string{"--worker", "host-1"}, "taskrun.taskrun.dev/running\n"},
		"the last one":               {[]string{"--limit", "1", "--sort-by", "name"}, "taskrun.taskrun.dev/running\n"},
		"no match":                   {[]string{"--state", "PAUSED"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _, err := ask(t, runs(t, running, failed, fresh), append([]string{"list", "-o", "name"}, tc.args...)...)
			if err != nil || out != tc.want {
				t.Errorf("%v, printed %q, want %q", err, out, tc.want)
			}
		})
	}
}

func TestSelector_rejectsUnknownState(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args      []string
		wantError string // part of it; empty: none
	}{
		"a misspelled type":                    {[]string{"list", "--state", "FAILD"}, "--state FAILD: no type of a state"},
		"a type of two words":                  {[]string{"list", "--state", "FAILED,nonsense"}, "--state nonsense: "},
		"the error lists the types":            {[]string{"list", "--state", "x"}, "types: SCHEDULED, PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, CRASHED, PAUSED, CANCELLING"},
		"the error lists the names of Prefect": {[]string{"list", "--state", "x"}, "AwaitingRetry, Retrying, "},
		"describe":                             {[]string{"describe", "--state", "FAILD"}, "--state FAILD: "},
		"queue":                                {[]string{"queue", "--state", "FAILD"}, "--state FAILD: "},
		"cancel":                               {[]string{"cancel", "--state", "FAILD"}, "--state FAILD: "},
		"retry":                                {[]string{"retry", "--state", "FAILD", "--dry-run"}, "--state FAILD: "},
		"a type that no run has":               {[]string{"list", "--state", "paused"}, ""},
		"a name that no run has":               {[]string{"list", "--state", "TimedOut"}, ""},
		"a name that only a run has":           {[]string{"list", "--state", "nodisk"}, ""},
		"a custom name in another task":        {[]string{"list", "--state", "NoDisk", "--task", "other"}, ""},
	}
	own := strings.Replace(running, "name: Retrying", "name: NoDisk", 1)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := ask(t, runs(t, own, failed), tc.args...)
			if tc.wantError == "" && err != nil || tc.wantError != "" && (err == nil || !strings.Contains(err.Error(), tc.wantError)) {
				t.Errorf("error %v, want one with %q", err, tc.wantError)
			}
		})
	}
}

func TestDryRun_showsRunsAndTheirNumber(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"of one namespace": {[]string{"cancel", "--task", "load-1a2b", "--dry-run"}, `
NAME      RUN NAME   TASK        STATE
running   running    load-1a2b   RUNNING (Retrying)
1 run would be cancelled (dry run)
`},
		"of all namespaces": {[]string{"retry", "--tag", "db", "-A", "--dry-run"}, `
NAMESPACE   NAME   RUN NAME   TASK        STATE
default     load   load-7     load-1a2b   FAILED
1 run would be retried (dry run)
`},
		"of none": {[]string{"cancel", "--state", "FAILED", "--dry-run"}, "0 runs would be cancelled (dry run)\n"},
		"of several": {[]string{"cancel", "--state", "PENDING,RUNNING", "--dry-run"}, `
NAME      RUN NAME   TASK        STATE
fresh     fresh      say         PENDING
running   running    load-1a2b   RUNNING (Retrying)
2 runs would be cancelled (dry run)
`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, remarks, err := ask(t, runs(t, running, failed, fresh), tc.args...)
			if err != nil || remarks != "" {
				t.Fatalf("%v, %s", err, remarks)
			}
			want(t, out, tc.want)
		})
	}
}

func TestHelp_showsOwnFlagsOnly(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"list", "describe", "queue", "cancel", "retry"} {
		out, _, err := ask(t, nil, command, "--help")
		if err != nil || strings.Contains(out, "--kubeconfig") || !strings.Contains(out, "--state") ||
			!strings.Contains(out, `Use "kubectl taskrun options"`) {
			t.Errorf("%v, the help of %s is\n%s", err, command, out)
		}
	}
	out, _, err := ask(t, nil, "options")
	if err != nil || !strings.Contains(out, "--kubeconfig") || !strings.Contains(out, "--namespace") {
		t.Errorf("%v, the options are\n%s", err, out)
	}
}

// The API server selects as far as it can. It must not exclude a run without a
// status.
func TestSelector_options(t *testing.T) {
	t.Parallel()
	const notThose = "status.state.type!=SCHEDULED,status.state.type!=PENDING,status.state.type!=RUNNING,status.state.type!=COMPLETED," +
		"status.state.type!=CANCELLED,status.state.type!=PAUSED,status.state.type!=CANCELLING"
	cases := map[string]struct {
		choice selector
		want   string
	}{
		"nothing":               {selector{}, ""},
		"two types":             {selector{criteria: criteria{states: []string{"FAILED", "crashed"}}}, notThose},
		"a type twice":          {selector{criteria: criteria{states: []string{"FAILED", "crashed", "failed"}}}, notThose},
		"a type and a name":     {selector{criteria: criteria{states: []string{"FAILED", "Late"}}}, ""},
		"a task and a flow run": {selector{task: "a,b", flowRun: "f"}, `spec.taskKey=a\,b,spec.flowRunID=f`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, err := tc.choice.options("default")
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if options.FieldSelector != nil {
				got = options.FieldSelector.String()
			}
			if got != tc.want {
				t.Errorf("selects %s, want %s", got, tc.want)
			}
		})
	}
}

func TestDescribe_showsTimeline(t *testing.T) {
	t.Parallel()
	event := objectOf[eventsv1.Event](t, `{metadata: {name: e}, type: Warning, reason: Redelivered, note: "worker host-1 is gone", eventTime: "2031-02-03T11:00:04.500000Z"}`)
	objects := append(runs(t, failed), event)
	for i, text := range []string{
		`metadata: {name: retry-1}, spec: {targetRef: {kind: TaskRun, name: load}, proposer: alice, state: {type: SCHEDULED}},
			status: {verdict: Rejected, reason: This run has already terminated.}`,
		`metadata: {name: cancel-1}, spec: {targetRef: {kind: TaskRun, name: load}, state: {type: CANCELLED}}`,
		`metadata: {name: cancel-2}, spec: {targetRef: {kind: TaskRun, name: other}, state: {type: CANCELLED}}`,
	} {
		proposal := objectOf[v1alpha1.StateProposal](t, "{"+text+"}")
		proposal.CreationTimestamp.Time = noon.Add(time.Duration(i) * time.Second)
		objects = append(objects, proposal)
	}
	out, remarks, err := ask(t, objects, "describe", "0196C1F0-3f8e-7c51-9a2b-6a5de1a0c9b4")
	if err != nil || remarks != "" {
		t.Fatalf("%v, %s", err, remarks)
	}
	want(t, out, `
Name:          load
Namespace:     default
Run name:      load-7
ID:            0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4
Task:          load-1a2b, version 1.4
Dynamic key:   7
Tags:          nightly, db
Labels:        shard=3, team="data"
Retries:       2, after 10, 60 seconds
Inputs:        day from parameter day
               users from TaskRun missing, not found yet: left out over REST
               users from task run 7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e01
               users from task run 7d0c9a55-30b4-4c9e-8a0f-1b6f2d3c4e02, TaskRun extract
Created:       2031-02-03T11:00:00.250Z
Created by:    system:serviceaccount:etl:loader
State:         FAILED for 58m
Message:       the database is away …
Waits for:     the operator, to evaluate StateProposal cancel-1 (CANCELLED)
Worker:        <none>; delivered 2 times, last 59m ago
Started:       2031-02-03T11:00:05.000Z
Ended:         2031-02-03T11:01:35.500Z
Runs:          1, took 1m31s
Proposal:      SCHEDULED by alice: Rejected, This run has already terminated.
Proposal:      CANCELLED: not evaluated yet
Timeline:
  WHEN                       STATE          LASTED   BY         MESSAGE
                             3 older ones                       no longer kept
  2031-02-03T11:00:00.250Z   SCHEDULED      4.65s    operator   for 2031-02-03T11:00:04.000Z
  2031-02-03T11:00:04.900Z   PENDING        100ms    worker
  2031-02-03T11:00:05.000Z   RUNNING        1m31s    worker
  2031-02-03T11:01:35.500Z   FAILED         <none>   worker     the database is away …
Events:
  WHEN                       TYPE      REASON        MESSAGE
  2031-02-03T11:00:04.500Z   Warning   Redelivered   worker host-1 is gone
`)
}

func TestDescribe_acceptsNameResourceAndID(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"load", "taskrun/load", "taskrun.taskrun.dev/load", "0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4"} {
		out, _, err := ask(t, runs(t, failed, running), "describe", name, "-o", "json")
		if err != nil || !strings.Contains(out, `"kind": "TaskRun"`) || !strings.Contains(out, `"name": "load-7"`) {
			t.Errorf("describe %s: %v, %s", name, err, out)
		}
	}
}

func TestCommands_rejectInvalidArguments(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"an unknown subcommand":      {[]string{"show-me"}, `unknown command "show-me"`},
		"an unknown format":          {[]string{"list", "-o", "table"}, "-o table: must be one of wide, json, yaml, name"},
		"a format of objects, queue": {[]string{"queue", "-o", "name"}, "-o name: must be one of wide, json, yaml"},
		"an unknown order":           {[]string{"list", "--sort-by", "age"}, "--sort-by age: must be one of created,"},
		"an invalid selector":        {[]string{"list", "-l", "a=("}, "--selector: "},
		"no names and no selector":   {[]string{"cancel"}, "which runs?"},
		"names and a selector":       {[]string{"retry", "load", "--state", "FAILED"}, "not both"},
		"names in all namespaces":    {[]string{"cancel", "load", "-A"}, "--all-namespaces goes with flags that choose runs"},
		"describe in all namespaces": {[]string{"describe", "load", "-A"}, "--all-namespaces goes with flags that choose runs"},
		"an unknown name":            {[]string{"describe", "missing"}, `"missing" not found`},
		"an unknown id":              {[]string{"describe", "0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9ff"}, "no TaskRun in the namespace default has the name or the id 0196"},
		"list with names":            {[]string{"list", "load"}, `unknown command "load"`},
		"a negative limit":           {[]string{"list", "--limit", "-1"}, "--limit -1: must be 0 or more"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := ask(t, runs(t, failed), tc.args...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q: %v, want %q in it", tc.args, err, tc.want)
			}
		})
	}
}

func TestCompletion_ofNames(t *testing.T) {
	t.Parallel()
	objects := runs(t, failed, running, fresh)
	for _, tc := range []struct{ subcommand, typed, want string }{
		{"describe", "", "fresh\tPENDING fresh\nload\tFAILED load-7\nrunning\tRUNNING (Retrying) running\n:4\n"},
		{"cancel", "", "fresh\tPENDING fresh\nrunning\tRUNNING (Retrying) running\n:4\n"},
		{"retry", "l", "load\tFAILED load-7\n:4\n"},
	} {
		out, _, err := ask(t, objects, "__complete", tc.subcommand, tc.typed)
		if err != nil || out != tc.want {
			t.Errorf("%s %q: %v, %q, want %q", tc.subcommand, tc.typed, err, out, tc.want)
		}
	}
}
