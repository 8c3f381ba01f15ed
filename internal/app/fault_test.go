//go:build apiserver

package app

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	kuberest "k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// end is the result that must be the same regardless of kills.
type end struct {
	States      []string
	RunCount    int64
	Verdicts    []string
	UpToDate    bool
	Conditions  map[string]string
	HistoryLost int64
	Lifetime    time.Duration // after the end, by status.expirationTime
}

func endOf(run *v1alpha1.TaskRun) end {
	e := end{
		RunCount:    run.Status.RunCount,
		UpToDate:    run.Status.ObservedGeneration == run.Generation,
		Conditions:  map[string]string{},
		HistoryLost: run.Status.HistoryDropped,
		Lifetime:    lifetime(run),
	}
	for _, state := range run.Status.History {
		e.States = append(e.States, state.Type)
	}
	e.States = append(e.States, run.Status.State.Type)
	for _, decision := range run.Status.Decisions {
		e.Verdicts = append(e.Verdicts, decision.Verdict)
	}
	for _, condition := range run.Status.Conditions {
		e.Conditions[condition.Type] = fmt.Sprint(condition.Status, condition.ObservedGeneration == run.Generation)
	}
	return e
}

// life causes every kind of write of the controller: a wait, the start, the end, a change of spec, and the deletion of
// a second run.
func life(t *testing.T, c *cluster) end {
	t.Helper()
	due := time.Now().Add(3 * time.Second) // a slow machine needs time to notice that it is not due yet
	c.apply(t, "hello", v1alpha1.TaskRunSpec{InitialState: dueAt(due)})
	started := c.propose(t, "hello", "RUNNING")
	c.await(t, "hello", "is RUNNING", inState("RUNNING"))
	c.awaitVerdict(t, started, true)
	c.proposed(t, "hello", "COMPLETED")
	c.await(t, "hello", "is COMPLETED", inState("COMPLETED"))
	changed := c.patch(t, "hello", `{"spec":{"name":"another"}}`)
	run := c.await(t, "hello", "has observed its new name", func(run *v1alpha1.TaskRun) bool {
		return run.Status.ObservedGeneration == changed.Generation
	})
	c.apply(t, "gone", v1alpha1.TaskRunSpec{TTLSecondsAfterFinished: new(int32)})
	ended := c.propose(t, "gone", "COMPLETED")
	eventually(t, "gone is gone", func() bool { return c.get(t, "gone") == nil }, func() {})
	c.awaitVerdict(t, ended, true)
	return endOf(run)
}

// TestFaults_killBetweenAnyTwoWritesChangesNothing kills the program before each of its writes in turn, and with the
// response lost after it, and restarts the program.
func TestFaults_killBetweenAnyTwoWritesChangesNothing(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	undisturbed := newCluster(t, env.Config, env.Namespace(t))
	start(t, env.Config, undisturbed.namespace, keptFor(time.Hour))
	want := life(t, undisturbed)
	if diff := cmp.Diff([]string{"SCHEDULED", "RUNNING", "COMPLETED"}, want.States); diff != "" || !want.UpToDate || want.Lifetime != time.Hour {
		t.Fatalf("undisturbed end = %+v, states (-want +got):\n%s", want, diff)
	}
	// First run: its state. First proposal: wait, start, mark, verdict. Second proposal: end, mark, verdict. Then the
	// name. Second run: end, mark, verdict, deletion.
	const writes = 13
	for n := range writes {
		for _, answerLost := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d writes, the answer to the next lost: %v", n, answerLost), func(t *testing.T) {
				t.Parallel()
				c := newCluster(t, env.Config, env.Namespace(t))
				cutOff := killedAndStartedAgain(t, env.Config, c.namespace, n, answerLost)
				if diff := cmp.Diff(want, life(t, c)); diff != "" {
					t.Errorf("end (-undisturbed +killed):\n%s", diff)
				}
				// The effect of a write is visible before its response, which is lost.
				select {
				case <-cutOff:
				case <-time.After(patience):
					t.Error("the program made fewer writes than that: it was never killed")
				}
			})
		}
	}
}

// killedAndStartedAgain starts the program, kills it at its write after n writes, and starts it again. The channel is
// closed at the kill.
func killedAndStartedAgain(t *testing.T, config *kuberest.Config, namespace string, n int, answerLost bool) <-chan struct{} {
	t.Helper()
	cut, faults := cutAfter(config, n, answerLost)
	first := start(t, cut, namespace, keptFor(time.Hour))
	restarted := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(restarted)
		select {
		case <-faults.cut:
			first.stop()
			if _, err := launch(t, config, namespace, keptFor(time.Hour)); err != nil {
				t.Errorf("starting again: %v", err)
			}
		case <-done:
		}
	}()
	t.Cleanup(func() { close(done); <-restarted })
	return faults.cut
}

