package usecase_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

var start = time.Date(2026, 8, 21, 10, 0, 0, 123456000, time.UTC)

func newService(store taskrun.Store) (*usecase.Service, *testingclock.FakeClock) {
	clock := testingclock.NewFakeClock(start)
	return usecase.New(usecase.Options{Namespace: "default", Store: store, Clock: clock}), clock
}

func newRun(dynamicKey string) taskrun.NewRun {
	return taskrun.NewRun{Run: taskrun.Run{TaskKey: "add-1a2b3c4d", DynamicKey: dynamicKey}}
}

func mustCreate(t *testing.T, s *usecase.Service, in taskrun.NewRun) *taskrun.Run {
	t.Helper()
	run, created, err := s.Create(t.Context(), in)
	if err != nil || !created {
		t.Fatalf("Create() = created %v, error %v, want a new run", created, err)
	}
	return run
}

func mustSet(t *testing.T, s *usecase.Service, id string, p taskrun.Proposal) taskrun.Outcome {
	t.Helper()
	outcome, err := s.SetState(t.Context(), id, p)
	if err != nil {
		t.Fatalf("SetState(%s): %v", p.Type, err)
	}
	return outcome
}

func TestCreate_secondCallReturnsFirstRun(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	first := mustCreate(t, s, newRun("once"))

	again := newRun("once")
	again.Run.ID = "0198a1b2-0000-7000-8000-000000000001"
	again.Run.Name = "other"
	again.State = &taskrun.Proposal{Type: orchestration.Running}
	second, created, err := s.Create(t.Context(), again)
	if err != nil || created {
		t.Fatalf("second Create() = created %v, error %v, want the first run", created, err)
	}
	if second.ID != first.ID || second.Name != first.Name || second.State.Type != orchestration.Pending {
		t.Errorf("second Create() = %s %q %s, want the first run untouched: %s %q PENDING",
			second.ID, second.Name, second.State.Type, first.ID, first.Name)
	}
}

func TestCreate_rejectsIDInUse(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	in := newRun("first")
	in.Run.ID = "0198a1b2-0000-7000-8000-000000000001"
	mustCreate(t, s, in)
	in.Run.DynamicKey = "second"
	if _, _, err := s.Create(t.Context(), in); !errors.Is(err, taskrun.ErrIDTaken) {
		t.Errorf("Create() with the id of another run: error %v, want ErrIDTaken", err)
	}
}

func TestCreate_equalKeysInTwoNamespacesAreTwoRuns(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, namespace := range []string{"a", "b", "a"} {
		s := usecase.New(usecase.Options{
			Namespace: namespace, Store: memory.New(), Clock: testingclock.NewFakeClock(start),
		})
		ids[mustCreate(t, s, newRun("k")).ID] = true
	}
	if len(ids) != 2 {
		t.Errorf("ids = %v, want one for each namespace, the same each time", ids)
	}
}

func TestCreate_recreatedRunHasNoHistory(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	old := mustCreate(t, s, newRun("k"))
	mustSet(t, s, old.ID, taskrun.Proposal{Type: orchestration.Running})
	if err := s.Delete(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	fresh := mustCreate(t, s, newRun("k"))
	if fresh.ID != old.ID {
		t.Errorf("id = %s, want that of the deleted run, %s", fresh.ID, old.ID)
	}
	kept, err := s.Get(t.Context(), fresh.ID)
	if err != nil || len(kept.States()) != 1 || kept.State.Type != orchestration.Pending {
		t.Errorf("states = %v, error %v, want the new PENDING only", kept.States(), err)
	}
}

func TestCreate_labelsRunWithIDOfFlowRun(t *testing.T) {
	t.Parallel()
	const flowRun = "0198a1b2-0000-7000-8000-00000000000f"
	inherited := map[string]json.RawMessage{"a": json.RawMessage(`1`), "prefect.flow.id": json.RawMessage(`"f"`)}
	cases := map[string]struct {
		flowRun *usecase.FlowRun
		labels  map[string]json.RawMessage
		want    map[string]json.RawMessage
	}{
		"the flow run's labels are inherited": {
			flowRun: &usecase.FlowRun{Labels: inherited},
			want: map[string]json.RawMessage{
				"prefect.flow-run.id": json.RawMessage(`"` + flowRun + `"`), "a": json.RawMessage(`1`), "prefect.flow.id": json.RawMessage(`"f"`),
			},
		},
		"the client's labels win over inherited ones": {
			flowRun: &usecase.FlowRun{Labels: inherited},
			labels:  map[string]json.RawMessage{"a": json.RawMessage(`2`), "prefect.flow.id": json.RawMessage(`3`)},
			want: map[string]json.RawMessage{
				"prefect.flow-run.id": json.RawMessage(`"` + flowRun + `"`), "a": json.RawMessage(`2`), "prefect.flow.id": json.RawMessage(`3`),
			},
		},
		"the flow run's id is added": {
			want: map[string]json.RawMessage{"prefect.flow-run.id": json.RawMessage(`"` + flowRun + `"`)},
		},
		"the client's own label wins": {
			labels: map[string]json.RawMessage{"prefect.flow-run.id": json.RawMessage(`7`), "a": json.RawMessage(`true`)},
			want:   map[string]json.RawMessage{"prefect.flow-run.id": json.RawMessage(`7`), "a": json.RawMessage(`true`)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newService(memory.New())
			s.FlowRuns = flowRuns{shown: tc.flowRun}
			in := newRun("k")
			in.Run.FlowRunID, in.Run.Labels = flowRun, tc.labels
			if diff := cmp.Diff(tc.want, mustCreate(t, s, in).Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreate_rejectsUnknownFlowRun(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	in := newRun("k")
	in.Run.FlowRunID = eventFlow
	s.FlowRuns = flowRuns{err: taskrun.ErrNotFound}
	if _, _, err := s.Create(t.Context(), in); !errors.Is(err, taskrun.ErrUnknownParent) || errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("Create() in an unknown flow run: error %v, want ErrUnknownParent", err)
	}
	s.FlowRuns = flowRuns{err: taskrun.ErrUnavailable}
	if _, _, err := s.Create(t.Context(), in); !errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("Create() while flow runs cannot be read: error %v, want ErrUnavailable", err)
	}
}

func TestFlowRunName_isNullIfUnknown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		id       string
		flowRuns flowRuns
		want     *string
		wantErr  error
	}{
		"a stored flow run":  {id: eventFlow, flowRuns: flowRuns{shown: &usecase.FlowRun{Name: "odd-owl"}}, want: new("odd-owl")},
		"a deleted flow run": {id: eventFlow, flowRuns: flowRuns{err: taskrun.ErrNotFound}},
		"none are kept":      {id: eventFlow},
		"outside a flow run": {flowRuns: flowRuns{err: taskrun.ErrUnavailable}},
		"it cannot be read":  {id: eventFlow, flowRuns: flowRuns{err: taskrun.ErrUnavailable}, wantErr: taskrun.ErrUnavailable},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newService(memory.New())
			s.FlowRuns = tc.flowRuns
			got, err := s.FlowRunName(t.Context(), tc.id)
			if diff := cmp.Diff(tc.want, got); diff != "" || !errors.Is(err, tc.wantErr) {
				t.Errorf("FlowRunName(): error %v, want %v (-want +got):\n%s", err, tc.wantErr, diff)
			}
		})
	}
}

