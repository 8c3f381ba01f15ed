package telemetry

import "github.com/prometheus/client_golang/prometheus"

func newRejections() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "taskrun_rest_requests_rejected_total",
		Help: "Requests that were turned away unheard, by what was too much: requests of all callers (server) or of one (caller).",
	}, []string{"reason"})
}

// RequestRejected counts a request that was turned away unheard.
func (r *Recorder) RequestRejected(reason string) { r.rejections.WithLabelValues(reason).Inc() }
