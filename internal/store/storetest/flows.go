//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// RunFlows tests a store of flow runs. The function open returns an empty one each time.
func RunFlows(t *testing.T, open func(t *testing.T) flowrun.Store) {
	t.Helper()
	tests := map[string]func(t *testing.T, s flowrun.Store){
		"flows and runs that do not exist are not found":        testFlowsNotFound,
		"a flow is found by its id and its name":                testFlow,
		"a name that is taken gets the flow that has it":        testFlowTaken,
		"tags on top of an older version are rejected":          testStaleFlow,
		"a deleted flow leaves its runs":                        testDeleteFlow,
		"a new flow run is read back field by field":            testFlowRun,
		"an id or a key that is taken gets the run that has it": testFlowRunTaken,
		"an update is read back field by field":                 testUpdateFlowRun,
		"an update on top of an older version is rejected":      testStaleFlowRun,
		"a deleted flow run is gone with its inputs":            testDeleteFlowRun,
		"a replaced version of a flow run is not deleted":       testDeleteFlowRunVersion,
		"a flow run that is created again has no old states":    testFlowRunAgain,
		"a snapshot does not change":                            testFlowsSnapshot,
		"the newest subflow of a task run is found":             testSubflow,
		"each change is passed in order":                        testFollowFlowRuns,
		"inputs are kept in their order":                        testInputs,
		"large parts are read back":                             testLargeParts,
		"parts that a snapshot lacks can be loaded":             testUnloadedParts,
		"no flow run is lost for what is too long":              testOversizeFlowRun,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// flowOf returns the nth flow of a test.
func flowOf(n int) *flowrun.Flow {
	return &flowrun.Flow{
		ID: fmt.Sprintf("0198a1b2-0000-7000-a000-%012x", n), Created: start, Updated: start, Name: fmt.Sprintf("Flow %d ü#?", n),
		Tags: []string{"a", "a"}, Labels: map[string]json.RawMessage{"x": json.RawMessage("1.0"), "y": json.RawMessage(`"z"`)},
	}
}

// begunFlowRun returns the nth run of a test in its initial state.
func begunFlowRun(n int, kind orchestration.StateType, change func(*flowrun.Run)) *flowrun.Run {
	run := flowrun.Run{
		ID: runID(n), Created: start, Updated: start, FlowID: flowOf(1).ID, Context: json.RawMessage("{}"),
		Editable:    flowrun.Editable{Name: fmt.Sprintf("run-%d", n), Parameters: json.RawMessage("{}")},
		StatusStale: true, CreatedViaREST: true,
	}
	if change != nil {
		change(&run)
	}
	proposal := taskrun.Proposal{Type: kind, Details: orchestration.StateDetails{Deferred: new(false)}}
	run = flowrun.Begin(run, proposal.State(stateID(n), run.Created))
	return &run
}

// enrichFlowRun sets every field that a client can set when it creates a run.
func enrichFlowRun(run *flowrun.Run) {
	run.IdempotencyKey, run.ParentTaskRunID = new("key ü"), runID(900)
	run.DeploymentID, run.DeploymentVersion, run.WorkQueueName, run.AutoScheduled = runID(901), new("v2"), new("queue"), true
	run.Context = json.RawMessage(`{"c":1.0}`)
	run.CreatedBy = &flowrun.Creator{ID: runID(902), Type: "AUTOMATION", DisplayValue: "mine"}
	run.Labels = map[string]json.RawMessage{"prefect.flow.id": json.RawMessage(`"` + run.FlowID + `"`), "n": json.RawMessage("5.0")}
	run.Editable = flowrun.Editable{
		Name: "odd-owl", FlowVersion: new("hash"), Parameters: json.RawMessage(`{"a":12345678901234567890,"b":[1.0,null]}`),
		Policy: flowrun.Policy{MaxRetries: "3", RetryDelaySeconds: "1.5", Retries: new(int64(-1)), RetryDelay: new(int64(7))},
		Tags:   []string{"a", "b", "a"}, InfrastructurePID: new("pid"), JobVariables: json.RawMessage(`{"env":{"A":"1"}}`),
	}
	run.PauseKeys, run.RetryType = []string{"k"}, orchestration.RetryReschedule
}

// differFlowRuns compares two runs but for what is the store's own. No tags, keys, answers
// and past states are the same as empty ones.
func differFlowRuns(want, got *flowrun.Run) string {
	lists := cmp.FilterPath(func(p cmp.Path) bool {
		switch p.Last().String() {
		case ".Tags", ".PauseKeys", ".History", ".Answers", ".Decisions":
			return true
		default:
			return false
		}
	}, cmpopts.EquateEmpty())
	texts := cmp.Comparer(func(a, b json.RawMessage) bool { return string(a) == string(b) }) // they can be long
	return cmp.Diff(want, got, lists, texts, cmpopts.IgnoreFields(flowrun.Run{}, "Ref", "StatusStale"))
}

func mustCreateFlow(t *testing.T, s flowrun.Store, flow *flowrun.Flow) *flowrun.Flow {
	t.Helper()
	created, err := s.CreateFlow(t.Context(), flow)
	if err != nil {
		t.Fatalf("CreateFlow(%s): %v", flow.Name, err)
	}
	return created
}

func mustCreateFlowRun(t *testing.T, s flowrun.Store, run *flowrun.Run) *flowrun.Run {
	t.Helper()
	created, err := s.Create(t.Context(), run)
	if err != nil {
		t.Fatalf("Create(%s): %v", run.ID, err)
	}
	return created
}

func mustUpdateFlowRun(t *testing.T, s flowrun.Store, run *flowrun.Run) *flowrun.Run {
	t.Helper()
	updated, err := s.Update(t.Context(), run)
	if err != nil {
		t.Fatalf("Update(%s): %v", run.ID, err)
	}
	return updated
}

// movedFlowRun returns the run in a further state, as a transition would leave it.
func movedFlowRun(run *flowrun.Run, id string, kind orchestration.StateType) *flowrun.Run {
	next := *run
	at := run.State.Timestamp.Add(time.Second)
	facts := run.Facts(taskrun.Proposal{Type: kind, Details: orchestration.StateDetails{Deferred: new(false)}}.State(id, at))
	facts.Policy, facts.Now, facts.NewID = orchestration.FlowRunMinimal, at, id
	decision := orchestration.DecideFlowRun(facts)
	next.Enter(decision.Progress, *decision.State)
	next.Touch(at)
	next.RecordEnd(at)
	return &next
}

func testFlowsNotFound(t *testing.T, s flowrun.Store) {
	ctx, missing := t.Context(), begunFlowRun(1, orchestration.Pending, nil)
	missing.Ref.UID = "none"
	_, flow := s.Flow(ctx, flowOf(1).ID)
	_, named := s.FlowNamed(ctx, "none")
	_, updatedFlow := s.UpdateFlow(ctx, flowOf(1))
	_, run := s.Get(ctx, missing.ID)
	_, reloaded := s.Reload(ctx, missing)
	_, updated := s.Update(ctx, missing)
	_, _, state := s.State(ctx, stateID(1))
	_, input := s.Input(ctx, missing.ID, "k")
	for name, err := range map[string]error{
		"Flow": flow, "FlowNamed": named, "UpdateFlow": updatedFlow, "DeleteFlow": s.DeleteFlow(ctx, flowOf(1).ID),
		"Get": run, "Reload": reloaded, "Update": updated, "Delete": s.Delete(ctx, missing.ID, nil), "State": state,
		"Input": input, "CreateInput": s.CreateInput(ctx, &flowrun.Input{ID: runID(2), RunID: missing.ID, Key: "k"}),
		"DeleteInput": s.DeleteInput(ctx, missing.ID, "k"),
	} {
		if !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s: error %v, want ErrNotFound", name, err)
		}
	}
}

func testFlow(t *testing.T, s flowrun.Store) {
	want := flowOf(1)
	created := mustCreateFlow(t, s, want)
	byID, err := s.Flow(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	byName, err := s.FlowNamed(t.Context(), want.Name)
	if err != nil {
		t.Fatal(err)
	}
	ignoreRef := cmpopts.IgnoreFields(flowrun.Flow{}, "Ref")
	for what, got := range map[string]*flowrun.Flow{"CreateFlow": created, "Flow": byID, "FlowNamed": byName} {
		if diff := cmp.Diff(want, got, ignoreRef); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	next := *byID
	next.Tags, next.Updated, next.Name = []string{"b"}, start.Add(time.Second), "is not changed"
	if _, err = s.UpdateFlow(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	next.Name = want.Name
	if got, err := s.Flow(t.Context(), want.ID); err != nil || cmp.Diff(&next, got, ignoreRef) != "" {
		t.Errorf("after UpdateFlow, error %v (-want +got):\n%s", err, cmp.Diff(&next, got, ignoreRef))
	}
}

func testFlowTaken(t *testing.T, s flowrun.Store) {
	first := mustCreateFlow(t, s, flowOf(1))
	second := flowOf(2)
	second.Name = first.Name
	if existing, err := s.CreateFlow(t.Context(), second); !errors.Is(err, taskrun.ErrExists) || existing.ID != first.ID {
		t.Errorf("CreateFlow() = %+v, error %v, want the first flow and ErrExists", existing, err)
	}
	mustCreateFlow(t, s, flowOf(2))
}

func testStaleFlow(t *testing.T, s flowrun.Store) {
	old := mustCreateFlow(t, s, flowOf(1))
	if _, err := s.UpdateFlow(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateFlow(t.Context(), old); !errors.Is(err, taskrun.ErrConflict) {
		t.Errorf("UpdateFlow() of an older version: error %v, want ErrConflict", err)
	}
}

func testDeleteFlow(t *testing.T, s flowrun.Store) {
	flow := mustCreateFlow(t, s, flowOf(1))
	run := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, nil))
	if err := s.DeleteFlow(t.Context(), flow.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FlowNamed(t.Context(), flow.Name); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("FlowNamed(): error %v, want ErrNotFound", err)
	}
	if _, err := s.Get(t.Context(), run.ID); err != nil {
		t.Errorf("Get() of its run: %v", err)
	}
	mustCreateFlow(t, s, flowOf(1))
}

func testFlowsSnapshot(t *testing.T, s flowrun.Store) {
	flow := mustCreateFlow(t, s, flowOf(1))
	first := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, nil))
	mustCreateFlowRun(t, s, begunFlowRun(2, orchestration.Pending, func(run *flowrun.Run) { run.FlowID = flowOf(2).ID }))
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustUpdateFlowRun(t, s, movedFlowRun(first, stateID(20), orchestration.Running))
	mustCreateFlowRun(t, s, begunFlowRun(3, orchestration.Pending, nil))
	if err = s.DeleteFlow(t.Context(), flow.ID); err != nil {
		t.Fatal(err)
	}
	wantOldSnapshot(t, snapshot, flow.ID, first.ID)
}

// wantOldSnapshot checks a snapshot of one flow and two runs, one of them of the flow, after
// changes to the store.
func wantOldSnapshot(t *testing.T, snapshot flowrun.Snapshot, flowID, first string) {
	t.Helper()
	if got := sortedRunIDs(snapshot.Runs()); !slices.Equal(got, []string{runID(1), runID(2)}) {
		t.Errorf("Runs() = %v, want those of its moment", got)
	}
	if got := sortedRunIDs(snapshot.RunsOf(flowID)); !slices.Equal(got, []string{runID(1)}) {
		t.Errorf("RunsOf() = %v, want the run of the flow", got)
	}
	flows := 0
	for range snapshot.Flows() {
		flows++
	}
	if got := snapshot.Run(first); got == nil || got.State.Type != orchestration.Pending || snapshot.Flow(flowID) == nil || flows != 1 {
		t.Errorf("Run() = %+v, %d flows, want those of its moment", got, flows)
	}
	if snapshot.Run(runID(3)) != nil || snapshot.Flow(flowOf(2).ID) != nil {
		t.Error("what is not in the snapshot is returned")
	}
}
