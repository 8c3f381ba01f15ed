package telemetry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

type depths map[string]delivery.Depth

func (d depths) Depth() map[string]delivery.Depth { return d }

type connected int

func (c connected) Connected() int { return int(c) }

type unknown int

func (u unknown) UnknownHolds() int { return int(u) }

func expect(t *testing.T, reg prometheus.Gatherer, want string, names ...string) {
	t.Helper()
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestQueue_metricsAreCurrent(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	queue := depths{
		"a": {Due: 2, Waiting: 5, Oldest: noon.Add(-90 * time.Second)},
		"b": {Due: 0, Waiting: 1, Oldest: noon.Add(time.Hour)},
	}
	stop := r.Watch(queue, connected(3), unknown(2), testingclock.NewFakePassiveClock(noon))
	expect(t, reg, `
# HELP taskrun_queue_depth Background runs that wait for a worker, by task key and by whether they are due.
# TYPE taskrun_queue_depth gauge
taskrun_queue_depth{due="false",task_key="a"} 3
taskrun_queue_depth{due="true",task_key="a"} 2
taskrun_queue_depth{due="false",task_key="b"} 1
taskrun_queue_depth{due="true",task_key="b"} 0
# HELP taskrun_queue_oldest_age_seconds For how long the first of the background runs that wait has been due, by task key.
# TYPE taskrun_queue_oldest_age_seconds gauge
taskrun_queue_oldest_age_seconds{task_key="a"} 90
taskrun_queue_oldest_age_seconds{task_key="b"} 0
# HELP taskrun_workers_connected Workers that have a connection to this replica.
# TYPE taskrun_workers_connected gauge
taskrun_workers_connected 3
# HELP taskrun_unknown_holds Runs held by workers that may be connected to operators whose Leases this replica cannot read. It leaves the runs to them.
# TYPE taskrun_unknown_holds gauge
taskrun_unknown_holds 2
`, "taskrun_queue_depth", "taskrun_queue_oldest_age_seconds", "taskrun_workers_connected", "taskrun_unknown_holds")
	stop()
	if n, err := testutil.GatherAndCount(reg, "taskrun_queue_depth", "taskrun_queue_oldest_age_seconds"); n != 0 || err != nil {
		t.Errorf("%d values of a queue that is watched no more, error %v", n, err)
	}
}

func TestQueue_twoProgramsInAProcessAreAddedUp(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	for range 2 {
		r := newRecorder(t, reg)
		r.Watch(depths{"a": {Due: 1, Waiting: 1, Oldest: noon}}, connected(1), unknown(2), testingclock.NewFakePassiveClock(noon))
	}
	expect(t, reg, `
# HELP taskrun_queue_depth Background runs that wait for a worker, by task key and by whether they are due.
# TYPE taskrun_queue_depth gauge
taskrun_queue_depth{due="false",task_key="a"} 0
taskrun_queue_depth{due="true",task_key="a"} 2
# HELP taskrun_workers_connected Workers that have a connection to this replica.
# TYPE taskrun_workers_connected gauge
taskrun_workers_connected 2
`, "taskrun_queue_depth", "taskrun_workers_connected")
}

func TestQueue_numberOfTaskKeysIsLimited(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	queue := depths{}
	for i := range 1000 {
		queue[fmt.Sprintf("key-%03d", i)] = delivery.Depth{Due: i, Waiting: 1000, Oldest: noon.Add(-time.Second)}
	}
	// These texts could break the page, both among the named task keys and the
	// others.
	queue["(other)"] = delivery.Depth{Due: 2000, Waiting: 2000, Oldest: noon.Add(-time.Minute)}
	queue["bad \xff"] = delivery.Depth{Due: 2000, Waiting: 2000, Oldest: noon}
	queue["bad \xfe"] = delivery.Depth{Due: 2000, Waiting: 2000, Oldest: noon}
	newRecorder(t, reg).Watch(queue, connected(0), unknown(2), testingclock.NewFakePassiveClock(noon))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	due, total := map[string]float64{}, 0.0
	for _, family := range families {
		if family.GetName() != "taskrun_queue_depth" {
			continue
		}
		for _, metric := range family.GetMetric() {
			total += metric.GetGauge().GetValue()
			if labels := metric.GetLabel(); labels[0].GetValue() == "true" {
				due[labels[1].GetValue()] = metric.GetGauge().GetValue()
			}
		}
	}
	if len(due) > 51 {
		t.Errorf("%d task keys are named", len(due))
	}
	if due["key-999"] != 999 || due["bad ?"] != 4000 {
		t.Errorf("the deepest are not named: %v", due)
	}
	if _, named := due["key-001"]; named {
		t.Error("one of the least deep is named")
	}
	if want := 1000*1000 + 3*2000.0; total != want {
		t.Errorf("all together are %v, want %v", total, want)
	}
}