func TestSetState_unpersistedDataIsOnlyInResponse(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	run := mustCreate(t, s, newRun("k"))
	data := json.RawMessage(`{"type":"unpersisted","artifact_key":"x","n":1.0}`)
	outcome := mustSet(t, s, run.ID, taskrun.Proposal{Type: orchestration.Completed, Data: data})
	if got, want := string(outcome.State.Data), `{"type":"unpersisted","n":1.0}`; got != want {
		t.Errorf("answered data = %s, want %s", got, want)
	}
	kept, err := s.Get(t.Context(), run.ID)
	if err != nil || kept.State.Data != nil {
		t.Errorf("stored data = %s, error %v, want none", kept.State.Data, err)
	}
}

func TestSetState_waitDoesNotChangeRun(t *testing.T) {
	t.Parallel()
	s, clock := newService(memory.New())
	in := newRun("k")
	due := start.Add(5 * time.Second)
	in.State = &taskrun.Proposal{
		Type: orchestration.Scheduled, Details: orchestration.StateDetails{ScheduledTime: &due},
	}
	run := mustCreate(t, s, in)
	outcome := mustSet(t, s, run.ID, taskrun.Proposal{Type: orchestration.Running})
	if outcome.Written || outcome.Decision.Status != orchestration.Wait || outcome.State.ID != run.State.ID {
		t.Errorf("outcome = %+v, want WAIT with the current state", outcome.Decision)
	}
	clock.Step(5 * time.Second)
	outcome = mustSet(t, s, run.ID, taskrun.Proposal{Type: orchestration.Running})
	if !outcome.Written || outcome.Decision.Status != orchestration.Accept {
		t.Errorf("outcome when due = %+v, want ACCEPT", outcome.Decision)
	}
}

func TestSetState_concurrentProposalsAreAllInHistory(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	run := mustCreate(t, s, newRun("k"))
	const writers = 10
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			if _, err := s.SetState(t.Context(), run.ID, taskrun.Proposal{Type: orchestration.Running}); err != nil {
				t.Errorf("SetState(): %v", err)
			}
		})
	}
	group.Wait()
	got, err := s.Get(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.RunCount != writers || len(got.States()) != writers+1 {
		t.Errorf("run count %d with %d states, want %d with %d", got.RunCount, len(got.States()), writers, writers+1)
	}
}

func TestSetState_limitsHistory(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	run := mustCreate(t, s, newRun("k"))
	const moves = 2 * taskrun.MaxHistory
	for i := range moves {
		message := fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000))
		mustSet(t, s, run.ID, taskrun.Proposal{Type: orchestration.Pending, Message: &message})
	}
	got, err := s.Get(t.Context(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.History) != taskrun.MaxHistory || got.HistoryDropped != moves-taskrun.MaxHistory {
		t.Errorf("history of %d, %d dropped, want %d, %d",
			len(got.History), got.HistoryDropped, taskrun.MaxHistory, moves-taskrun.MaxHistory)
	}
	total := 0
	for _, state := range got.States() {
		if state.Message != nil {
			total += utf8.RuneCountInString(*state.Message)
		}
	}
	if total > taskrun.MaxText || got.State.Message == nil || got.History[len(got.History)-1].Message == nil {
		t.Errorf("%d characters of messages kept, want at most %d, the newest first", total, taskrun.MaxText)
	}
}

func TestSetState_truncatesLongMessageWithMark(t *testing.T) {
	t.Parallel()
	s, _ := newService(memory.New())
	run := mustCreate(t, s, newRun("k"))
	message := strings.Repeat("ä", 100_000)
	outcome := mustSet(t, s, run.ID, taskrun.Proposal{Type: orchestration.Failed, Message: &message})
	got := *outcome.State.Message
	if n := utf8.RuneCountInString(got); n != taskrun.MaxMessage || !strings.HasSuffix(got, "[cut, 100000 characters in all]") {
		t.Errorf("message of %d characters ending in %q, want %d and the full length", n, got[len(got)-50:], taskrun.MaxMessage)
	}
}
