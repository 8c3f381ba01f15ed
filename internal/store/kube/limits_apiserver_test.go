//go:build apiserver

package kube_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// program has the use cases of one replica.
type program struct {
	limits *concurrency.Service
	runs   *usecase.Service
}

func openProgram(t *testing.T, env *testenv.Env, namespace string) program {
	t.Helper()
	cluster := openReplica(t, env.Config)
	store := cluster.Namespace(namespace)
	limits := concurrency.New(concurrency.Options{Namespace: namespace, Store: cluster.Limits(namespace), Runs: store, Clock: clock.RealClock{}})
	return program{limits, usecase.New(usecase.Options{Namespace: namespace, Store: store, Clock: clock.RealClock{}, Slots: limits})}
}

// Two replicas start runs concurrently: the number of RUNNING runs never exceeds the
// slots, and all runs run in the end.
func TestLimits_twoReplicasShareTheSlots(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	replicas := []program{openProgram(t, env, namespace), openProgram(t, env, namespace)}
	const slots, runs = 2, 12
	if _, err := replicas[0].limits.Create(t.Context(), concurrency.NewLimit{Name: "tag:a", Active: true, Limit: slots}); err != nil {
		t.Fatal(err)
	}
	awaitLimit(t, replicas[1].limits, "tag:a")
	var all sync.WaitGroup
	var mu sync.Mutex
	inside := 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		if inside += n; inside > slots {
			t.Errorf("%d runs are RUNNING, there are %d slots", inside, slots)
		}
	}
	for i := range runs {
		p := replicas[i%2]
		run, _, err := p.runs.Create(t.Context(), taskrun.NewRun{
			Run: taskrun.Run{TaskKey: "k", DynamicKey: strconv.Itoa(i), Tags: []string{"a"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for !propose(t, p, run.ID, orchestration.Running) {
				<-time.After(50 * time.Millisecond)
			}
			count(1)
			<-time.After(30 * time.Millisecond)
			count(-1)
			propose(t, p, run.ID, orchestration.Completed)
		})
	}
	all.Wait()
	if err := replicas[1].limits.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func propose(t *testing.T, p program, id string, kind orchestration.StateType) bool {
	t.Helper()
	outcome, err := p.runs.SetState(t.Context(), id, taskrun.Proposal{Type: kind})
	if err != nil {
		t.Errorf("SetState(%s): %v", kind, err)
		return true
	}
	return outcome.Decision.Status == orchestration.Accept
}

// awaitLimit waits until a replica's watch delivers the limit.
func awaitLimit(t *testing.T, limits *concurrency.Service, name string) {
	t.Helper()
	deadline := time.After(startLimit)
	for {
		_, err := limits.Get(t.Context(), concurrency.Key{Name: name})
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the limit did not show: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestLimits_areObjects(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	p, direct := openProgram(t, env, namespace), newClient(t, env.Config)
	made, err := p.limits.Create(t.Context(), concurrency.NewLimit{Name: "tag:Größe / x", Active: true, Limit: 3, ActiveSlots: 1, SlotDecayPerSecond: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	object := &v1alpha1.ConcurrencyLimit{}
	if err := direct.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: made.ID}, object); err != nil {
		t.Fatal(err)
	}
	if *object.Spec.Tag != "Größe / x" || object.Spec.Name != "" || *object.Spec.Slots != 3 || object.Spec.SlotDecayPerSecond.Raw != "0.25" ||
		*object.Status.AnonymousSlots != "1" || !object.Spec.Origin.CreatedTime.Equal(made.Created) {
		t.Errorf("spec %+v, status %+v", object.Spec, object.Status)
	}
	if _, err := openProgram(t, env, namespace).limits.Create(t.Context(), concurrency.NewLimit{Name: "tag:Größe / x"}); !errors.Is(err, taskrun.ErrExists) {
		t.Errorf("made again elsewhere: %v", err)
	}
	lease, _, err := p.limits.Acquire(t.Context(), concurrency.Acquisition{Names: []string{"tag:Größe / x"}, Slots: 1, Lease: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	other := openProgram(t, env, namespace)
	if err := other.limits.Renew(t.Context(), lease, time.Minute); err != nil {
		t.Errorf("renewed elsewhere: %v", err)
	}
	if err := p.limits.Update(t.Context(), concurrency.Key{ID: made.ID}, concurrency.Change{Limit: new(7), Name: new("other")}); err != nil {
		t.Fatal(err)
	}
	if view, err := p.limits.Get(t.Context(), concurrency.Key{Name: "other"}); err != nil || view.Limit != 7 || view.ID != made.ID {
		t.Errorf("limit %+v, error %v", view, err)
	}
	if err := p.limits.Delete(t.Context(), concurrency.Key{ID: made.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.limits.Get(t.Context(), concurrency.Key{ID: made.ID}); !errors.Is(err, taskrun.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

// Limits that users applied: the older one of two limits with one tag applies.
func TestLimits_createdByUsers(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	direct := newClient(t, env.Config)
	for i, name := range []string{"first", "second"} {
		createLimit(t, direct, namespace, name, func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Tag, o.Spec.Slots = new("a"), new(int32(i+1)) })
		<-time.After(1100 * time.Millisecond) // creation times have a precision of seconds
	}
	p := openProgram(t, env, namespace)
	view, err := p.limits.Get(t.Context(), concurrency.Key{Name: "tag:a"})
	if err != nil || view.Limit != 1 || !view.Active {
		t.Errorf("limit %+v, error %v, want the older one", view, err)
	}
}

func createLimit(t *testing.T, direct client.Client, namespace, name string, change func(*v1alpha1.ConcurrencyLimit)) *v1alpha1.ConcurrencyLimit {
	t.Helper()
	object := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	object.Spec.Slots = new(int32(1))
	change(object)
	if err := direct.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	return object
}

// A sweep records whether each limit applies, once per generation, and does not
// change the values over REST.
func TestSweep_recordsWhichLimitsApply(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	p, direct := openProgram(t, env, namespace), newClient(t, env.Config)
	var stalled []string
	p.limits.OnStalled = func(l *concurrency.Limit) { stalled = append(stalled, l.Revision.Name+": "+l.Recorded.Stalled) }
	older, err := p.limits.Create(t.Context(), concurrency.NewLimit{Name: "tag:a", Active: true, Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(1100 * time.Millisecond) // creation times have a precision of seconds
	younger := createLimit(t, direct, namespace, "younger", func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Tag = new("a") })
	other := createLimit(t, direct, namespace, "other", func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Active = new(false) })
	awaitLimit(t, p.limits, "other")
	swept := func(name string) *v1alpha1.ConcurrencyLimit {
		t.Helper()
		if err := p.limits.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		object := &v1alpha1.ConcurrencyLimit{}
		if err := direct.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
			t.Fatal(err)
		}
		return object
	}
	const reason = " is older and has the same tag. Change spec.tag, or delete one of the two."
	for name, want := range map[string]string{
		older.ID:  "1 Ready=True/Active/1 Stalled=False/UniqueName/1",
		"younger": "1 Ready=False/DuplicateName/1 Stalled=True/DuplicateName/1",
		"other":   "1 Ready=True/Inactive/1 Stalled=False/UniqueName/1",
	} {
		object := swept(name)
		if got := told(object); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if again := swept(name); again.ResourceVersion != object.ResourceVersion {
			t.Errorf("%s is written again", name)
		}
	}
	if want := "younger: ConcurrencyLimit " + older.ID + reason; len(stalled) != 1 || stalled[0] != want {
		t.Errorf("told of %q, want %q", stalled, want)
	}
	if view, err := p.limits.Get(t.Context(), concurrency.Key{ID: older.ID}); err != nil || !view.Updated.Equal(older.Updated) {
		t.Errorf("limit %+v, error %v, want it updated at %s still", view, err, older.Updated)
	}
	other.Spec.Slots, other.ResourceVersion = new(int32(5)), swept("other").ResourceVersion
	if err := direct.Update(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := p.limits.Delete(t.Context(), concurrency.Key{ID: older.ID}); err != nil {
		t.Fatal(err)
	}
	awaitSlots(t, p.limits, "other", 5)
	if got, want := told(swept("other")), "2 Ready=True/Inactive/2 Stalled=False/UniqueName/2"; got != want {
		t.Errorf("changed: %s, want %s", got, want)
	}
	if got, want := told(swept(younger.Name)), "1 Ready=True/Active/1 Stalled=False/UniqueName/1"; got != want {
		t.Errorf("alone: %s, want %s", got, want)
	}
}

// told holds the conditions in a status.
func told(o *v1alpha1.ConcurrencyLimit) string {
	parts := []string{strconv.FormatInt(o.Status.ObservedGeneration, 10)}
	for _, c := range o.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s/%s/%d", c.Type, c.Status, c.Reason, c.ObservedGeneration))
	}
	return strings.Join(parts, " ")
}

// awaitSlots waits until a replica's watch shows the limit with this number of used
// slots.
func awaitSlots(t *testing.T, limits *concurrency.Service, name string, slots int) {
	t.Helper()
	deadline := time.After(startLimit)
	for {
		view, err := limits.Get(t.Context(), concurrency.Key{Name: name})
		if err == nil && view.Limit == slots {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("limit %+v, error %v", view, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// kubectl finds the object of a holder that is a task run. For the API server, all
// holders are one field, regardless of their number.
func TestHolders_referToObjects(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	p, direct := openProgram(t, env, namespace), newClient(t, env.Config)
	const holders = 64
	made, err := p.limits.Create(t.Context(), concurrency.NewLimit{Name: "tag:a", Active: true, Limit: holders})
	if err != nil {
		t.Fatal(err)
	}
	run := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "load"}}
	run.Spec.TaskKey, run.Spec.Tags, run.Spec.ID = new("k"), []string{"a"}, "11111111-1111-4111-8111-111111111111"
	if err := direct.Create(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	awaitRun(t, p, run.Spec.ID)
	propose(t, p, run.Spec.ID, orchestration.Running)
	for range holders - 1 {
		in := concurrency.Acquisition{Names: []string{"tag:a"}, Slots: 1, Lease: time.Hour, Holder: &concurrency.Holder{
			Kind: "flow_run", ID: uuid.NewString(),
		}}
		if _, _, err := p.limits.Acquire(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	object := &v1alpha1.ConcurrencyLimit{}
	if err := direct.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: made.ID}, object); err != nil {
		t.Fatal(err)
	}
	want := v1alpha1.HolderReference{Kind: "TaskRun", Name: run.Name, UID: string(run.UID)}
	first := object.Status.Holders[0]
	if first.Ref == nil || *first.Ref != want || first.HolderID != run.Spec.ID || first.HolderType != "" {
		t.Errorf("the holder is %+v, want the object %+v", first, want)
	}
	if second := object.Status.Holders[1]; second.Ref != nil || second.HolderType != "flow_run" {
		t.Errorf("the second holder is %+v, want no object", second)
	}
	managed, err := json.Marshal(object.ManagedFields)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d holders: managedFields %d bytes", len(object.Status.Holders), len(managed))
	if len(object.Status.Holders) != holders || len(managed) > 1000 {
		t.Errorf("%d holders, managedFields %s", len(object.Status.Holders), managed)
	}
}

func awaitRun(t *testing.T, p program, id string) {
	t.Helper()
	deadline := time.After(startLimit)
	for {
		_, err := p.runs.Get(t.Context(), id)
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the run did not show: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A change over REST keeps the user's text of values that it does not change.
func TestLimits_changeOverRESTKeepsOtherTexts(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	p, direct := openProgram(t, env, namespace), newClient(t, env.Config)
	createLimit(t, direct, namespace, "api-calls", func(o *v1alpha1.ConcurrencyLimit) { o.Spec.SlotDecayPerSecond.Raw = `"0.50"` })
	awaitLimit(t, p.limits, "api-calls")
	for _, step := range []struct {
		change concurrency.Change
		want   string
	}{
		{concurrency.Change{Limit: new(7)}, `{"slots":7,"active":true,"slotDecayPerSecond":"0.50"}`},
		{concurrency.Change{SlotDecayPerSecond: new(2.25)}, `{"slots":7,"active":true,"slotDecayPerSecond":2.25}`},
		{concurrency.Change{SlotDecayPerSecond: new(3e-7)}, `{"slots":7,"active":true,"slotDecayPerSecond":3e-7}`},
		{concurrency.Change{SlotDecayPerSecond: new(0.0), Active: new(false)}, `{"slots":7,"active":false}`},
		{concurrency.Change{Name: new("tag:b")}, `{"tag":"b","slots":7,"active":false}`},
		{concurrency.Change{Name: new("c")}, `{"name":"c","slots":7,"active":false}`},
	} {
		all, err := p.limits.List(t.Context(), "", 0, 2)
		if err != nil || len(all) != 1 {
			t.Fatalf("%d limits, error %v", len(all), err)
		}
		if err := p.limits.Update(t.Context(), concurrency.Key{ID: all[0].ID}, step.change); err != nil {
			t.Fatal(err)
		}
		object := &v1alpha1.ConcurrencyLimit{}
		if err := direct.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "api-calls"}, object); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(object.Spec); err != nil || string(got) != step.want {
			t.Errorf("%s, error %v, want %s", got, err, step.want)
		}
		view, err := p.limits.Get(t.Context(), concurrency.Key{ID: all[0].ID})
		if err != nil || (step.change.SlotDecayPerSecond != nil && view.SlotDecayPerSecond != *step.change.SlotDecayPerSecond) {
			t.Errorf("limit %+v, error %v", view, err)
		}
	}
}
