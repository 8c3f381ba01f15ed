package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// doors counts what is decided about requests before they are answered, and how
// long the certificate lasts that they are answered under.
type doors struct {
	reviews  *prometheus.CounterVec
	review   *prometheus.HistogramVec
	rejected *prometheus.CounterVec
	inFlight prometheus.Gauge
	notAfter *prometheus.GaugeVec
}

func newDoors() doors {
	return doors{
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_authentication_reviews_total",
			Help: "Answers to who a caller is (token) and to what a caller may do (access), by outcome.",
		}, []string{"kind", "outcome"}),
		review: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "taskrun_authentication_review_duration_seconds",
			Help:    "Time the API server took to answer who a caller is (token) or what a caller may do (access).",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"kind"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_rest_requests_rejected_total",
			Help: "REST requests turned away before they were looked at, because there were too many.",
		}, []string{"reason"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "taskrun_rest_requests_in_flight",
			Help: "REST requests that are being answered.",
		}),
		// A vector without labels: a replica without TLS shows no value, not 1970.
		notAfter: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "taskrun_tls_certificate_not_after_seconds",
			Help: "When the certificate of the REST endpoint ends, in seconds since 1970.",
		}, nil),
	}
}

func (d *doors) register(reg prometheus.Registerer) []error {
	return []error{
		register(reg, &d.reviews), register(reg, &d.review), register(reg, &d.rejected), register(reg, &d.inFlight), register(reg, &d.notAfter),
	}
}

// Reviewed counts an answer of the API server to who a caller is or to what a
// caller may do. The kind is token or access; the outcome accepted or rejected,
// allowed or denied, or error.
func (r *Recorder) Reviewed(kind, outcome string, took time.Duration) {
	r.doors.reviews.WithLabelValues(kind, outcome).Inc()
	r.doors.review.WithLabelValues(kind).Observe(took.Seconds())
}

// RequestRejected counts a request turned away because there were too many. The
// reason tells which bound it met, one word of a fixed set.
func (r *Recorder) RequestRejected(reason string) { r.doors.rejected.WithLabelValues(reason).Inc() }

// RequestBegan counts a request in.
func (r *Recorder) RequestBegan() { r.doors.inFlight.Inc() }

// RequestEnded counts a request out.
func (r *Recorder) RequestEnded() { r.doors.inFlight.Dec() }

// CertificateLoaded notes when the certificate ends that is used from now on.
func (r *Recorder) CertificateLoaded(notAfter time.Time) {
	r.doors.notAfter.WithLabelValues().Set(float64(notAfter.Unix()))
}
