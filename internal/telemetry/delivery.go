package telemetry

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

var _ delivery.Metrics = (*Recorder)(nil)

// How often a run was handed out.
const (
	attemptFirst = "first"
	attemptAgain = "again"
)

type deliveries struct {
	delivered *prometheus.CounterVec
	delay     prometheus.Histogram
	abandoned *prometheus.CounterVec
}

func newDeliveries() deliveries {
	return deliveries{
		delivered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_deliveries_total",
			Help: "Background runs handed out to workers, by whether it was for the first time.",
		}, []string{"attempt"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "taskrun_delivery_delay_seconds",
			Help:    "Time from when a background run was due until it was handed out for the first time.",
			Buckets: []float64{.005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200},
		}),
		abandoned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_abandoned_total",
			Help: "Runs taken from workers that are gone, by the type of the state they got; NONE: they wait for another worker.",
		}, []string{"state"}),
	}
}

func (d *deliveries) register(reg prometheus.Registerer) []error {
	return []error{register(reg, &d.delivered), register(reg, &d.delay), register(reg, &d.abandoned)}
}

// RunDelivered counts a run handed out to a worker. The time that it waited is
// noted the first time only: later, it includes the time with another worker.
func (r *Recorder) RunDelivered(attempt int, waited time.Duration) {
	if attempt > 1 {
		r.deliveries.delivered.WithLabelValues(attemptAgain).Inc()
		return
	}
	r.deliveries.delivered.WithLabelValues(attemptFirst).Inc()
	r.deliveries.delay.Observe(max(0, waited).Seconds())
}

// RunAbandoned counts a run taken from a worker that is gone, by the state that it got.
func (r *Recorder) RunAbandoned(state orchestration.StateType) {
	r.deliveries.abandoned.WithLabelValues(cmp.Or(string(state), none)).Inc()
}
