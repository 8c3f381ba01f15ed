//nolint:thelper // These are the tests themselves: a failure names their own line.
package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// oversizeTrials is the number of random runs for each path.
const oversizeTrials = 20

// Oversize creates and changes runs whose descriptions exceed every limit, over
// every path. No text, list or map prevents a state from being stored, and the run
// is read as it is stored. Oversize is a part of Run.
func Oversize(t *testing.T, s taskrun.Store) {
	service := newService(s, testingclock.NewFakeClock(start))
	for trial := range oversizeTrials {
		o := oversize{rand.New(rand.NewPCG(7, uint64(trial)))} //nolint:gosec // the same runs in each test
		made, _, err := service.Create(t.Context(), taskrun.NewRun{Run: o.run(trial), State: o.proposal(orchestration.Scheduled)})
		if err != nil {
			t.Fatalf("trial %d: Create(): %v", trial, err)
		}
		o.expect(t, s, made.ID, orchestration.Scheduled)
		if err := service.Rename(t.Context(), made.ID, o.text(4000)); err != nil {
			t.Errorf("trial %d: Rename(): %v", trial, err)
		}
		if _, err := service.SetState(t.Context(), made.ID, *o.proposal(orchestration.Running)); err != nil {
			t.Errorf("trial %d: SetState(): %v", trial, err)
		}
		o.expect(t, s, made.ID, orchestration.Running)
		// The report of a worker about the run, about an unknown run, and both
		// again.
		events := []taskrun.Event{o.event(made.ID, trial, 1), o.event(runID(9000+trial), trial, 2)}
		for range 2 {
			o.record(t, service, events...)
			o.expect(t, s, made.ID, orchestration.Completed)
			o.expect(t, s, events[1].RunID, orchestration.Completed)
		}
		o.record(t, service, o.event(events[1].RunID, trial, 3))
	}
}

// oversize creates values that are too long.
type oversize struct{ *rand.Rand }

func (o oversize) record(t *testing.T, service *usecase.Service, events ...taskrun.Event) {
	err := service.Record(t.Context(), events, func(e taskrun.Event, err error) {
		t.Errorf("the event %s was refused: %v", e.State.ID, err)
	})
	if err != nil {
		t.Errorf("Record(): %v", err)
	}
}

// expect reads a run without a cache, and from the index.
func (o oversize) expect(t *testing.T, s taskrun.Store, id string, want orchestration.StateType) {
	t.Helper()
	got := mustGet(t, s, id)
	if got.State.Type != want {
		t.Errorf("the run %s is %s, want %s", id, got.State.Type, want)
	}
	fresh, err := s.Reload(t.Context(), got)
	if err != nil && !errors.Is(err, taskrun.ErrNotFound) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fresh, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(taskrun.Run{}, "Ref")); diff != "" {
		t.Errorf("the run %s differs from what is stored (-stored +got):\n%s", id, diff)
	}
}

// text returns a text of up to n characters, some of which have several bytes or
// need escapes in JSON.
func (o oversize) text(most int) string {
	unit := []string{"x", "é", "😀", `"`, "<", "\n", "… [cut, 3 items in all]"}[o.IntN(7)]
	return strings.Repeat(unit, 1+o.IntN(most)/len([]rune(unit)))
}

func (o oversize) maybe(most int) *string {
	if o.IntN(3) == 0 {
		return nil
	}
	return new(o.text(most))
}

func (o oversize) json(most int) json.RawMessage {
	if o.IntN(4) == 0 {
		return json.RawMessage("1" + strings.Repeat("0", o.IntN(most)))
	}
	text, _ := json.Marshal(o.text(most)) //nolint:errchkjson // a text
	return text
}

func (o oversize) run(n int) taskrun.Run {
	run := taskrun.Run{
		ID: runID(n), Name: o.text(4000), TaskKey: strings.Repeat("é", 512), DynamicKey: fmt.Sprint(strings.Repeat("d", 500), n),
		CacheKey: new(strings.Repeat("c", o.IntN(2001))), TaskVersion: o.maybe(2000),
		Policy: taskrun.Policy{Retries: strings.Repeat("9", 1+o.IntN(60)), RetryDelay: &taskrun.RetryDelay{List: true}},
		Labels: map[string]json.RawMessage{}, TaskInputs: map[string][]taskrun.TaskInput{},
	}
	for range 1 + o.IntN(60) {
		run.Policy.RetryDelay.Seconds = append(run.Policy.RetryDelay.Seconds, strings.Repeat("7", 1+o.IntN(50)))
	}
	for range o.IntN(300) {
		run.Tags = append(run.Tags, o.text(1+o.IntN(600)))
	}
	for i := range o.IntN(120) {
		run.Labels[fmt.Sprint(i, o.text(1+o.IntN(200)))] = o.json(1 + o.IntN(900))
	}
	for i := range o.IntN(100) {
		run.TaskInputs[fmt.Sprint(i, o.text(1+o.IntN(200)))] = o.inputs()
	}
	return run
}

func (o oversize) inputs() []taskrun.TaskInput {
	list := []taskrun.TaskInput{}
	for range o.IntN(2 + 400*(o.IntN(8)/7)) {
		list = append(list, []taskrun.TaskInput{
			{InputType: taskrun.InputParameter, Name: o.text(1 + o.IntN(400))},
			{InputType: taskrun.InputConstant, Type: o.text(1 + o.IntN(400))},
			{InputType: taskrun.InputTaskRun, ID: runID(1)},
		}[o.IntN(3)])
	}
	return list
}

func (o oversize) proposal(kind orchestration.StateType) *taskrun.Proposal {
	p := &taskrun.Proposal{Type: kind, Name: o.maybe(600), Message: o.maybe(20_000), Force: true}
	if o.IntN(3) > 0 {
		p.Data = o.json(20_000)
	}
	p.Details = orchestration.StateDetails{CacheKey: o.maybe(9000), PauseKey: o.maybe(1000), Traceparent: o.maybe(600)}
	if o.IntN(2) == 0 {
		p.Details.RunInputKeyset = map[string]string{}
	}
	for i := range o.IntN(30) {
		if p.Details.RunInputKeyset != nil {
			p.Details.RunInputKeyset[fmt.Sprint(i, o.text(1+o.IntN(400)))] = o.text(1 + o.IntN(400))
		}
	}
	return p
}

func (o oversize) event(id string, trial, n int) taskrun.Event {
	state := o.proposal(orchestration.Completed).State(stateID(10*trial+n), start.Add(time.Hour+time.Duration(n)*time.Minute))
	run := o.run(trial)
	return taskrun.Event{RunID: id, State: state, Patch: taskrun.Patch{
		FlowRunID: taskrun.Null[string](), Name: taskrun.Set(run.Name), TaskKey: taskrun.Set(run.TaskKey), DynamicKey: taskrun.Set(run.DynamicKey),
		CacheKey: taskrun.Set(*run.CacheKey), TaskVersion: taskrun.Optional[string]{Given: true, Value: run.TaskVersion},
		CacheExpiration: taskrun.Set(start), Policy: taskrun.Set(run.Policy), Tags: taskrun.Set(run.Tags),
		Labels: taskrun.Set(run.Labels), TaskInputs: taskrun.Set(run.TaskInputs),
	}}
}
