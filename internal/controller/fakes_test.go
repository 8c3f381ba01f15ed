package controller

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// start is the initial time in tests.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	runID  = "0198a1b2-0000-7000-8000-000000000001"
	object = "0198a1b2-0000-7000-8000-0000000000ff"
)

// fakeRuns returns the configured results and records the calls.
type fakeRuns struct {
	run  *taskrun.Run
	more []*taskrun.Run   // other runs, for reads only
	errs map[string]error // by method

	expire     func(*taskrun.Run) (time.Duration, bool)
	unknown    bool           // the rule of the namespace was not read yet
	defaultTTL *time.Duration // of runs without a TTL of their own; nil keeps them
	finished   []string       // names of finished runs without a TTL

	calls []string
}

func (f *fakeRuns) Get(_ context.Context, id string) (*taskrun.Run, error) {
	for _, run := range f.more {
		if run.ID == id {
			return run, f.errs["Get "+id]
		}
	}
	if f.run == nil || f.run.ID != id {
		return nil, taskrun.ErrNotFound
	}
	return f.run, f.errs["Get"]
}

func (f *fakeRuns) ResolveInputs(_ context.Context, _ string, found map[string]string) (*taskrun.Run, error) {
	f.calls = append(f.calls, "ResolveInputs")
	if err := f.errs["ResolveInputs"]; err != nil {
		return nil, err
	}
	next := *f.run
	next.StatusStale = false
	ids := slices.Clone(next.Named.IDs)
	for i, name := range next.Named.Names() {
		ids[i] = cmp.Or(ids[i], found[name])
	}
	next.SetNamed(next.Named.WithIDs(ids))
	f.run = &next
	return f.run, nil
}

func (f *fakeRuns) PersistStatus(context.Context, string) (*taskrun.Run, error) {
	f.calls = append(f.calls, "PersistStatus")
	if err := f.errs["PersistStatus"]; err != nil {
		return nil, err
	}
	next := *f.run
	next.StatusStale = false
	next.ExpirationTime, _ = f.Expiration(&next)
	f.run = &next
	return f.run, nil
}

// Expiration is that of taskrun.Service.
func (f *fakeRuns) Expiration(run *taskrun.Run) (*time.Time, bool) {
	return usecase.New(usecase.Options{Retention: f}).Expiration(run)
}

func (f *fakeRuns) FinishedTTL(string) (*time.Duration, bool) { return f.defaultTTL, !f.unknown }

func (f *fakeRuns) FinishedWithoutTTL(_ context.Context, visit func(string)) error {
	for _, name := range f.finished {
		visit(name)
	}
	return f.errs["FinishedWithoutTTL"]
}

func (f *fakeRuns) Expire(context.Context, string) (time.Duration, bool, error) {
	f.calls = append(f.calls, "Expire")
	if err := f.errs["Expire"]; err != nil {
		return 0, false, err
	}
	remaining, deleted := f.expire(f.run)
	return remaining, deleted, nil
}

// fakeObjects is a cache of TaskRuns.
type fakeObjects map[string]*v1alpha1.TaskRun

func (f fakeObjects) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	found, ok := f[key.Name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "taskruns"}, key.Name)
	}
	run, ok := into.(*v1alpha1.TaskRun)
	if !ok {
		return fmt.Errorf("this cache holds TaskRuns, not %T", into)
	}
	*run = *found
	return nil
}

func (f fakeObjects) List(context.Context, client.ObjectList, ...client.ListOption) error {
	panic("the controller lists nothing")
}

// fakeStatuses is an API server with the same objects. It writes their status.
type fakeStatuses struct {
	client.SubResourceWriter
	objects fakeObjects
	written []v1alpha1.TaskRunStatus
	err     error
}

func (f *fakeStatuses) Status() client.SubResourceWriter { return f }

