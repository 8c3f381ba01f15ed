//go:build apiserver

package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// unsettled delays the status of new runs.
func unsettled(o *Options) {
	shortGrace(o)
	o.Controller.StatusWriteDelay, o.Controller.MaxStatusWriteDelay = time.Minute, time.Minute
}

// submitForIdle submits runs, which the worker takes, until one was created for the
// worker. The test cannot see whether the worker is idle already.
func submitForIdle(t *testing.T, c *cluster, p *program, w *worker, taskKey string) *v1alpha1.TaskRun {
	t.Helper()
	var run *v1alpha1.TaskRun
	n := 0
	eventually(t, "a run is created for an idle worker", func() bool {
		n++
		id := submit(t, p, taskKey, fmt.Sprintf("%s-%d", w.name, n))
		w.takes(t, id)
		run = c.get(t, id)
		return run.Spec.Origin.Delivery != nil
	}, func() {})
	return run
}

func TestFirstDelivery_runForIdleWorkerIsOneWrite(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, unsettled)
	w := p.serve(t, "worker", "hello")
	run := submitForIdle(t, c, p, w, "hello")
	want := &v1alpha1.FirstDelivery{Holder: "worker", LeaseNamespace: c.namespace}
	if diff := cmp.Diff(want, run.Spec.Origin.Delivery); diff != "" {
		t.Errorf("spec.origin.delivery (-want +got):\n%s", diff)
	}
	if run.Status.State != nil || run.Status.Delivery != nil {
		t.Errorf("status = %+v, want none", run.Status)
	}
	setState(t, p, run.Name, "RUNNING")
	run = c.get(t, run.Name)
	delivered := run.Status.Delivery
	if !heldBy("worker")(run) || delivered.Attempts != 1 || !delivered.DeliveredTime.Equal(run.Spec.Origin.CreatedTime.Time) {
		t.Errorf("status.delivery = %+v, want the worker since the creation", delivered)
	}
	setState(t, p, run.Name, "COMPLETED")
	if run := c.get(t, run.Name); heldBy("worker")(run) {
		t.Errorf("after the end, status.delivery = %+v, want no holder", run.Status.Delivery)
	}
}

func TestFirstDelivery_runForLostWorkerGoesToAnother(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, unsettled)
	first := p.serve(t, "first", "hello")
	run := submitForIdle(t, c, p, first, "hello")
	second := p.serve(t, "second", "hello")
	first.vanish(t)
	second.takesAll(t, run.Name)
	if run := c.get(t, run.Name); !heldBy("second")(run) || run.Status.Delivery.Attempts != 2 {
		t.Errorf("status.delivery = %+v, want the second delivery", run.Status.Delivery)
	}
}

// The other replica finds the run and its worker in what the first one wrote.
func TestFirstDelivery_otherReplicaDeliversRunForWorkerOfLostReplica(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	a := start(t, env.Config, c.namespace, unsettled)
	b := start(t, env.Config, c.namespace, unsettled)
	first := a.serve(t, "first", "hello")
	run := submitForIdle(t, c, a, first, "hello")
	second := b.serve(t, "second", "hello")
	a.stop()
	second.takesAll(t, run.Name)
}

// A holder that a user writes has the same limits as that of a run of a lost
// worker, or of a run that was not sent.
func TestFirstDelivery_runThatAUserCreatesForAWorker(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, unsettled)
	w := p.serve(t, "worker", "hello")
	submission := func(holder string) v1alpha1.TaskRunSpec {
		return v1alpha1.TaskRunSpec{
			InitialState: &v1alpha1.ProposedState{Type: "SCHEDULED", StateDetails: &v1alpha1.StateDetails{Deferred: new(true)}},
			Origin:       &v1alpha1.Origin{Delivery: &v1alpha1.FirstDelivery{Holder: holder, LeaseNamespace: c.namespace}},
		}
	}
	unconnected := c.apply(t, "not-connected", submission("not-connected"))
	w.takes(t, string(unconnected.UID))
	connected := c.apply(t, "for-the-worker", submission("worker"))
	w.takes(t, string(connected.UID))
	idle := submission("not-connected")
	idle.InitialState = nil
	c.apply(t, "no-submission", idle)
	setState(t, p, string(c.get(t, "no-submission").UID), "COMPLETED")
	if run := c.get(t, "no-submission"); run.Status.Delivery != nil {
		t.Errorf("status.delivery of a run that was not submitted = %+v, want none", run.Status.Delivery)
	}
}

// takesAll acknowledges runs up to the one with the id.
func (w *worker) takesAll(t *testing.T, id string) {
	t.Helper()
	for {
		frame := w.receive(t)
		w.say(t, `{"type":"ack"}`)
		if frame["id"] == id {
			return
		}
	}
}
