package convert

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// nameSome replaces sources of an object by names, and returns the names in order.
func nameSome(m storetest.Random, o *v1alpha1.TaskRun) (names []string) {
	arguments := o.Spec.TaskInputs
	for range 1 + m.IntN(2) {
		arguments = append(arguments, v1alpha1.TaskArgument{Name: fmt.Sprintf("argument-%d", len(arguments))})
	}
	m.Shuffle(len(arguments), func(i, j int) { arguments[i], arguments[j] = arguments[j], arguments[i] })
	for i := range arguments {
		for range m.IntN(3) {
			name := fmt.Sprintf("run-%d", m.IntN(4))
			at := m.IntN(len(arguments[i].Sources) + 1)
			arguments[i].Sources = slices.Insert(arguments[i].Sources, at, v1alpha1.TaskInput{InputType: "task_run", TaskRunName: name})
		}
		for _, source := range arguments[i].Sources {
			if source.TaskRunName != "" {
				names = append(names, source.TaskRunName)
			}
		}
	}
	o.Spec.TaskInputs = arguments
	return names
}

// inputsOf returns the inputs of an object as REST returns them, by a simple
// implementation.
func inputsOf(o *v1alpha1.TaskRun) map[string][]taskrun.TaskInput {
	all, next := map[string][]taskrun.TaskInput{}, 0
	for _, argument := range o.Spec.TaskInputs {
		all[argument.Name] = nil
		for _, source := range sourcesFromObject(argument.Sources) {
			if source.InputType == taskrun.InputTaskRun && source.ID == "" {
				id := "-"
				if next < len(o.Status.InputTaskRunIDs) {
					id = o.Status.InputTaskRunIDs[next]
				}
				if next++; id == "-" {
					continue
				}
				source.ID = id
			}
			all[argument.Name] = append(all[argument.Name], source)
		}
	}
	return all
}

// For any set of resolved inputs, the inputs are in the order of the spec, and each
// write of progress keeps the ids.
func TestNamedInputs_surviveTheStatus(t *testing.T) {
	t.Parallel()
	resolved := 0
	for seed := range uint64(300) {
		m := storetest.NewRandom(seed, 11)
		object := stored(t, m.Run())
		names := nameSome(m, object)
		for i := range names {
			if i == 0 && m.Flag() {
				break // no status yet
			}
			object.Status.InputTaskRunIDs = append(object.Status.InputTaskRunIDs, storetest.Pick(m, []string{"-", m.ID()}))
		}
		run := RunFromObject(overTheWire(t, object))
		if diff := cmp.Diff(names, run.Named.Names()); diff != "" {
			t.Fatalf("seed %d: names (-want +got):\n%s", seed, diff)
		}
		if diff := cmp.Diff(inputsOf(object), run.TaskInputs, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: inputs (-want +got):\n%s", seed, diff)
		}
		before := slices.Clone(object.Status.InputTaskRunIDs)
		m.Progress(run)
		object.Status = StatusFromRun(run)
		if len(object.Status.InputTaskRunIDs) != len(names) {
			t.Fatalf("seed %d: %d ids for %d names", seed, len(object.Status.InputTaskRunIDs), len(names))
		}
		for i, id := range before {
			if got := object.Status.InputTaskRunIDs[i]; got != id {
				t.Fatalf("seed %d: the id at %d became %s, was %s", seed, i, got, id)
			}
			resolved++
		}
		read := RunFromObject(overTheWire(t, object))
		if diff := cmp.Diff(run.Named, read.Named, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: named inputs (-written +read):\n%s", seed, diff)
		}
		if run.Reported == nil || !run.Reported.TaskInputs.Given {
			if diff := cmp.Diff(inputsOf(object), read.TaskInputs, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d: inputs after a write (-want +got):\n%s", seed, diff)
			}
		}
	}
	if resolved < 100 {
		t.Errorf("only %d ids were tried", resolved)
	}
}

// A store that resolves an input returns the same run as a later read.
func TestWritten_hasTheInputsOfItsStatus(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		m := storetest.NewRandom(seed, 12)
		object := stored(t, m.Run())
		names := nameSome(m, object)
		base := RunFromObject(overTheWire(t, object))
		if m.Flag() {
			next := *base
			m.Progress(&next)
			next.Ref = base.Ref
			object.Status = StatusFromRun(&next)
			base = RunFromObject(overTheWire(t, object))
		}
		run := *base
		ids := make([]string, len(names))
		for i := range ids {
			ids[i] = storetest.Pick(m, []string{"", m.ID()})
		}
		run.SetNamed(run.Named.WithIDs(ids))
		run.Updated = base.Updated.Add(time.Second)
		written := &v1alpha1.TaskRun{ObjectMeta: object.ObjectMeta, Status: StatusFromRun(&run)}
		written.ResourceVersion = "8"
		got := Written(base, &run, written)
		object.ResourceVersion, object.Status = "8", written.Status
		want := RunFromObject(overTheWire(t, object))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d (-read +Written):\n%s", seed, diff)
		}
		if diff := cmp.Diff(run.TaskInputs, got.TaskInputs, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: inputs (-set +Written):\n%s", seed, diff)
		}
	}
}

func TestNamedInputs_idsOfAUserAreReadWithoutError(t *testing.T) {
	t.Parallel()
	one := v1alpha1.TaskInput{InputType: "task_run", TaskRunName: "one"}
	for name, tc := range map[string]struct {
		sources []v1alpha1.TaskInput
		ids     []string
		want    []taskrun.TaskInput
		wantIDs []string
	}{
		"more than names":                  {[]v1alpha1.TaskInput{one}, []string{testUID, testUID}, []taskrun.TaskInput{{InputType: taskrun.InputTaskRun, ID: testUID}}, []string{testUID}},
		"fewer than names":                 {[]v1alpha1.TaskInput{one, one}, []string{testUID}, []taskrun.TaskInput{{InputType: taskrun.InputTaskRun, ID: testUID}}, []string{testUID, "-"}},
		"none":                             {[]v1alpha1.TaskInput{one}, nil, []taskrun.TaskInput{}, []string{"-"}},
		"without named inputs":             {[]v1alpha1.TaskInput{{InputType: "task_run", ID: testUID}}, []string{testUID}, []taskrun.TaskInput{{InputType: taskrun.InputTaskRun, ID: testUID}}, nil},
		"for more than the maximum number": {slices.Repeat([]v1alpha1.TaskInput{one}, 40), nil, []taskrun.TaskInput{}, slices.Repeat([]string{"-"}, 32)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := stored(t, storetest.NewRandom(1, 1).Run())
			object.Spec.TaskInputs = []v1alpha1.TaskArgument{{Name: "x", Sources: tc.sources}}
			object.Status.InputTaskRunIDs = tc.ids
			run := RunFromObject(overTheWire(t, object))
			if diff := cmp.Diff(map[string][]taskrun.TaskInput{"x": tc.want}, run.TaskInputs); diff != "" {
				t.Errorf("inputs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantIDs, StatusFromRun(run).InputTaskRunIDs); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}
