package flows_test

import (
	"context"
	"sync"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

var start = time.Date(2026, 11, 30, 10, 0, 0, 123456000, time.UTC)

const (
	unknownID = "00000000-0000-4000-8000-00000000dead"
	firstID   = "11111111-1111-4111-8111-111111111111"
	secondID  = "22222222-2222-4222-8222-222222222222"
)

// fixture is a namespace with its use cases, and a flow.
type fixture struct {
	*flows.Service
	store *memory.Flows
	tasks *usecase.Service
	clock *testingclock.FakeClock
	told  *notes
	flow  *flowrun.Flow
}

// testingT is a test, or a check of a property.
type testingT interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newFixture(t testingT) *fixture {
	t.Helper()
	clock := testingclock.NewFakeClock(start)
	f := &fixture{store: memory.NewFlows(), clock: clock, told: &notes{}}
	taskRuns := memory.New()
	f.tasks = usecase.New(usecase.Options{
		Namespace: "default", Store: taskRuns, Clock: clock, FlowRuns: flows.FlowRuns{Store: f.store},
	})
	f.Service = flows.New(flows.Options{
		Namespace: "default", Store: f.store, TaskRuns: flows.NewTaskRuns(taskRuns, f.tasks), Clock: clock, Notifier: f.told,
	})
	flow, created, err := f.CreateFlow(context.Background(), flowrun.NewFlow{Name: "etl"})
	if err != nil || !created {
		t.Fatalf("CreateFlow() = created %t, error %v", created, err)
	}
	f.flow = flow
	return f
}

// second returns another replica's use cases of the same namespace.
func (f *fixture) second() *flows.Service { return flows.New(f.Options) }

// newRun returns a run of the flow, to create.
func (f *fixture) newRun(edits ...func(*flowrun.NewRun)) flowrun.NewRun {
	in := flowrun.NewRun{Run: flowrun.Run{FlowID: f.flow.ID}}
	for _, edit := range edits {
		edit(&in)
	}
	return in
}

func (f *fixture) mustCreate(t testingT, edits ...func(*flowrun.NewRun)) *flowrun.Run {
	t.Helper()
	run, created, err := f.Create(context.Background(), f.newRun(edits...))
	if err != nil || !created {
		t.Fatalf("Create() = created %t, error %v, want a new run", created, err)
	}
	return run
}

func (f *fixture) mustGet(t testingT, id string) *flowrun.Run {
	t.Helper()
	run, err := f.Get(context.Background(), id)
	if err != nil {
		t.Fatalf("Get(): %v", err)
	}
	return run
}

func (f *fixture) mustSet(t testingT, id string, kind orchestration.StateType, edits ...func(*taskrun.Proposal)) flowrun.Outcome {
	t.Helper()
	outcome, err := f.SetState(context.Background(), id, proposal(kind, edits...))
	if err != nil {
		t.Fatalf("SetState(%s): %v", kind, err)
	}
	return outcome
}

// inState is an edit of a run to create.
func inState(kind orchestration.StateType, edits ...func(*taskrun.Proposal)) func(*flowrun.NewRun) {
	return func(in *flowrun.NewRun) { in.State = new(proposal(kind, edits...)) }
}

func withKey(key string) func(*flowrun.NewRun) {
	return func(in *flowrun.NewRun) { in.Run.IdempotencyKey = &key }
}

func withRetries(n int64) func(*flowrun.NewRun) {
	return func(in *flowrun.NewRun) { in.Run.Policy.Retries = &n }
}

func withParent(taskRunID string) func(*flowrun.NewRun) {
	return func(in *flowrun.NewRun) { in.Run.ParentTaskRunID = taskRunID }
}

func proposal(kind orchestration.StateType, edits ...func(*taskrun.Proposal)) taskrun.Proposal {
	p := taskrun.Proposal{Type: kind, Details: orchestration.StateDetails{Deferred: new(false)}}
	for _, edit := range edits {
		edit(&p)
	}
	return p
}

func transition(id string) func(*taskrun.Proposal) {
	return func(p *taskrun.Proposal) { p.Details.TransitionID = id }
}

func forced(p *taskrun.Proposal) { p.Force = true }

// mustCreateTask creates a task run of a flow run.
func (f *fixture) mustCreateTask(t testingT, flowRunID, dynamicKey string) *taskrun.Run {
	t.Helper()
	run, _, err := f.tasks.Create(context.Background(), taskrun.NewRun{
		Run: taskrun.Run{FlowRunID: flowRunID, TaskKey: "task", DynamicKey: dynamicKey},
	})
	if err != nil {
		t.Fatalf("Create(task run): %v", err)
	}
	return run
}

// notes are the transitions that a Notifier was told.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) Transitioned(before, after *flowrun.Run, decision orchestration.FlowRunDecision) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := ""
	if before != nil {
		from = string(before.State.Type)
	}
	n.list = append(n.list, from+" "+string(after.State.Type)+" "+string(decision.Status))
}

// faultyStore loses answers: a write is done, or not, and fails.
type faultyStore struct {
	*memory.Flows
	mu     sync.Mutex
	faults []fault // of the next writes, in order
	writes int
}

type fault int

const (
	noFault    fault = iota
	answerLost       // the write is done, and ErrUnavailable is returned
	notDone          // ErrUnavailable is returned
	sentTwice        // the write is done, and its repetition conflicts
	conflict         // another writer wins
)

func (s *faultyStore) next() fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if len(s.faults) == 0 {
		return noFault
	}
	next := s.faults[0]
	s.faults = s.faults[1:]
	return next
}

func (s *faultyStore) Update(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	fault := s.next()
	switch fault {
	case notDone:
		return nil, taskrun.ErrUnavailable
	case conflict:
		return nil, taskrun.ErrConflict
	default:
	}
	after, err := s.Flows.Update(ctx, run)
	switch {
	case err != nil:
		return nil, err
	case fault == answerLost:
		return nil, taskrun.ErrUnavailable
	case fault == sentTwice:
		return nil, taskrun.ErrConflict
	}
	return after, nil
}

// faulty puts a faulty store in place of the store.
func (f *fixture) faulty(faults ...fault) *faultyStore {
	s := &faultyStore{Flows: f.store, faults: faults}
	f.Store = s
	return s
}