func (f *fakeStatuses) Update(_ context.Context, o client.Object, _ ...client.SubResourceUpdateOption) error {
	run, ok := o.(*v1alpha1.TaskRun)
	if !ok {
		return fmt.Errorf("the status of %T", o)
	}
	if f.err != nil {
		return f.err
	}
	f.written = append(f.written, run.Status)
	f.objects[run.Name] = run.DeepCopy()
	return nil
}

// fakeMetrics counts by name.
type fakeMetrics struct {
	mu     sync.Mutex
	counts map[string]int
}

func (f *fakeMetrics) ProposalEvaluated(verdict orchestration.Status) { f.count(string(verdict)) }
func (f *fakeMetrics) ProposalExpired()                               { f.count("proposal expired") }
func (f *fakeMetrics) RunExpired()                                    { f.count("expired") }

func (f *fakeMetrics) count(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	f.counts[name]++
}

func (f *fakeMetrics) names() []string { return slices.Sorted(maps.Keys(f.counts)) }

// bench is a Reconciler with fake dependencies.
type fixture struct {
	*Reconciler
	clock   *testingclock.FakePassiveClock
	runs    *fakeRuns
	objects fakeObjects
	status  *fakeStatuses
	events  *events.FakeRecorder
	metrics *fakeMetrics
	idle    time.Duration // time without writes of clients
}

func newFixture(run *taskrun.Run, objects ...*v1alpha1.TaskRun) *fixture {
	b := &fixture{
		clock:   testingclock.NewFakePassiveClock(start),
		runs:    &fakeRuns{run: run, errs: map[string]error{}},
		objects: fakeObjects{},
		events:  events.NewFakeRecorder(10),
		metrics: &fakeMetrics{},
	}
	for _, o := range objects {
		b.objects[o.Name] = o
	}
	b.status = &fakeStatuses{objects: b.objects}
	b.Reconciler = &Reconciler{
		Options: DefaultOptions(),
		Objects: b.objects,
		Live:    b.objects,
		Writer:  b.status,
		Runs:    func(string) Runs { return b.runs },
		Clock:   b.clock,
		IdleFor: func() time.Duration { return b.idle },
		Events:  b.events,
		Metrics: b.metrics,
	}
	return b
}

// scope returns the scope for the steps.
func (b *fixture) scope() *scope {
	return &scope{runs: b.runs, object: b.objects["hello"], run: b.runs.run}
}

// recorded returns the Events so far.
func (b *fixture) recorded() []string {
	var all []string
	for {
		select {
		case event := <-b.events.Events:
			all = append(all, event)
		default:
			return all
		}
	}
}

// newObject returns a TaskRun as it is in the cache.
func newObject(name string, uid types.UID) *v1alpha1.TaskRun {
	return &v1alpha1.TaskRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: name, UID: uid, ResourceVersion: "100", Generation: 1,
			CreationTimestamp: metav1.Time{Time: start},
		},
		Spec: v1alpha1.TaskRunSpec{ID: runID},
	}
}

// newRun returns the run of newObject("hello", object), RUNNING.
func newRun(change func(*taskrun.Run)) *taskrun.Run {
	run := &taskrun.Run{
		ID: runID, Name: "hello", Created: start, Updated: start,
		Ref: taskrun.ObjectRef{UID: object, ResourceVersion: "100", Name: "hello", Generation: 1},
	}
	run.State = newState(orchestration.Running)
	if change != nil {
		change(run)
	}
	return run
}

func newState(kind orchestration.StateType) *orchestration.State {
	return &orchestration.State{ID: "id of " + string(kind), Type: kind, Name: kind.DefaultName(), Timestamp: start}
}

// check fails the test on an unexpected result.
func check(t *testing.T, got Result, err error, wantAfter time.Duration) {
	t.Helper()
	if err != nil || got.RequeueAfter != wantAfter {
		t.Errorf("result = %+v, error %v, want to come back after %v", got, err, wantAfter)
	}
}
