package usecase_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

const (
	idOne = "0198a1b2-0000-7000-8000-000000000001"
	idTwo = "0198a1b2-0000-7000-8000-000000000002"
)

// named returns a source with the name of an object, byID one with an id.
func named(name string) taskrun.TaskInput {
	return taskrun.TaskInput{InputType: taskrun.InputTaskRun, Name: name}
}

func byID(id string) taskrun.TaskInput {
	return taskrun.TaskInput{InputType: taskrun.InputTaskRun, ID: id}
}

// namingRun returns a stored run with the sources one, an id, two and one again in its argument
// x.
func namingRun(t *testing.T, store taskrun.Store) *taskrun.Run {
	t.Helper()
	return applied(t, store, taskrun.Proposal{Type: orchestration.Pending}, func(r *taskrun.Run) {
		r.SetNamed(taskrun.NewNamedInputs([]taskrun.Argument{
			{Name: "x", Sources: []taskrun.TaskInput{named("one"), byID(otherUpstream), named("two"), named("one")}},
			{Name: "y", Sources: []taskrun.TaskInput{}},
		}, nil))
	})
}

const otherUpstream = "0198a1b2-0000-7000-8000-00000000000f"

// inputs returns the inputs of namingRun with these sources in its argument.
func inputs(x ...taskrun.TaskInput) map[string][]taskrun.TaskInput {
	return map[string][]taskrun.TaskInput{"x": x, "y": {}}
}

func TestResolveInputs_keepsResolvedInputs(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s, clock := newService(store)
	run := namingRun(t, store)
	for _, step := range []struct {
		name      string
		found     map[string]string
		want      map[string][]taskrun.TaskInput
		wantNames []string // not found yet
		written   bool
	}{
		{"the first status is written without them", nil, inputs(byID(otherUpstream)), []string{"one", "two"}, true},
		{"nothing found is not written", map[string]string{"three": idTwo}, inputs(byID(otherUpstream)), []string{"one", "two"}, false},
		{"what is no UUID is not written", map[string]string{"one": "uid"}, inputs(byID(otherUpstream)), []string{"one", "two"}, false},
		{"in each source", map[string]string{"one": idOne}, inputs(byID(idOne), byID(otherUpstream), byID(idOne)), []string{"two"}, true},
		{"another run of the name changes nothing", map[string]string{"one": idTwo}, inputs(byID(idOne), byID(otherUpstream), byID(idOne)), []string{"two"}, false},
		{"the rest", map[string]string{"one": idTwo, "two": idTwo}, inputs(byID(idOne), byID(otherUpstream), byID(idTwo), byID(idOne)), nil, true},
	} {
		before := run.Ref
		clock.Step(time.Second)
		var err error
		if run, err = s.ResolveInputs(t.Context(), run.ID, step.found); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, run.TaskInputs); diff != "" {
			t.Errorf("%s: inputs (-want +got):\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.wantNames, run.Named.Unresolved()); diff != "" {
			t.Errorf("%s: not found yet (-want +got):\n%s", step.name, diff)
		}
		if written := run.Ref != before; written != step.written {
			t.Errorf("%s: written: %t, want %t", step.name, written, step.written)
		}
		if resolved := len(step.found) > 0 && step.written; resolved != run.Updated.Equal(clock.Now()) {
			t.Errorf("%s: updated %v at %v", step.name, run.Updated, clock.Now())
		}
	}
}

// Other writes keep the ids. Inputs that an event reports take precedence, but the ids are kept.
func TestResolveInputs_areKeptByOtherWrites(t *testing.T) {
	t.Parallel()
	reported := map[string][]taskrun.TaskInput{"x": {byID(idTwo)}}
	event := func(columns taskrun.Patch) func(*testing.T, *usecase.Service, string) error {
		return func(t *testing.T, s *usecase.Service, id string) error {
			t.Helper()
			return s.Record(t.Context(), []taskrun.Event{{
				RunID: id, Patch: columns,
				State: orchestration.State{ID: "0198a1b2-0000-7000-8000-0000000000bb", Type: orchestration.Running, Name: "Running", Timestamp: start.Add(time.Minute)},
			}}, func(_ taskrun.Event, err error) { t.Error(err) })
		}
	}
	resolved := inputs(byID(idOne), byID(otherUpstream), byID(idOne))
	for name, tc := range map[string]struct {
		write func(*testing.T, *usecase.Service, string) error
		want  map[string][]taskrun.TaskInput // before the last one is resolved
		last  map[string][]taskrun.TaskInput // after it is resolved
	}{
		"a state": {
			func(t *testing.T, s *usecase.Service, id string) error {
				t.Helper()
				_, err := s.SetState(t.Context(), id, taskrun.Proposal{Type: orchestration.Running})
				return err
			}, resolved, inputs(byID(idOne), byID(otherUpstream), byID(idTwo), byID(idOne)),
		},
		"a name": {
			func(t *testing.T, s *usecase.Service, id string) error {
				t.Helper()
				return s.Rename(t.Context(), id, "another")
			}, resolved, inputs(byID(idOne), byID(otherUpstream), byID(idTwo), byID(idOne)),
		},
		"an event":                     {event(taskrun.Patch{}), resolved, inputs(byID(idOne), byID(otherUpstream), byID(idTwo), byID(idOne))},
		"an event with the same":       {event(taskrun.Patch{TaskInputs: taskrun.Set(resolved)}), resolved, inputs(byID(idOne), byID(otherUpstream), byID(idTwo), byID(idOne))},
		"an event with its own inputs": {event(taskrun.Patch{TaskInputs: taskrun.Set(reported)}), reported, reported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			s, _ := newService(store)
			id := namingRun(t, store).ID
			if _, err := s.ResolveInputs(t.Context(), id, map[string]string{"one": idOne}); err != nil {
				t.Fatal(err)
			}
			if err := tc.write(t, s, id); err != nil {
				t.Fatal(err)
			}
			run, err := s.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, run.TaskInputs); diff != "" {
				t.Errorf("inputs (-want +got):\n%s", diff)
			}
			if run, err = s.ResolveInputs(t.Context(), id, map[string]string{"two": idTwo}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{idOne, idTwo, idOne}, run.Named.IDs); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.last, run.TaskInputs); diff != "" {
				t.Errorf("inputs at last (-want +got):\n%s", diff)
			}
		})
	}
}
