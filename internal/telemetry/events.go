package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// sockets are the metrics of websockets and events.
type sockets struct {
	open   *prometheus.GaugeVec
	events *prometheus.CounterVec
	lag    prometheus.Histogram
}

func newSockets() sockets {
	return sockets{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "taskrun_sockets_open",
			Help: "Open websockets, by route.",
		}, []string{"route"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_events_total",
			Help: "Events received from clients, by outcome.",
		}, []string{"outcome"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "taskrun_event_lag_seconds",
			Help:    "Time from a state, by the worker's clock, until its event was durable, in seconds.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}),
	}
}

func (s *sockets) register(reg prometheus.Registerer) []error {
	return []error{register(reg, &s.open), register(reg, &s.events), register(reg, &s.lag)}
}

// SocketOpened counts an open websocket. route is the pattern, not the requested
// path.
func (r *Recorder) SocketOpened(route string) { r.sockets.open.WithLabelValues(route).Inc() }

// SocketClosed counts a closed websocket.
func (r *Recorder) SocketClosed(route string) { r.sockets.open.WithLabelValues(route).Dec() }

// EventCounted counts an event by its outcome, one word of a fixed set.
func (r *Recorder) EventCounted(outcome string) { r.sockets.events.WithLabelValues(outcome).Inc() }

// Timed returns an EventRecorder that measures the time until events are durable.
func (r *Recorder) Timed(next taskrun.EventRecorder, now clock.PassiveClock) taskrun.EventRecorder {
	return timed{next: next, clock: now, lag: r.sockets.lag}
}

type timed struct {
	next  taskrun.EventRecorder
	clock clock.PassiveClock
	lag   prometheus.Histogram
}

// Record implements taskrun.EventRecorder.
func (t timed) Record(ctx context.Context, events []taskrun.Event, rejected func(taskrun.Event, error)) error {
	never := map[string]bool{} // by the ids of their states
	err := t.next.Record(ctx, events, func(e taskrun.Event, err error) {
		never[e.State.ID] = true
		rejected(e, err)
	})
	if err != nil {
		return err
	}
	now := t.clock.Now()
	for i := range events {
		if state := &events[i].State; !never[state.ID] {
			t.lag.Observe(max(0, now.Sub(state.Timestamp)).Seconds())
		}
	}
	return nil
}
