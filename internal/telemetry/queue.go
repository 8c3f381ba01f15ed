package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
)

const (
	// maxTasks is the number of task keys with their own values: few enough for a
	// dashboard. It limits the cost of any number of keys.
	maxTasks = 50
	// otherTasks is the label value of all other task keys.
	otherTasks = "(other)"
)

// Queue returns the numbers of waiting runs; *delivery.Queue implements it.
type Queue interface {
	Depth() map[string]delivery.Depth
}

// Workers returns the number of connected workers; *delivery.Workers implements it.
type Workers interface {
	Connected() int
}

// Holds returns the number of holds of unknown workers; *delivery.Reaper implements it.
type Holds interface {
	UnknownHolds() int
}

// Watch collects the metrics of a queue, its workers and their holds at each scrape,
// until stop is called.
func (r *Recorder) Watch(queue Queue, workers Workers, holds Holds, now clock.PassiveClock) (stop func()) {
	return r.queues.add(&watched{queue: queue, workers: workers, holds: holds, clock: now})
}

type watched struct {
	queue   Queue
	workers Workers
	holds   Holds
	clock   clock.PassiveClock
}

// queues collects the metrics of the watched queues of a process, in total.
type queues struct {
	depth, age, workers, unknown *prometheus.Desc

	mu  sync.Mutex
	all map[*watched]bool
}

func newQueues() *queues {
	return &queues{
		depth: prometheus.NewDesc("taskrun_queue_depth",
			"Background runs that wait for a worker, by task key and by whether they are due.", []string{"task_key", "due"}, nil),
		age: prometheus.NewDesc("taskrun_queue_oldest_age_seconds",
			"For how long the first of the background runs that wait has been due, by task key.", []string{"task_key"}, nil),
		workers: prometheus.NewDesc("taskrun_workers_connected", "Workers that have a connection to this replica.", nil, nil),
		unknown: prometheus.NewDesc("taskrun_unknown_holds",
			"Runs held by workers that may be connected to operators whose Leases this replica cannot read. It leaves the runs to them.", nil, nil),
		all: map[*watched]bool{},
	}
}

func (q *queues) add(w *watched) (stop func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all[w] = true
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.all, w)
	}
}

// Describe is for the registry.
func (q *queues) Describe(to chan<- *prometheus.Desc) {
	to <- q.depth
	to <- q.age
	to <- q.workers
	to <- q.unknown
}

// Collect is for the registry.
func (q *queues) Collect(to chan<- prometheus.Metric) {
	q.mu.Lock()
	all := slices.Collect(maps.Keys(q.all))
	q.mu.Unlock()
	waiting, workers, unknown := map[string]backlog{}, 0, 0
	for _, w := range all {
		workers += w.workers.Connected()
		unknown += w.holds.UnknownHolds()
		now := w.clock.Now()
		for key, depth := range w.queue.Depth() {
			waiting[key] = waiting[key].and(backlog{
				due: depth.Due, later: depth.Waiting - depth.Due, age: max(0, now.Sub(depth.Oldest)),
			})
		}
	}
	for key, b := range bounded(waiting) {
		to <- prometheus.MustNewConstMetric(q.depth, prometheus.GaugeValue, float64(b.due), key, strconv.FormatBool(true))
		to <- prometheus.MustNewConstMetric(q.depth, prometheus.GaugeValue, float64(b.later), key, strconv.FormatBool(false))
		to <- prometheus.MustNewConstMetric(q.age, prometheus.GaugeValue, b.age.Seconds(), key)
	}
	to <- prometheus.MustNewConstMetric(q.workers, prometheus.GaugeValue, float64(workers))
	to <- prometheus.MustNewConstMetric(q.unknown, prometheus.GaugeValue, float64(unknown))
}

// backlog holds the waiting runs of one task key, or of several.
type backlog struct {
	due, later int
	age        time.Duration
}

func (b backlog) and(other backlog) backlog {
	return backlog{due: b.due + other.due, later: b.later + other.later, age: max(b.age, other.age)}
}

// bounded returns the task keys with the most due runs, and the sum of the others.
func bounded(all map[string]backlog) map[string]backlog {
	keys := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(all[b].due, all[a].due), cmp.Compare(all[b].later, all[a].later), cmp.Compare(a, b))
	})
	few := map[string]backlog{}
	for i, key := range keys {
		name := strings.ToValidUTF8(key, "?") // the registry panics on invalid UTF-8
		if i >= maxTasks {
			name = otherTasks
		}
		few[name] = few[name].and(all[key])
	}
	return few
}
