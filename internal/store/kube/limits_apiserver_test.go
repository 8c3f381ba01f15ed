//go:build apiserver

package kube_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/testenv"
)

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// program is one replica's use cases.
type program struct {
	limits *concurrency.Service
	runs   *taskrun.Service
}

func openProgram(t *testing.T, env *testenv.Env, namespace string) program {
	t.Helper()
	cluster := openReplica(t, env.Config)
	store := cluster.Namespace(namespace)
	limits := concurrency.New(concurrency.Options{Namespace: namespace, Store: cluster.Limits(namespace), Runs: store, Clock: wallClock{}})
	return program{limits, taskrun.NewService(taskrun.ServiceOptions{Namespace: namespace, Store: store, Clock: wallClock{}, Slots: limits})}
}

// Two replicas start runs at once: never more than there are slots, and in the
// end all had theirs.
func TestTwoReplicasShareTheSlots(t *testing.T) {
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

// awaitLimit waits until a replica's watch shows the limit.
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

func TestLimitsAreObjects(t *testing.T) {
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
	if object.Spec.Name != "tag:Größe / x" || *object.Spec.Limit != 3 || *object.Spec.SlotDecayPerSecond != "0.25" || *object.Status.LooseSlots != "1" {
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

// A limit that was applied by people: of two of one name the older one counts.
func TestLimitsMadeByHand(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	direct := newClient(t, env.Config)
	for i, name := range []string{"first", "second"} {
		object := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		object.Spec.Name, object.Spec.Limit = "tag:a", new(int32(i+1))
		if err := direct.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		<-time.After(1100 * time.Millisecond) // creation times have seconds
	}
	p := openProgram(t, env, namespace)
	view, err := p.limits.Get(t.Context(), concurrency.Key{Name: "tag:a"})
	if err != nil || view.Limit != 1 || !view.Active {
		t.Errorf("limit %+v, error %v, want the older one", view, err)
	}
	for field, change := range map[string]func(*v1alpha1.ConcurrencyLimit){
		"limit": func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Limit = new(int32(-1)) },
		"decay": func(o *v1alpha1.ConcurrencyLimit) { o.Spec.SlotDecayPerSecond = new("fast") },
		"name":  func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Name = string(make([]byte, 300)) },
		"none":  func(o *v1alpha1.ConcurrencyLimit) { o.Spec.Limit = nil },
	} {
		object := &v1alpha1.ConcurrencyLimit{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "bad"}}
		object.Spec.Limit = new(int32(1))
		change(object)
		if err := direct.Create(t.Context(), object); !apierrors.IsInvalid(err) {
			t.Errorf("%s: error %v, want it to be refused", field, err)
		}
	}
}
