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

// A second program takes runs only from workers of which it can know that they
// are connected to no program at all.
func TestWhatASecondProgramTakesFromWorkersThatItDoesNotSee(t *testing.T) {
	t.Parallel()
	connected := map[string][]Worker{"theirs": {{Namespace: "default", ID: "worker"}}}
	tests := map[string]struct {
		leases    string              // of the program that sent the run
		elsewhere map[string][]Worker // what this program can read
		listed    string
		wantTaken bool
	}{
		"connected to another program":                  {leases: "theirs", elsewhere: connected},
		"of another program whose Leases list others":   {leases: "theirs", elsewhere: map[string][]Worker{"theirs": {{ID: "other"}}}, wantTaken: true},
		"of another program whose Leases are gone":      {leases: "theirs", elsewhere: map[string][]Worker{"theirs": nil}, wantTaken: true},
		"of another program that cannot be known":       {leases: "theirs"},
		"of a program that cannot keep a Lease":         {leases: taskrun.NoLease, elsewhere: connected},
		"of an earlier version":                         {leases: "", elsewhere: connected},
		"of an earlier version, in a Lease that it had": {leases: "", listed: "worker", wantTaken: true},
		"of this program before it was started again":   {leases: "ours", wantTaken: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				s.leases, s.elsewhere, s.listed = "ours", tt.elsewhere, tt.listed
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
				s.want("holds that cannot be judged", unknown, reaper.UnknownHolds())
			})
		})
	}
}

// A worker that has just connected to another program is not in the Leases that
// were read before: only a later reading tells.
func TestAWorkerIsGoneByTheReadingsOfLeases(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.leases, s.elsewhere = "ours", map[string][]Worker{"theirs": nil}
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
		}{{0, "worker"}, {DefaultReaperOptions().Grace - time.Second, "worker"}, {DefaultReaperOptions().Grace + time.Second, ""}} {
			s.read.Store(new(began.Add(reading.at)))
			pass(time.Hour)
			s.want("holder", reading.want, s.run(id).Holder())
		}
	})
}

// A worker of an earlier version that was seen connected has gone when it is not
// any more.
func TestARunOfAnEarlierVersionIsTakenFromAWorkerThatWasSeen(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
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

// A run that another program sent to a worker which is connected to both is not
// sent by this one too.
func TestARunIsSentAgainByTheProgramThatSentIt(t *testing.T) {
	t.Parallel()
	for leases, want := range map[string]bool{"ours": true, "theirs": false} {
		t.Run(leases, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				s.leases, s.elsewhere = "ours", map[string][]Worker{"theirs": {{ID: "worker"}}}
				id := s.submit("a", 0)
				if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: leases}); err != nil {
					s.t.Fatal(err)
				}
				worker := s.subscribe("worker", "a")
				s.startReaper()
				pass(time.Minute)
				s.want("sent again", want, s.next(worker) == id)
			})
		})
	}
}

// The program that a worker comes from sees where it went, and so does not take
// its runs.
func TestAWorkerThatConnectsToAnotherProgramTakesItsHoldsAlong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		elsewhere map[string][]Worker // by this program's reading
		want      string
	}{
		"it is connected here only":              {elsewhere: map[string][]Worker{"theirs": nil}, want: "ours"},
		"the other program's cannot be read":     {want: "ours"},
		"it is still connected to the other one": {elsewhere: map[string][]Worker{"theirs": {{ID: "worker"}}}, want: "theirs"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, func(s *scene) {
				s.leases, s.elsewhere = "ours", tt.elsewhere
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
				if tt.want == "ours" { // what the other program decided before does not count
					s.want("holder", "worker", s.run(id).Holder())
				}
			})
		})
	}
}

// moves is where holds are moved to, without success: another program moves them back.
type moves struct {
	Leases
	at  []time.Duration
	now func() time.Duration
	err error
}

func (m *moves) MoveHold(context.Context, string, taskrun.Hold) error {
	m.at = append(m.at, m.now())
	return m.err
}

func TestAHoldThatAnotherProgramMovesBackIsMovedTwicePerGracePeriod(t *testing.T) {
	t.Parallel()
	play(t, func(s *scene) {
		s.leases = "ours"
		id := s.submit("a", 0)
		if _, err := s.service.Lease(s.t.Context(), id, taskrun.Hold{Worker: "worker", LeaseNamespace: "theirs"}); err != nil {
			s.t.Fatal(err)
		}
		s.subscribe("worker", "b")
		began := time.Now()
		m := &moves{now: func() time.Duration { return time.Since(began) }}
		r := s.onlyReaper(m, slog.New(slog.DiscardHandler))
		for range 16 {
			r.look(s.t.Context())
			pass(time.Second)
		}
		s.want("moved after", []time.Duration{0, 5 * time.Second, 10 * time.Second, 15 * time.Second}, m.at)
	})
}

func TestAMoveOfAHoldIsLoggedWhenItFails(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"it succeeds": nil, "it fails": taskrun.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			r := &Reaper{
				Leases: &moves{now: func() time.Duration { return 0 }, err: err},
				Log:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			}
			r.moveHold(t.Context(), "run", taskrun.Hold{Worker: "worker"})
			if logged := log.Len() > 0; logged != (err != nil) {
				t.Errorf("error %v is logged as %q", err, log.String())
			}
		})
	}
}
