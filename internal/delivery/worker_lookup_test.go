package delivery

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// A second operator takes runs only from workers that are certainly not connected to
// any operator.
func TestReaper_takesRunsOnlyFromWorkersThatAreCertainlyDisconnected(t *testing.T) {
	t.Parallel()
	connected := map[string][]Worker{"theirs": {{Namespace: "default", ID: "worker"}}}
	tests := map[string]struct {
		leases    string              // of the operator that delivered the run
		elsewhere map[string][]Worker // readable by this operator
		listed    string
		wantTaken bool
	}{
		"connected to another operator":                   {leases: "theirs", elsewhere: connected},
		"of another operator whose Leases list others":    {leases: "theirs", elsewhere: map[string][]Worker{"theirs": {{ID: "other"}}}, wantTaken: true},
		"of another operator whose Leases were deleted":   {leases: "theirs", elsewhere: map[string][]Worker{"theirs": nil}, wantTaken: true},
		"of another operator whose Leases cannot be read": {leases: "theirs"},
		"of an operator whose Lease is rejected":          {leases: taskrun.NoLease, elsewhere: connected},
		"of an earlier version":                           {leases: "", elsewhere: connected},
		"of an earlier version, listed in a Lease":        {leases: "", listed: "worker", wantTaken: true},
		"of this operator before its restart":             {leases: "ours", wantTaken: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.leases, s.otherLeases, s.listed = "ours", tt.elsewhere, tt.listed
				id := s.submit("a", 0)
				if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: tt.leases}); err != nil {
					s.t.Fatal(err)
				}
				reaper := s.startReaper()
				pass(time.Hour)
				synctest.Wait()
				s.want("taken", tt.wantTaken, s.run(id).Holder() == "")
				unknown := 0
				if list, known := tt.elsewhere[tt.leases]; !tt.wantTaken && (!known || list == nil) {
					unknown = 1
				}
				s.want("holds of unknown workers", unknown, reaper.UnknownHolds())
			})
		})
	}
}

// A worker that has just connected to another operator is not in the Leases that
// were read before. So the grace period ends with a read, not with a check.
func TestReaper_measuresGracePeriodAtReadsOfLeases(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.leases, s.otherLeases = "ours", map[string][]Worker{"theirs": nil}
		began := time.Now()
		s.read.Store(&began)
		id := s.submit("a", 0)
		if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: "theirs"}); err != nil {
			s.t.Fatal(err)
		}
		s.startReaper()
		for _, reading := range []struct {
			at   time.Duration
			want string
		}{{0, "worker"}, {DefaultReaperOptions().GracePeriod - time.Second, "worker"}, {DefaultReaperOptions().GracePeriod + time.Second, ""}} {
			s.read.Store(new(began.Add(reading.at)))
			pass(time.Hour)
			s.want("holder", reading.want, s.run(id).Holder())
		}
	})
}

// A worker of an earlier version counts as lost only after it was seen connected.
func TestReaper_takesRunOfEarlierVersionFromWorkerThatWasConnected(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.leases = "ours"
		id := s.submit("a", 0)
		if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker"}); err != nil {
			s.t.Fatal(err)
		}
		s.startReaper()
		worker := s.subscribe("worker", "b")
		pass(2 * time.Second)
		s.want("hold", taskrun.Hold{Worker: "worker", LeaseNamespace: "ours"}, s.run(id).Hold())
		worker.Close()
		pass(20 * time.Second)
		synctest.Wait()
		s.want("holder", "", s.run(id).Holder())
	})
}

// If a worker is connected to two operators, only the one that delivered a run
// redelivers it.
func TestReaper_redeliversOnlyOwnDeliveries(t *testing.T) {
	t.Parallel()
	for leases, want := range map[string]bool{"ours": true, "theirs": false} {
		t.Run(leases, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.leases, s.otherLeases = "ours", map[string][]Worker{"theirs": {{ID: "worker"}}}
				id := s.submit("a", 0)
				if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: leases}); err != nil {
					s.t.Fatal(err)
				}
				worker := s.subscribe("worker", "a")
				s.startReaper()
				pass(time.Minute)
				s.want("redelivered", want, s.next(worker) == id)
			})
		})
	}
}

// The hold records the new operator of a worker, so that the earlier operator does
// not take the worker's runs.
func TestReaper_movesHoldsOfWorkersThatConnectHere(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		elsewhere map[string][]Worker // readable by this operator
		want      string
	}{
		"connected here only":                        {elsewhere: map[string][]Worker{"theirs": nil}, want: "ours"},
		"the other operator's Leases cannot be read": {want: "ours"},
		"still connected to the other operator":      {elsewhere: map[string][]Worker{"theirs": {{ID: "worker"}}}, want: "theirs"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(s *fixture) {
				s.leases, s.otherLeases = "ours", tt.elsewhere
				id := s.submit("a", 0)
				if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: "theirs"}); err != nil {
					s.t.Fatal(err)
				}
				s.subscribe("worker", "b")
				s.startReaper()
				pass(2 * time.Second)
				s.want("Leases of the hold", tt.want, s.run(id).Hold().LeaseNamespace)
				if _, err := s.service.Abandon(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: "theirs"}, 5); err != nil {
					s.t.Fatal(err)
				}
				if tt.want == "ours" { // the earlier decision of the other operator conflicts
					s.want("holder", "worker", s.run(id).Holder())
				}
			})
		})
	}
}

// moves records written Lease namespaces and returns err. Another operator writes its own again.
type moves struct {
	Leases
	at  []time.Duration
	now func() time.Duration
	err error
}

func (m *moves) RecordLeaseNamespace(context.Context, string, taskrun.Hold) error {
	m.at = append(m.at, m.now())
	return m.err
}

func TestReaper_movesDisputedHoldTwicePerGracePeriod(t *testing.T) {
	t.Parallel()
	inBubble(t, func(s *fixture) {
		s.leases = "ours"
		id := s.submit("a", 0)
		if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: "theirs"}); err != nil {
			s.t.Fatal(err)
		}
		s.subscribe("worker", "b")
		began := time.Now()
		m := &moves{now: func() time.Duration { return time.Since(began) }}
		r := s.newReaper(m, slog.New(slog.DiscardHandler))
		for range 16 {
			r.check(s.t.Context())
			pass(time.Second)
		}
		s.want("recorded after", []time.Duration{0, 5 * time.Second, 10 * time.Second, 15 * time.Second}, m.at)
	})
}

func TestReaper_logsFailedMoveOfHold(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"it succeeds": nil, "it fails": taskrun.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			r := &Reaper{
				Leases: &moves{now: func() time.Duration { return 0 }, err: err},
				Log:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			}
			r.recordLeaseNamespace(t.Context(), "run", taskrun.Hold{Worker: "worker"})
			if logged := log.Len() > 0; logged != (err != nil) {
				t.Errorf("error %v is logged as %q", err, log.String())
			}
		})
	}
}
