package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// sockets counts websockets, and the events that come in over them and otherwise.
type sockets struct {
	open   *prometheus.GaugeVec
	events *prometheus.CounterVec
	lag    prometheus.Histogram
}

func newSockets() sockets {
	return sockets{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "taskrun_sockets_open",
			Help: "Websockets that are open, by route.",
		}, []string{"route"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "taskrun_events_total",
			Help: "Events that clients sent, by what became of them; one that was refused was taken before.",
		}, []string{"outcome"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "taskrun_event_lag_seconds",
			Help:    "Time from when a state was entered, by its worker's clock, until its event was durable.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}),
	}
}

func (s *sockets) register(reg prometheus.Registerer) []error {
	return []error{register(reg, &s.open), register(reg, &s.events), register(reg, &s.lag)}
}

// SocketOpened counts a websocket in. The route is the pattern, not the path
// asked for.
func (r *Recorder) SocketOpened(route string) { r.sockets.open.WithLabelValues(route).Inc() }

// SocketClosed counts a websocket out.
func (r *Recorder) SocketClosed(route string) { r.sockets.open.WithLabelValues(route).Dec() }

// EventCounted counts an event by what became of it, one word of a fixed set.
func (r *Recorder) EventCounted(outcome string) { r.sockets.events.WithLabelValues(outcome).Inc() }

// Events make events durable; *taskrun.Service does.
type Events interface {
	Record(ctx context.Context, events []taskrun.Event, refused func(taskrun.Event, error)) error
}

// Timed are the same, and the time until events are durable is noted.
func (r *Recorder) Timed(events Events, now clock.PassiveClock) Events {
	return timed{Events: events, clock: now, lag: r.sockets.lag}
}

type timed struct {
	Events

	clock clock.PassiveClock
	lag   prometheus.Histogram
}

func (t timed) Record(ctx context.Context, events []taskrun.Event, refused func(taskrun.Event, error)) error {
	never := map[string]bool{} // by the ids of their states
	err := t.Events.Record(ctx, events, func(e taskrun.Event, err error) {
		never[e.State.ID] = true
		refused(e, err)
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
