package usecase_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestCreate_rejectsLongIdentifiers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3000)
	for field, change := range map[string]func(*taskrun.Run){
		"task_key":    func(r *taskrun.Run) { r.TaskKey = long },
		"dynamic_key": func(r *taskrun.Run) { r.DynamicKey = long },
		"cache_key":   func(r *taskrun.Run) { r.CacheKey = &long },
	} {
		s, _ := newService(memory.New())
		in := newRun("k")
		change(&in.Run)
		_, _, err := s.Create(t.Context(), in)
		var invalid *taskrun.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field || !strings.Contains(err.Error(), "got 3000") {
			t.Errorf("Create(): %v, want an InvalidError about %s with its bound", err, field)
		}
	}
}

// tooLong is a run that exceeds every limit.
func tooLong() (taskrun.Run, orchestration.State) {
	run := taskrun.Run{
		Name: strings.Repeat("n", 3000), TaskVersion: new(strings.Repeat("v", 3000)),
		Tags: []string{strings.Repeat("t", 300)}, Policy: taskrun.Policy{Retries: strings.Repeat("9", 40)},
		Labels:     map[string]json.RawMessage{"long": json.RawMessage(`"` + strings.Repeat("l", 600) + `"`)},
		TaskInputs: map[string][]taskrun.TaskInput{"few": {{InputType: taskrun.InputParameter, Name: "a"}}},
	}
	for i := range 200 {
		run.Tags = append(run.Tags, strconv.Itoa(i))
	}
	for i := range 1000 {
		run.TaskInputs["all"] = append(run.TaskInputs["all"], taskrun.TaskInput{InputType: taskrun.InputParameter, Name: strconv.Itoa(i)})
	}
	return run, orchestration.State{Data: json.RawMessage(`{"storage_key":"` + strings.Repeat("k", 9000) + `"}`), Message: new("done")}
}

