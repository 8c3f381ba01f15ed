package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// requestMetrics are the metrics of authentication, admission and the serving
// certificate.
type requestMetrics struct {
	reviews  *prometheus.CounterVec
	review   *prometheus.HistogramVec
	rejected *prometheus.CounterVec
	inFlight prometheus.Gauge
	notAfter *prometheus.GaugeVec
}

func newRequestMetrics() requestMetrics {
	return requestMetrics{
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_authentication_reviews_total",
			Help: "TokenReviews (token) and SubjectAccessReviews (access), by outcome.",
		}, []string{"kind", "outcome"}),
		review: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "taskrun_authentication_review_duration_seconds",
			Help:    "Duration of TokenReviews (token) and SubjectAccessReviews (access) in seconds.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"kind"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_rest_requests_rejected_total",
			Help: "REST requests rejected because of a limit, by reason.",
		}, []string{"reason"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "taskrun_rest_requests_in_flight",
			Help: "REST requests in flight.",
		}),
		// A vector without labels: a replica without TLS shows no value, not 1970.
		notAfter: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "taskrun_tls_certificate_not_after_seconds",
			Help: "Expiry of the serving certificate, in seconds since 1970.",
		}, nil),
	}
}

func (d *requestMetrics) register(reg prometheus.Registerer) []error {
	return []error{
		register(reg, &d.reviews), register(reg, &d.review), register(reg, &d.rejected), register(reg, &d.inFlight), register(reg, &d.notAfter),
	}
}

// Reviewed counts a review by the API server and records its duration. kind is token
// or access. outcome is accepted or rejected, allowed or denied, or error.
func (r *Recorder) Reviewed(kind, outcome string, took time.Duration) {
	r.security.reviews.WithLabelValues(kind, outcome).Inc()
	r.security.review.WithLabelValues(kind).Observe(took.Seconds())
}

// RequestRejected counts a request that was rejected because of a limit. reason is
// one word of a fixed set.
func (r *Recorder) RequestRejected(reason string) { r.security.rejected.WithLabelValues(reason).Inc() }

// RequestBegan counts a request as in flight.
func (r *Recorder) RequestBegan() { r.security.inFlight.Inc() }

// RequestEnded counts a request as ended.
func (r *Recorder) RequestEnded() { r.security.inFlight.Dec() }

// CertificateLoaded records the expiry of the serving certificate.
func (r *Recorder) CertificateLoaded(notAfter time.Time) {
	r.security.notAfter.WithLabelValues().Set(float64(notAfter.Unix()))
}
