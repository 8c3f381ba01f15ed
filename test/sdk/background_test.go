//go:build sdk

package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

func TestDelayedTask_isRunOnceAndItsFutureReturns(t *testing.T) {
	const runs = 200
	o := newStage(t, shared).newServer()
	o.newWorker(10)
	begin := time.Now()
	ids := o.submit("work", runs, "a")
	submitted := time.Since(begin)
	ends := o.await(ids...)
	t.Logf("REPORT: %d tasks submitted in %.1f s, all results there after %.1f s", runs, submitted.Seconds(), time.Since(begin).Seconds())
	for i, id := range ids {
		if want := fmt.Sprint("COMPLETED Completed done a", i); ends[id] != want {
			t.Errorf("run %s ended %q, want %q", id, ends[id], want)
		}
	}
	o.wantStates(map[string]int{"COMPLETED": runs})
	o.wantOnce("a", runs)
}

func TestWaitingRuns_surviveAKillOfTheServer(t *testing.T) {
	const runs = 100
	o := newStage(t, shared).newServer()
	o.submit("work", runs, "a")
	o.kill()
	begin := time.Now()
	o.start()
	o.newWorker(10)
	o.wantStates(map[string]int{"COMPLETED": runs})
	o.wantOnce("a", runs)
	t.Logf("REPORT: all %d that waited completed within %.1f s of the restart", runs, time.Since(begin).Seconds())
}

// A worker is killed with some tasks running, some of which have a retry left, and one
// read ahead. Others wait.
func TestKilledWorker_runsAreTakenOverOrCrash(t *testing.T) {
	o := newStage(t, shared).newServer("--worker-grace-period=3s")
	first := o.newWorker(4)
	crashing := o.submit("work", 2, "crashing", 300)
	retried := o.submit("tried_again", 2, "retried", 300)
	o.eventually("four tasks run", func() (string, bool) {
		starts := len(o.starts(""))
		return strconv.Itoa(starts), starts == 4
	})
	o.submit("work", 20, "waiting")
	first.kill()
	begin := time.Now()
	o.newWorker(4)
	o.wantStates(map[string]int{"COMPLETED": 22, "CRASHED": 2})
	t.Logf("REPORT: recovered %.1f s after the worker was killed, with a grace period of 3 s", time.Since(begin).Seconds())
	o.wantOnce("waiting", 20)
	for _, id := range crashing {
		if names := o.stateNames(id); !slices.Equal(names, []string{"Scheduled", "Pending", "Running", "Crashed"}) {
			t.Errorf("run %s was %v", id, names)
		}
	}
	for _, id := range retried {
		want := []string{"Scheduled", "Pending", "Running", "AwaitingRetry", "Pending", "Running", "Completed"}
		if names := o.stateNames(id); !slices.Equal(names, want) {
			t.Errorf("run %s was %v, want %v", id, names, want)
		}
	}
}

func TestReplicas_submitToOneAndRunAtAnother(t *testing.T) {
	const runs = 30
	s := newStage(t, shared)
	one, other := s.newServer("--leader-elect"), s.newServer("--leader-elect")
	w := other.newWorker(10)
	ids := one.submit("work", runs, "a")
	ends := one.await(ids...)
	for _, id := range ids {
		if !strings.HasPrefix(ends[id], "COMPLETED") {
			t.Errorf("run %s ended %q for a waiter at the other replica", id, ends[id])
		}
	}
	s.wantOnce("a", runs)
	w.server = one
	s.eventually("the one replica knows the worker of the other", func() (string, bool) { return fmt.Sprint(one.workers()), w.listed() })
	t.Logf("REPORT: %d of %d done at the other replica, and %d waiters woken", len(s.starts("a")), runs, len(ends))
}

func TestTasks_continueWhileTheServerIsDown(t *testing.T) {
	const runs = 10
	o := newStage(t, shared).newServer("--worker-grace-period=30s")
	w := o.newWorker(runs)
	o.submit("work", runs, "a", 6)
	o.eventually("all tasks run", func() (string, bool) {
		starts := len(o.starts("a"))
		return strconv.Itoa(starts), starts == runs
	})
	o.kill()
	o.eventually("half of the tasks have ended", func() (string, bool) {
		ended := 0
		for _, all := range o.executions() {
			for _, e := range all {
				if !e.end.IsZero() {
					ended++
				}
			}
		}
		return strconv.Itoa(ended), ended >= runs/2
	})
	begin := time.Now()
	o.start()
	o.wantStates(map[string]int{"COMPLETED": runs})
	t.Logf("REPORT: all %d Completed %.1f s after the restart", runs, time.Since(begin).Seconds())
	o.eventually("the worker has come back", func() (string, bool) { return fmt.Sprint(o.workers()), w.listed() })
	o.submit("work", 1, "b")
	o.wantStates(map[string]int{"COMPLETED": runs + 1})
	o.wantOnce("a", runs)
}

