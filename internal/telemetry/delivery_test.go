package telemetry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// observed returns the number of observations of a histogram, and their sum.
func observed(t *testing.T, reg prometheus.Gatherer, name string) (count uint64, sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			histogram := family.GetMetric()[0].GetHistogram()
			return histogram.GetSampleCount(), histogram.GetSampleSum()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0, 0
}

func TestDeliveries_areCountedAndTheFirstIsTimed(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	r.RunDelivered(1, 2*time.Second)
	r.RunDelivered(1, -time.Second)
	r.RunDelivered(2, time.Hour)
	r.RunAbandoned(orchestration.None)
	r.RunAbandoned(orchestration.Crashed)
	expect(t, reg, `
# HELP taskrun_abandoned_total Runs released from lost workers, by the type of their new state (NONE = they wait for another worker).
# TYPE taskrun_abandoned_total counter
taskrun_abandoned_total{state="CRASHED"} 1
taskrun_abandoned_total{state="NONE"} 1
# HELP taskrun_deliveries_total Deliveries of background runs to workers, by attempt (first or again).
# TYPE taskrun_deliveries_total counter
taskrun_deliveries_total{attempt="again"} 1
taskrun_deliveries_total{attempt="first"} 2
`, "taskrun_deliveries_total", "taskrun_abandoned_total")
	if count, sum := observed(t, reg, "taskrun_delivery_delay_seconds"); count != 2 || sum != 2 {
		t.Errorf("%d delays of %vs together, want 2 of 2s: a delay is never less than 0", count, sum)
	}
}

func TestSocketsAndEvents_areCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	r := newRecorder(t, reg)
	r.SocketOpened("/events/in")
	r.SocketOpened("/events/in")
	r.SocketClosed("/events/in")
	r.EventCounted("valid")
	expect(t, reg, `
# HELP taskrun_events_total Events received from clients, by outcome.
# TYPE taskrun_events_total counter
taskrun_events_total{outcome="valid"} 1
# HELP taskrun_sockets_open Open websockets, by route.
# TYPE taskrun_sockets_open gauge
taskrun_sockets_open{route="/events/in"} 1
`, "taskrun_events_total", "taskrun_sockets_open")
}

// events rejects the events of one run, and fails if told to.
type events struct {
	refuses string
	err     error
}

func (e events) Record(_ context.Context, all []taskrun.Event, refused func(taskrun.Event, error)) error {
	for _, event := range all {
		if event.RunID == e.refuses {
			event.RunID = "another" // the run can have another id
			refused(event, usecase.ErrLate)
		}
	}
	return e.err
}

func TestTimed_measuresDurableEvents(t *testing.T) {
	t.Parallel()
	event := func(run, state string, ago time.Duration) taskrun.Event {
		return taskrun.Event{RunID: run, State: orchestration.State{ID: state, Timestamp: noon.Add(-ago)}}
	}
	batch := []taskrun.Event{event("a", "1", 2*time.Second), event("b", "2", time.Minute), event("a", "3", -time.Second)}
	cases := map[string]struct {
		events      events
		wantErr     error
		wantCount   uint64
		wantSum     float64
		wantRefused []string
	}{
		"all events": {wantCount: 3, wantSum: 62},
		"not events that are rejected": {
			events: events{refuses: "b"}, wantCount: 2, wantSum: 2, wantRefused: []string{"2"},
		},
		"not events that have to be repeated": {
			events: events{err: taskrun.ErrUnavailable}, wantErr: taskrun.ErrUnavailable,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reg := prometheus.NewPedanticRegistry()
			var refused []string
			err := newRecorder(t, reg).Timed(tc.events, testingclock.NewFakePassiveClock(noon)).Record(t.Context(), batch, func(e taskrun.Event, _ error) {
				refused = append(refused, e.State.ID)
			})
			if !errors.Is(err, tc.wantErr) {
				t.Errorf("error = %v, want %v", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.wantRefused, refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			if count, sum := observed(t, reg, "taskrun_event_lag_seconds"); count != tc.wantCount || sum != tc.wantSum {
				t.Errorf("%d lags of %vs together, want %d of %vs", count, sum, tc.wantCount, tc.wantSum)
			}
		})
	}
}
