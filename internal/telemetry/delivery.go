package telemetry

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

var _ delivery.Metrics = (*Recorder)(nil)

// The values of the label attempt.
const (
	attemptFirst    = "first"
	attemptRepeated = "again"
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
			Help: "Deliveries of background runs to workers, by attempt (first or again).",
		}, []string{"attempt"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "taskrun_delivery_delay_seconds",
			Help:    "Time from when a background run was due until its first delivery, in seconds.",
			Buckets: []float64{.005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200},
		}),
		abandoned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_abandoned_total",
			Help: "Runs released from lost workers, by the type of their new state (NONE = they wait for another worker).",
		}, []string{"state"}),
	}
}

func (d *deliveries) register(reg prometheus.Registerer) []error {
	return []error{register(reg, &d.delivered), register(reg, &d.delay), register(reg, &d.abandoned)}
}

// RunDelivered counts a delivery to a worker. The wait is recorded for the first
// delivery only: later, it includes the time with another worker.
func (r *Recorder) RunDelivered(attempt int, waited time.Duration) {
	if attempt > 1 {
		r.deliveries.delivered.WithLabelValues(attemptRepeated).Inc()
		return
	}
	r.deliveries.delivered.WithLabelValues(attemptFirst).Inc()
	r.deliveries.delay.Observe(max(0, waited).Seconds())
}

// RunAbandoned counts a run released from a lost worker, by its new state.
func (r *Recorder) RunAbandoned(state orchestration.StateType) {
	r.deliveries.abandoned.WithLabelValues(cmp.Or(string(state), none)).Inc()
}