// checkMarks checks that all texts of tooLong are truncated and marked.
func checkMarks(t *testing.T, path string, run *taskrun.Run) {
	t.Helper()
	all := run.TaskInputs["all"]
	got := map[string]string{
		"name": end(run.Name), "task_version": end(*run.TaskVersion), "the first tag": end(run.Tags[0]), "tags": run.Tags[len(run.Tags)-1],
		"a label": end(string(run.Labels["long"])), "inputs": all[len(all)-1].Type, "other inputs": run.TaskInputs["few"][0].Name,
		"retries": run.Policy.Retries, "data": string(run.State.Data), "message": *run.State.Message,
	}
	want := map[string]string{
		"name": "… [cut, 3000 characters in all]", "task_version": "… [cut, 3000 characters in all]",
		"the first tag": "… [cut, 300 characters in all]", "tags": "… [cut, 201 items in all]",
		"a label": `… [cut, 600 characters in all]"`, "inputs": "… [cut, 1000 items in all]", "other inputs": "a",
		"retries": "9007199254740991", "data": "", "message": "done [data cut, 9018 characters in all]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
	checkBounds(t, path, run)
}

func end(text string) string { return text[max(strings.LastIndex(text, "…"), 0):] }

func checkBounds(t *testing.T, path string, run *taskrun.Run) {
	t.Helper()
	inputs := 0
	for _, list := range run.TaskInputs {
		inputs += len(list)
	}
	if utf8.RuneCountInString(run.Name) > taskrun.MaxName || utf8.RuneCountInString(*run.TaskVersion) > taskrun.MaxTaskVersion ||
		utf8.RuneCountInString(run.Tags[0]) > taskrun.MaxTag || len(run.Tags) > taskrun.MaxTags || inputs > taskrun.MaxInputs ||
		utf8.RuneCount(run.Labels["long"]) > taskrun.MaxLabelValue {
		t.Errorf("%s: beyond a bound: %+v", path, run)
	}
}

func TestTruncate_appliesOnEachPath(t *testing.T) {
	t.Parallel()
	long, state := tooLong()
	columns := taskrun.Patch{
		Name: taskrun.Set(long.Name), TaskVersion: taskrun.Set(*long.TaskVersion), Policy: taskrun.Set(long.Policy),
		Tags: taskrun.Set(long.Tags), Labels: taskrun.Set(long.Labels), TaskInputs: taskrun.Set(long.TaskInputs),
	}
	reported := func(id string, n int) taskrun.Event {
		return event(id, n, orchestration.Completed, func(e *taskrun.Event) {
			flow, task, dynamic := e.Patch.FlowRunID, e.Patch.TaskKey, e.Patch.DynamicKey
			e.Patch = columns
			e.Patch.FlowRunID, e.Patch.TaskKey, e.Patch.DynamicKey = flow, task, dynamic
			e.State.Data, e.State.Message = state.Data, state.Message
		})
	}
	proposed := taskrun.Proposal{Type: orchestration.Completed, Data: state.Data, Message: state.Message}

	r := newRecorder()
	in := taskrun.NewRun{Run: long, State: &proposed}
	in.Run.TaskKey, in.Run.DynamicKey = "k", "made"
	made, _, err := r.Create(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	checkMarks(t, "create", made)

	r.record(t, reported(eventRun, 1))
	first := r.get(t, eventRun)
	checkMarks(t, "a first event", first)
	if first.Reported != nil {
		t.Errorf("reported %+v, want nothing: the run was made so", first.Reported)
	}
	r.record(t, reported(eventRun, 2))
	if again := r.get(t, eventRun); again.Reported != nil || len(again.States()) != 2 {
		t.Errorf("after a repeated event, reported is %+v with %d states, want nothing and 2", again.Reported, len(again.States()))
	}

	r.record(t, event(otherRun, 1, orchestration.Running), reported(otherRun, 2))
	checkMarks(t, "an event together with an earlier one", r.get(t, otherRun))

	plain := mustCreate(t, r.Service, newRun("plain"))
	if err := r.Rename(t.Context(), plain.ID, long.Name); err != nil {
		t.Fatal(err)
	}
	if got := r.get(t, plain.ID).Name; end(got) != "… [cut, 3000 characters in all]" {
		t.Errorf("renamed, the name ends in %q", end(got))
	}
	mustSet(t, r.Service, plain.ID, proposed)
	if got := r.get(t, plain.ID).State; got.Data != nil || *got.Message != "done [data cut, 9018 characters in all]" {
		t.Errorf("set_state: data %s, message %q", got.Data, *got.Message)
	}
}

func TestTruncate_droppedDataIsNoCacheEntry(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	_, state := tooLong()
	done := mustCreate(t, s, newRun("1"))
	key := orchestration.StateDetails{CacheKey: new("key")}
	mustSet(t, s, done.ID, taskrun.Proposal{Type: orchestration.Completed, Data: state.Data, Details: key})
	next := mustCreate(t, s, newRun("2"))
	if got := mustSet(t, s, next.ID, taskrun.Proposal{Type: orchestration.Running, Details: key}).Run.State; got.Type != orchestration.Running {
		t.Errorf("a later run of the key is %s %s, want Running: there is no result to be had", got.Type, got.Name)
	}
}

func TestTruncate_longCacheKeyIsRejectedByRule(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	run := mustCreate(t, s, newRun("1"))
	long := strings.Repeat("k", 4990)
	details := func(end string) orchestration.StateDetails {
		return orchestration.StateDetails{CacheKey: new(long + end)}
	}
	outcome := mustSet(t, s, run.ID, taskrun.Proposal{
		Type: orchestration.Completed, Details: details("0123456789"), Data: json.RawMessage("1"), Message: new(strings.Repeat("m", 4096)),
	})
	if !outcome.Written || outcome.Decision.Status != orchestration.Reject ||
		outcome.Decision.Reason != "Cache key exceeded maximum allowed length of 2000 characters." {
		t.Errorf("written %v, %s: %s", outcome.Written, outcome.Decision.Status, outcome.Decision.Reason)
	}
	// As in Prefect, the state is a cache entry anyway. Truncated keys stay different.
	for end, want := range map[string]string{"0123456789": orchestration.NameCached, "9876543210": "Running"} {
		later := mustCreate(t, s, newRun(end))
		if got := mustSet(t, s, later.ID, taskrun.Proposal{Type: orchestration.Running, Details: details(end)}).State.Name; got != want {
			t.Errorf("a later run of the key …%s is %s, want %s", end, got, want)
		}
	}
}
