//go:build apiserver

package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// A replica knows the workers that are connected to another replica: their runs
// stay with them.
func TestReplicas_knowEachOthersWorkers(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	replica := func(o *Options) {
		o.Manager.LeaderElect, o.Manager.LeaseNamespace = true, c.namespace
		o.Delivery.GracePeriod, o.Delivery.Interval = 5*time.Second, 100*time.Millisecond
	}
	one, two := start(t, env.Config, c.namespace, replica), start(t, env.Config, c.namespace, replica)
	w := one.serve(t, "worker", "hello")
	eventually(t, "the other replica lists the worker", func() bool {
		return cmp.Equal([]string{"worker[hello]"}, workersOf(t, two))
	}, func() { t.Logf("it lists %v", workersOf(t, two)) })
	id := submit(t, two, "hello", "1")
	w.takes(t, id)
	held := c.get(t, id).Status.Delivery.DeliveredTime
	eventually(t, "twice the grace period has passed", func() bool { return time.Since(held.Time) > 10*time.Second }, func() {})
	if run := c.get(t, id); run == nil || !heldBy("worker")(run) || run.Status.Delivery.Attempts != 1 {
		t.Errorf("the run of a worker that is there is %+v", run)
	}
	w.vanish(t)
	two.serve(t, "another", "hello").takes(t, id)
	c.awaitEvent(t, id, "Warning Redelivered Worker worker was lost")
}
