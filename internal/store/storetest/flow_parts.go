//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// largeObject is a JSON object of n bytes, another one for each name.
func largeObject(name string, n int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{%q:%q}`, name, strings.Repeat("x", n-len(name)-len(`{"":""}`))))
}

func withLargeParts(run *flowrun.Run) {
	run.Parameters = largeObject("parameters", flowrun.MaxParameters)
	run.Context = largeObject("context", flowrun.MaxInline+1)
	run.JobVariables = largeObject("jobVariables", 100_000)
}

func testLargeParts(t *testing.T, s flowrun.Store) {
	want := begunFlowRun(1, orchestration.Scheduled, withLargeParts)
	created := mustCreateFlowRun(t, s, want)
	check := func(what string, want, got *flowrun.Run) {
		t.Helper()
		if diff := differFlowRuns(want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%.2000s", what, diff)
		}
	}
	check("Create", want, created)
	check("Get", want, mustGetFlowRun(t, s, want.ID))

	moved := movedFlowRun(created, stateID(20), orchestration.Running)
	updated := mustUpdateFlowRun(t, s, moved)
	check("Update of the state", moved, updated)

	edited := *updated
	edited.Parameters, edited.JobVariables = largeObject("other", 200_000), json.RawMessage(`{"a":1}`)
	updated = mustUpdateFlowRun(t, s, &edited)
	check("Update of parts", &edited, updated)
	check("Get after the update of parts", &edited, mustGetFlowRun(t, s, want.ID))
	reloaded, err := s.Reload(t.Context(), updated)
	if err != nil {
		t.Fatal(err)
	}
	check("Reload", &edited, reloaded)

	again := *updated
	again.Parameters, again.JobVariables = want.Parameters, nil
	updated = mustUpdateFlowRun(t, s, &again)
	check("Update of parts to the first ones and to null", &again, updated)
	check("Get after that", &again, mustGetFlowRun(t, s, want.ID))
}

func mustGetFlowRun(t *testing.T, s flowrun.Store, id string) *flowrun.Run {
	t.Helper()
	run, err := s.Get(t.Context(), id)
	if err != nil {
		t.Fatalf("Get(%s): %v", id, err)
	}
	return run
}

// A run of a snapshot can lack its parts. They can be loaded, and are kept by a write of
// the run without them.
func testUnloadedParts(t *testing.T, s flowrun.Store) {
	want := mustCreateFlowRun(t, s, begunFlowRun(1, orchestration.Pending, withLargeParts))
	snapshot, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := snapshot.Run(want.ID)
	loaded, err := s.Load(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	if diff := differFlowRuns(want, loaded); diff != "" {
		t.Fatalf("Load (-want +got):\n%.2000s", diff)
	}
	moved := movedFlowRun(run, stateID(20), orchestration.Running)
	mustUpdateFlowRun(t, s, moved)
	got := mustGetFlowRun(t, s, want.ID)
	if got.State.Type != orchestration.Running || string(got.Parameters) != string(want.Parameters) ||
		string(got.Context) != string(want.Context) || string(got.JobVariables) != string(want.JobVariables) {
		t.Errorf("a write without the parts changed them: %.100s, %.100s, %.100s", got.Parameters, got.Context, got.JobVariables)
	}
}

// Whatever a client sends, what is left of it after Fit is stored.
func testOversizeFlowRun(t *testing.T, s flowrun.Store) {
	for n, character := range []string{"x", "\u2028", `"`, "😀"} {
		long := strings.Repeat(character, 6_000)
		quoted, err := json.Marshal(long)
		if err != nil {
			t.Fatal(err)
		}
		run := begunFlowRun(n, orchestration.Pending, nil)
		*run = flowrun.Run{
			ID: run.ID, Created: start, Updated: start, FlowID: run.FlowID, Context: json.RawMessage("{}"),
			IdempotencyKey: new(strings.Repeat(character, flowrun.MaxIdempotencyKey)), DeploymentVersion: &long, WorkQueueName: &long,
			CreatedBy: &flowrun.Creator{Type: long, DisplayValue: long}, StatusStale: true, CreatedViaREST: true,
		}
		describe := func(run *flowrun.Run) {
			run.Name, run.FlowVersion, run.InfrastructurePID, run.Labels = long, &long, &long, map[string]json.RawMessage{}
			run.Parameters, run.JobVariables, run.Tags = largeObject("a", 5000), largeObject("b", 3000), nil
			for i := range 100 {
				run.Tags = append(run.Tags, long[:4*i])
				run.Labels[strings.Repeat("k", i)] = quoted
				run.PauseKeys = append(run.PauseKeys, long)
			}
		}
		describe(run)
		state := taskrun.Proposal{Type: orchestration.Failed, Name: &long, Message: &long, Data: quoted}.State(stateID(n), start)
		run.Fit(&state)
		*run = flowrun.Begin(*run, state)
		created := mustCreateFlowRun(t, s, run)
		useEndOf(run, created)
		if diff := differFlowRuns(run, created); diff != "" {
			t.Errorf("%q: Create (-want +got):\n%.2000s", character, diff)
		}

		small := mustCreateFlowRun(t, s, begunFlowRun(10+n, orchestration.Pending, nil))
		edited := *small
		describe(&edited)
		edited.Fit(&state)
		edited.Updated = start
		updated := mustUpdateFlowRun(t, s, &edited)
		if diff := differFlowRuns(&edited, updated); diff != "" {
			t.Errorf("%q: Update (-want +got):\n%.2000s", character, diff)
		}
	}
}
