//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// reportedFlow is a flow run that no created run has.
const reportedFlow = "0198a1b2-0000-7000-8000-0000000000f9"

// testReported writes reported fields of a run, and reads back both these fields
// and the resulting run.
func testReported(t *testing.T, s taskrun.Store) {
	labels := func(text string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"l": json.RawMessage(text)}
	}
	inputs := map[string][]taskrun.TaskInput{"x": {{InputType: taskrun.InputConstant, Type: "int"}}}
	full := taskrun.Patch{
		FlowRunID: taskrun.Set(reportedFlow), Name: taskrun.Set("reported"), TaskKey: taskrun.Set("key"), DynamicKey: taskrun.Set("dynamic"),
		CacheKey: taskrun.Set("cache"), CacheExpiration: taskrun.Set(start.Add(time.Hour)), TaskVersion: taskrun.Set("v"),
		Policy: taskrun.Set(taskrun.Policy{MaxRetries: "1", Retries: "2"}), Tags: taskrun.Set([]string{"b", "a"}), Labels: taskrun.Set(labels("1.50")),
		TaskInputs: taskrun.Set(inputs),
	}
	tests := map[string]taskrun.Patch{
		"everything": full,
		"null": {
			FlowRunID: taskrun.Null[string](), CacheKey: taskrun.Null[string](), CacheExpiration: taskrun.Null[time.Time](), TaskVersion: taskrun.Null[string](),
			Tags: taskrun.Null[[]string](), Labels: taskrun.Null[map[string]json.RawMessage](), TaskInputs: taskrun.Null[map[string][]taskrun.TaskInput](),
			Policy: taskrun.Null[taskrun.Policy](),
		},
		"what is empty": {
			Tags: taskrun.Set([]string{}), Labels: taskrun.Set(map[string]json.RawMessage{}), CacheKey: taskrun.Set(""),
			TaskInputs: taskrun.Set(map[string][]taskrun.TaskInput{}), Policy: taskrun.Set(taskrun.Policy{}),
		},
		"nothing but a name": {Name: taskrun.Set("reported")},
		"the name of before": {Name: taskrun.Set("run-1")},
		"no labels":          {Labels: taskrun.Null[map[string]json.RawMessage]()},
	}
	n := 0
	for name, columns := range tests {
		n++
		made := mustCreate(t, s, begun(n, pending(), enrich))
		next := moved(made, stateID(100+n), orchestration.Running)
		next.State.Reported = true
		next.Reported = &columns
		want := *next
		columns.ApplySpec(&want)
		mustUpdate(t, s, next)
		got := mustGet(t, s, made.ID)
		if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(taskrun.Run{}, "Ref", "StatusStale", "Reported")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(&columns, got.Reported, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("reported, %s (-want +got):\n%s", name, diff)
		}
	}
}

// testReportedKey gives a run another natural key, with which it is found
// afterwards.
func testReportedKey(t *testing.T, s taskrun.Store) {
	made := mustCreate(t, s, begun(1, pending(), nil))
	before := made.NaturalKey()
	attached := *made
	attached.Reported = &taskrun.Patch{FlowRunID: taskrun.Set(reportedFlow)}
	after := before
	after.FlowRunID = reportedFlow
	stored := mustUpdate(t, s, &attached)
	find := func(key taskrun.NaturalKey, there bool) {
		run, err := s.Find(t.Context(), key)
		if there != (err == nil) || (err != nil && !errors.Is(err, taskrun.ErrNotFound)) || (there && run.ID != made.ID) {
			t.Errorf("Find(%+v) = %v, error %v, want it found: %t", key, run, err, there)
		}
	}
	find(after, true)
	find(before, false)
	detached := *stored
	detached.Reported = &taskrun.Patch{FlowRunID: taskrun.Null[string]()}
	mustUpdate(t, s, &detached)
	find(before, true)
	find(after, false)
	if err := s.Delete(t.Context(), made.ID, nil); err != nil {
		t.Fatal(err)
	}
	find(before, false)
}