// waitingRun creates a run whose RUNNING proposal waits until it is due. It retries with a longer time on a slow
// machine.
func waitingRun(t *testing.T, c *cluster) (name string, due time.Time, waiting *v1alpha1.StateProposal) {
	t.Helper()
	for ahead := 4 * time.Second; ; ahead *= 2 {
		name, due = "waiting-"+ahead.String(), time.Now().Add(ahead).Truncate(time.Microsecond)
		c.apply(t, name, v1alpha1.TaskRunSpec{InitialState: dueAt(due)})
		waiting = c.awaitVerdict(t, c.propose(t, name, "RUNNING"), false)
		if waiting.Status.Verdict == v1alpha1.VerdictWaiting && time.Until(due) > 0 {
			return name, due, waiting
		}
	}
}

func TestController_continuesAfterAnOutageOfTheAPIServer(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	start(t, env.Config, c.namespace, func(o *Options) { o.Manager.LeaderElect = true })
	name, due, _ := waitingRun(t, c)

	env.StopAPIServer(t)
	// The run becomes due during the outage.
	<-time.After(time.Until(due.Add(2 * time.Second)))
	env.StartAPIServer(t)

	run := c.await(t, name, "is RUNNING", inState("RUNNING"))
	if run.Status.RunCount != 1 {
		t.Errorf("run count = %d, want 1", run.Status.RunCount)
	}
	c.apply(t, "new", v1alpha1.TaskRunSpec{})
	c.propose(t, "new", "COMPLETED")
	c.await(t, "new", "is COMPLETED", inState("COMPLETED"))
}

func TestController_twoAtOnceDoEverythingOnce(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	for range 2 {
		start(t, env.Config, c.namespace, nil)
	}
	const runs = 10
	name := func(i int) string { return fmt.Sprintf("run-%d", i) }
	for i := range runs {
		c.apply(t, name(i), v1alpha1.TaskRunSpec{})
		c.propose(t, name(i), "RUNNING")
	}
	for i := range runs {
		run := c.await(t, name(i), "is RUNNING", inState("RUNNING"))
		if diff := cmp.Diff([]string{"PENDING", "RUNNING"}, endOf(run).States); diff != "" || run.Status.RunCount != 1 {
			t.Errorf("%s: run count %d, states (-want +got):\n%s", name(i), run.Status.RunCount, diff)
		}
	}
}

func TestController_replicaTakesOverFromLeaderThatStops(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	elect := func(o *Options) { o.Manager.LeaderElect = true }
	first := start(t, env.Config, c.namespace, elect)
	leader := c.awaitLeader(t, func(holder string) bool { return holder != "" })
	start(t, env.Config, c.namespace, elect)
	c.apply(t, "one", v1alpha1.TaskRunSpec{})
	c.propose(t, "one", "COMPLETED")
	c.await(t, "one", "is COMPLETED", inState("COMPLETED"))
	if now := c.leader(t); now != leader {
		t.Errorf("leader = %q, want %q for as long as it runs", now, leader)
	}
	first.stop()
	c.awaitLeader(t, func(holder string) bool { return holder != "" && holder != leader })
	c.apply(t, "two", v1alpha1.TaskRunSpec{})
	c.propose(t, "two", "COMPLETED")
	c.await(t, "two", "is COMPLETED", inState("COMPLETED"))
}

// During an outage, the leader stops its controllers and continues to serve REST. Afterwards its controllers start
// again.
func TestLeader_servesThroughAnOutageAndLeadsAgain(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, func(o *Options) { o.Manager.LeaderElect = true })
	c.apply(t, "before", v1alpha1.TaskRunSpec{})
	c.proposed(t, "before", "RUNNING")
	env.StopAPIServer(t)
	<-time.After(renewDeadline + 2*retryPeriod)
	wantUnavailable(t, http.MethodGet, p.url()+"/ready", "")
	env.StartAPIServer(t)
	c.apply(t, "after", v1alpha1.TaskRunSpec{})
	for _, run := range []string{"before", "after"} {
		c.proposed(t, run, "COMPLETED")
		c.await(t, run, "is COMPLETED", inState("COMPLETED"))
	}
}

// leader returns the holder of the leader's Lease, or "".
func (c *cluster) leader(t *testing.T) string {
	t.Helper()
	var lease coordinationv1.Lease
	err := c.Get(t.Context(), types.NamespacedName{Namespace: c.namespace, Name: leaseName}, &lease)
	if client.IgnoreNotFound(err) != nil {
		t.Logf("reading the Lease: %v", err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func (c *cluster) awaitLeader(t *testing.T, wanted func(holder string) bool) string {
	t.Helper()
	var holder string
	eventually(t, "a leader", func() bool { holder = c.leader(t); return wanted(holder) }, func() { t.Logf("it is %q", holder) })
	return holder
}