func TestRuns_cancelledOrDeletedBeforeAWorkerConnectsAreNotRun(t *testing.T) {
	o := newStage(t, shared).newServer()
	ids := o.submit("work", 3, "a")
	var result struct {
		Status string `json:"status"`
	}
	o.get(http.MethodPost, "/task_runs/"+ids[0]+"/set_state", `{"state":{"type":"CANCELLED"}}`, &result)
	if status, _ := o.ask(http.MethodDelete, "/task_runs/"+ids[1], ""); status != http.StatusNoContent || result.Status != "ACCEPT" {
		t.Fatalf("cancelled: %s, deleted: %d", result.Status, status)
	}
	o.newWorker(10)
	o.submit("work", 5, "b")
	o.wantStates(map[string]int{"CANCELLED": 1, "COMPLETED": 6})
	if starts := o.starts("a"); len(starts) != 1 || starts["a2"] != 1 {
		t.Errorf("started: %v, want the third one alone", starts)
	}
}

func TestScheduledRuns_runOnTime(t *testing.T) {
	o := newStage(t, shared).newServer()
	o.newWorker(10)
	key := ""
	for _, line := range o.client("keys") {
		if name, k, _ := strings.Cut(line, " "); name == "moment" {
			key = k
		}
	}
	due := time.Now().Add(4 * time.Second).UTC().Truncate(time.Microsecond)
	details, err := json.Marshal(map[string]any{"deferred": true, "scheduled_time": due})
	if err != nil {
		t.Fatal(err)
	}
	var run struct {
		ID string `json:"id"`
	}
	o.get(http.MethodPost, "/task_runs/", fmt.Sprintf(
		`{"task_key":%q,"dynamic_key":"later","state":{"type":"SCHEDULED","state_details":%s}}`, key, details), &run)
	o.wantStates(map[string]int{"COMPLETED": 1})
	delivered := o.delivery(run.ID).DeliveredTime.Time
	started := o.executions()["moment"][0].start
	t.Logf("REPORT: sent %d ms after its time, started by Python %d ms after it", delivered.Sub(due).Milliseconds(), started.Sub(due).Milliseconds())
	if late := delivered.Sub(due); late < 0 || late > time.Second {
		t.Errorf("sent %s after its time, want 0 to 1 s", late)
	}
}

// delivery returns the delivery in the status of a run.
func (s *stage) delivery(id string) *v1alpha1.Delivery {
	s.t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		s.t.Fatal(err)
	}
	objects, err := client.New(s.plane.Config(), client.Options{Scheme: scheme})
	if err != nil {
		s.t.Fatal(err)
	}
	object := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: id}}
	if err := objects.Get(s.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		s.t.Fatal(err)
	}
	if object.Status.Delivery == nil {
		s.t.Fatalf("run %s was never delivered", id)
	}
	return object.Status.Delivery
}

func TestRetriesAreThereInOrder(t *testing.T) {
	o := newStage(t, shared).newServer()
	o.newWorker(10)
	ids := o.submit("flaky", 1, "a")
	if ends := o.await(ids...); ends[ids[0]] != "COMPLETED Completed done a0" {
		t.Errorf("ended %q", ends[ids[0]])
	}
	want := []string{"Scheduled", "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"}
	if names := o.stateNames(ids[0]); !slices.Equal(names, want) {
		t.Errorf("was %v, want %v", names, want)
	}
}

func TestIdenticalSubmits_areOneRun(t *testing.T) {
	const submits = 50
	s := newStage(t, shared)
	servers := []*server{s.newServer("--leader-elect"), s.newServer("--leader-elect")}
	var (
		all      sync.WaitGroup
		mu       sync.Mutex
		ids      = map[string]bool{}
		statuses = map[int]int{}
	)
	for i := range submits {
		all.Go(func() {
			status, answer := servers[i%len(servers)].ask(http.MethodPost, "/task_runs/",
				`{"task_key":"k","dynamic_key":"one","state":{"type":"SCHEDULED","state_details":{"deferred":true}}}`)
			var run struct {
				ID string `json:"id"`
			}
			err := json.Unmarshal([]byte(answer), &run)
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
			if ids[run.ID] = true; err != nil {
				t.Errorf("%v in %s", err, answer)
			}
		})
	}
	all.Wait()
	if len(ids) != 1 || statuses[http.StatusCreated] != 1 || statuses[http.StatusOK] != submits-1 {
		t.Errorf("ids %v, statuses %v, want one id, made once", ids, statuses)
	}
	servers[0].wantStates(map[string]int{"SCHEDULED": 1})
	t.Logf("REPORT: %d identical submits to two replicas: %d run", submits, len(ids))
}
