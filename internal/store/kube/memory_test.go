package kube

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// mostMemory is the maximum memory of a run, in bytes (docs/architecture.md §7).
const mostMemory = 3200

// The test measures all memory of a run in the index, after its states were added one
// by one.
//
//nolint:paralleltest // allocations of other tests would be measured too
func TestMemoryOfARun(t *testing.T) {
	const runs = 3_000
	f := objecttest.NewFleet()
	before := heap()
	ingest := NewIngest(nil, nil)
	store := storeIn(ingest.index)
	for i := range runs {
		for _, version := range lifeOf(t, f.Object(t, i)) {
			must(store.Add(version))
		}
	}
	each := (heap() - before) / runs
	t.Logf("%d bytes a run", each)
	if each > mostMemory {
		t.Errorf("a run takes %d bytes, want at most %d", each, mostMemory)
	}
	if n := countOf(t, ingest); n != runs {
		t.Errorf("%d runs were measured, want %d", n, runs)
	}
}

// mostMemoryOfLargest is the maximum memory of a run whose texts have as many four-byte
// characters as the schema allows, in bytes (docs/sizing.md).
const mostMemoryOfLargest = 176 << 10

//nolint:paralleltest // Allocations of other tests would be measured too.
func TestMemoryOfTheLargestRun(t *testing.T) {
	const runs = 50
	for name, spec := range map[string]func(o *v1alpha1.TaskRun, text func(n int) string){
		"with a long result": func(o *v1alpha1.TaskRun, text func(int) string) {
			o.Spec.InitialState = &v1alpha1.ProposedState{Type: "COMPLETED", Message: new(text(taskrun.MaxMessage)), DataJSON: new(`"` + text(taskrun.MaxData-2) + `"`)}
		},
		"with long tags": func(o *v1alpha1.TaskRun, text func(int) string) {
			for range 96 {
				o.Spec.Tags = append(o.Spec.Tags, text(taskrun.MaxTags))
			}
		},
		"with many arguments": func(o *v1alpha1.TaskRun, text func(int) string) {
			for i := range taskrun.MaxInputKeys {
				source := v1alpha1.TaskInput{InputType: "parameter", Name: new(text(20))}
				o.Spec.TaskInputs = append(o.Spec.TaskInputs, v1alpha1.TaskArgument{
					Name: text(20) + strconv.Itoa(i), Sources: slices.Repeat([]v1alpha1.TaskInput{source}, taskrun.MaxInputs/taskrun.MaxInputKeys),
				})
			}
		},
		"with many inputs by name": func(o *v1alpha1.TaskRun, text func(int) string) {
			sources := slices.Repeat([]v1alpha1.TaskInput{{InputType: "parameter", Name: new(text(25))}}, taskrun.MaxInputs-v1alpha1.MaxNamedInputs)
			for i := range v1alpha1.MaxNamedInputs {
				sources = append(sources, v1alpha1.TaskInput{InputType: "task_run", TaskRunName: strings.Repeat("n", 20) + o.Name + strconv.Itoa(i)})
				o.Status.InputTaskRunIDs = append(o.Status.InputTaskRunIDs, uuidOf(len(o.Name), i))
			}
			o.Spec.TaskInputs = []v1alpha1.TaskArgument{{Name: "x", Sources: sources}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, size := heap(), 0
			ingest := NewIngest(nil, nil)
			store := storeIn(ingest.index)
			for i := range runs {
				o := largest(i, spec)
				text, err := json.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				size += len(text)
				must(store.Add(objecttest.Copy(t, o)))
			}
			each := (heap() - before) / runs
			t.Logf("%d bytes a run, whose object has %d", each, size/runs)
			if each > mostMemoryOfLargest {
				t.Errorf("a run takes %d bytes, want at most %d", each, mostMemoryOfLargest)
			}
			if n := countOf(t, ingest); n != runs {
				t.Errorf("%d runs were measured, want %d", n, runs)
			}
		})
	}
}

// largest adds the maximum of texts outside of the other fields of spec: labels in
// origin.wire, and the texts of states.
func largest(i int, spec func(o *v1alpha1.TaskRun, text func(n int) string)) *v1alpha1.TaskRun {
	text := func(n int) string { return strings.Repeat("😀", n-4) + fmt.Sprintf("%04d", i) }
	o := objecttest.Version(fmt.Sprint("r", i), types.UID(fmt.Sprint("u", i)), i+1)
	labels := make([]string, 24)
	for i := range labels {
		labels[i] = strconv.Quote(strconv.Itoa(i)) + ":" + strconv.Quote(text(taskrun.MaxLabelValue-8))
	}
	o.Spec.Origin = &v1alpha1.Origin{Wire: `{"labels":{` + strings.Join(labels, ",") + "}}"}
	o.Status = v1alpha1.TaskRunStatus{
		ID: fmt.Sprint("u", i), Name: text(taskrun.MaxName),
		State: &v1alpha1.State{
			ID: uuidOf(i, taskrun.MaxHistory), Type: "COMPLETED", Name: new("Completed"), Message: new(text(taskrun.MaxMessage)),
		},
		Decisions: slices.Repeat([]v1alpha1.Decision{{
			Proposal: "p", UID: "u", Verdict: v1alpha1.VerdictAccepted, Reason: text(taskrun.MaxReason), Proposer: text(taskrun.MaxProposer),
		}}, taskrun.MaxDecisions),
		Delivery: &v1alpha1.Delivery{Holder: text(taskrun.MaxHolder)},
	}
	spec(o, text)
	for j := range taskrun.MaxHistory {
		o.Status.History = append(o.Status.History, v1alpha1.State{
			ID: uuidOf(i, j), Type: "RUNNING", Name: new("Running"), StateDetails: &v1alpha1.StateDetails{TransitionID: uuidOf(i, j+100)},
		})
	}
	return o
}

func uuidOf(i, j int) string {
	return fmt.Sprintf("0198a1b2-0000-7000-8%03d-%012d", j, i)
}

// lifeOf returns the versions of an object, one for each of its states.
func lifeOf(t *testing.T, last *v1alpha1.TaskRun) []*v1alpha1.TaskRun {
	t.Helper()
	var versions []*v1alpha1.TaskRun
	for i := range last.Status.History {
		version := objecttest.Copy(t, last)
		version.Status.State, version.Status.History = &version.Status.History[i], version.Status.History[:i]
		version.ResourceVersion = strconv.Itoa(i + 1)
		versions = append(versions, objecttest.Copy(t, version))
	}
	return append(versions, last)
}

// countOf returns the number of runs that the index has.
func countOf(t *testing.T, ingest *Ingest) int {
	t.Helper()
	n, err := ingest.index.Namespace("default").Count(t.Context(), taskrun.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// heap returns the number of bytes in use.
func heap() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
