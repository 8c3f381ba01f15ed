package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newRejections() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "taskrun_rest_requests_rejected_total",
		Help: "Requests that were turned away unheard, by what was too much: requests of all callers (server) or of one (caller).",
	}, []string{"reason"})
}

// RequestRejected counts a request that was turned away unheard.
func (r *Recorder) RequestRejected(reason string) { r.rejections.WithLabelValues(reason).Inc() }

// reviews counts and times questions to the API server about callers.
type reviews struct {
	counted *prometheus.CounterVec
	took    *prometheus.HistogramVec
}

func newReviews() reviews {
	return reviews{
		counted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_authentication_reviews_total",
			Help: "Questions to the API server about who a caller is (token) and whether he may (access), by their outcome. What is remembered is not asked.",
		}, []string{"kind", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "taskrun_authentication_review_duration_seconds",
			Help:    "Time until the API server told who a caller is (token) or whether he may (access).",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"kind"}),
	}
}

func (r *reviews) register(reg prometheus.Registerer) []error {
	return []error{register(reg, &r.counted), register(reg, &r.took)}
}

// Reviewed counts a question about a caller; kind and outcome are each one word
// of a fixed set.
func (r *Recorder) Reviewed(kind, outcome string, took time.Duration) {
	r.reviews.counted.WithLabelValues(kind, outcome).Inc()
	r.reviews.took.WithLabelValues(kind).Observe(took.Seconds())
}
