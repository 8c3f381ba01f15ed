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
	kubejson "k8s.io/apimachinery/pkg/util/json"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// mostMemory is what a run may cost in all, in bytes (docs/architecture.md §7).
const mostMemory = 4096

// A run is measured with all that is kept of it: in the view and in the cache
// that the watch fills, after it went through its states one by one.
//
//nolint:paralleltest // What other tests allocate would be measured too.
func TestMemoryOfARun(t *testing.T) {
	const runs = 3_000
	f := newFleet()
	before := heap()
	intake := NewIntake()
	objects := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc,
		toolscache.Indexers{toolscache.NamespaceIndex: toolscache.MetaNamespaceIndexFunc})
	for i := range runs {
		for _, version := range lifeOf(t, f.object(t, i)) {
			arrive(t, intake, objects, version)
		}
	}
	each := (heap() - before) / runs
	t.Logf("%d bytes a run", each)
	if each > mostMemory {
		t.Errorf("a run takes %d bytes, want at most %d", each, mostMemory)
	}
	if n := intake.view.shelf("default").moment().size; n != runs || len(objects.ListKeys()) != runs {
		t.Errorf("%d runs and %d objects were measured, want %d", n, len(objects.ListKeys()), runs)
	}
}

// mostMemoryOfLargest is what a run may cost whose texts have as many four-byte
// characters as the schema allows, in bytes (docs/sizing.md).
const mostMemoryOfLargest = 176 << 10

//nolint:paralleltest // What other tests allocate would be measured too.
func TestMemoryOfTheLargestRun(t *testing.T) {
	const runs = 50
	for name, spec := range map[string]func(o *v1alpha1.TaskRun, text func(n int) string){
		"of a long result": func(o *v1alpha1.TaskRun, text func(int) string) {
			o.Spec.InitialState = &v1alpha1.ProposedState{Type: "COMPLETED", Message: new(text(taskrun.MaxMessage)), DataJSON: new(`"` + text(taskrun.MaxData-2) + `"`)}
		},
		"of long tags": func(o *v1alpha1.TaskRun, text func(int) string) {
			for range 96 {
				o.Spec.Tags = append(o.Spec.Tags, text(taskrun.MaxTags))
			}
		},
		"of many arguments": func(o *v1alpha1.TaskRun, text func(int) string) {
			for i := range taskrun.MaxInputKeys {
				source := v1alpha1.TaskInput{InputType: "parameter", Name: new(text(20))}
				o.Spec.TaskInputs = append(o.Spec.TaskInputs, v1alpha1.TaskArgument{
					Name: text(20) + strconv.Itoa(i), Sources: slices.Repeat([]v1alpha1.TaskInput{source}, taskrun.MaxInputs/taskrun.MaxInputKeys),
				})
			}
		},
		"of many inputs by name": func(o *v1alpha1.TaskRun, text func(int) string) {
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
			intake := NewIntake()
			objects := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, toolscache.Indexers{})
			for i := range runs {
				o := largest(i, spec)
				text, err := json.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				size += len(text)
				arrive(t, intake, objects, copied(t, o))
			}
			each := (heap() - before) / runs
			t.Logf("%d bytes a run, whose object has %d", each, size/runs)
			if each > mostMemoryOfLargest {
				t.Errorf("a run takes %d bytes, want at most %d", each, mostMemoryOfLargest)
			}
			if n := intake.view.shelf("default").moment().size; n != runs || len(objects.ListKeys()) != runs {
				t.Errorf("%d runs and %d objects were measured, want %d", n, len(objects.ListKeys()), runs)
			}
		})
	}
}

// largest has the most that a text can have besides those of spec: labels in their
// words of REST, and those of its states.
func largest(i int, spec func(o *v1alpha1.TaskRun, text func(n int) string)) *v1alpha1.TaskRun {
	text := func(n int) string { return strings.Repeat("😀", n-4) + fmt.Sprintf("%04d", i) }
	o := seen(fmt.Sprint("r", i), types.UID(fmt.Sprint("u", i)), i+1)
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

// arrive is what happens to an object that the watch brings.
func arrive(t *testing.T, intake *Intake, objects toolscache.Indexer, o *v1alpha1.TaskRun) {
	t.Helper()
	stub, err := intake.Transform(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.Add(stub); err != nil {
		t.Fatal(err)
	}
	feed{intake.view}.OnAdd(stub, false)
}

// lifeOf returns the versions of an object: one for each of its states.
func lifeOf(t *testing.T, last *v1alpha1.TaskRun) []*v1alpha1.TaskRun {
	t.Helper()
	var versions []*v1alpha1.TaskRun
	for i := range last.Status.History {
		version := copied(t, last)
		version.Status.State, version.Status.History = &version.Status.History[i], version.Status.History[:i]
		version.ResourceVersion = strconv.Itoa(i + 1)
		versions = append(versions, copied(t, version))
	}
	return append(versions, last)
}

// copied has nothing in common with the object: it is decoded anew.
func copied(t *testing.T, o *v1alpha1.TaskRun) *v1alpha1.TaskRun {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	decoded := &v1alpha1.TaskRun{}
	if err := kubejson.Unmarshal(text, decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// heap is how much memory is in use.
func heap() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}
