package rest

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// stateID returns the id of the i-th event.
func stateID(i int) string { return fmt.Sprintf("0198a1b2-0000-7000-8000-%012d", i) }

func numbered(i int) string { return sample.EventText(map[string]string{"id": `"` + stateID(i) + `"`}) }

func TestEventsIn_recordsEventsInOrder(t *testing.T) {
	t.Parallel()
	for name, subprotocols := range map[string][]string{"with a handshake": offering, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, pathEventsIn, subprotocols...)
				if subprotocols != nil {
					p.greet(t)
				}
				for i := range 3 {
					p.send(t, numbered(i))
				}
				pass(time.Second)
				want := [][]string{{stateID(0), stateID(1), stateID(2)}}
				if diff := cmp.Diff(want, w.recorder.recorded(t)); diff != "" {
					t.Errorf("recorded (-want +got):\n%s", diff)
				}
				p.silent(t)
			})
		})
	}
}

// gatedRecorder records when the test allows it.
func gatedRecorder(w *socketFixture) (let chan struct{}) {
	let = make(chan struct{})
	w.recorder.before = func(ctx context.Context) error {
		select {
		case <-let:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return let
}

func TestEventsIn_pingIsAnsweredAfterEarlierEventsAreRecorded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		let := gatedRecorder(w)
		p := w.open(t, pathEventsIn, offering...).greet(t)
		p.send(t, numbered(1))
		p.send(t, numbered(2))
		answered := p.ping(t)
		waiting(t, answered, "the answer")
		if got := w.recorder.recorded(t); got != nil {
			t.Fatalf("recorded = %v, want nothing yet", got)
		}
		pass(15 * time.Second) // longer than the library's timeout for a pong
		waiting(t, answered, "the answer")
		let <- struct{}{}
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		want := [][]string{{stateID(1), stateID(2)}}
		if diff := cmp.Diff(want, w.recorder.recorded(t)); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	})
}

func TestEventsIn_pingIsAnsweredAtOnceWithoutPendingEvents(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		began := time.Now()
		p := w.open(t, pathEventsIn, offering...)
		if err := <-p.ping(t); err != nil { // the SDK pings before the handshake
			t.Fatal(err)
		}
		p.greet(t)
		p.send(t, numbered(1))
		if err := <-p.ping(t); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("the answers took %s, want no more than the time of merging", took)
		}
		if got := w.recorder.recorded(t); len(got) != 1 {
			t.Errorf("recorded = %v, want what came before the ping", got)
		}
	})
}

func TestEventsIn_mergesEventsOnlyWithinTheWindow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsIn)
		for i := range 12 {
			p.send(t, numbered(i))
			pass(9 * time.Millisecond) // shorter than the window each time
		}
		pass(time.Second)
		got := w.recorder.recorded(t)
		if len(got) != 6 {
			t.Errorf("recorded in %d writes, want one of each two: %v", len(got), got)
		}
	})
}

func TestEventsIn_withoutAWindowEveryPauseEndsTheBatch(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsIn)
		for i := range 3 {
			p.send(t, numbered(i))
			synctest.Wait()
		}
		if got := w.recorder.recorded(t); len(got) != 3 {
			t.Errorf("recorded = %v, want each at once", got)
		}
	}, func(o *Options, _ *Dependencies) { o.Sockets.MergeWindow = 0 })
}

func TestEventsIn_readingStopsWhileTooManyEventsArePending(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		let := gatedRecorder(w)
		p := w.open(t, pathEventsIn)
		sent := make(chan int, 10*maxBatch)
		go func() {
			for i := range 2*maxBatch + 10 {
				if p.conn.Write(t.Context(), 1, []byte(numbered(i))) != nil {
					return
				}
				sent <- i
			}
		}()
		pass(5 * time.Second)
		const buffers = 64 // maximum number in transit
		if n := len(sent); n < maxBatch || n > maxBatch+buffers {
			t.Errorf("%d events were taken while none was recorded, want %d", n, maxBatch)
		}
		for range 3 {
			let <- struct{}{}
		}
		pass(time.Second)
		total := 0
		for _, batch := range w.recorder.recorded(t) {
			total += len(batch)
		}
		if want := 2*maxBatch + 10; total != want {
			t.Errorf("%d events were recorded, want %d", total, want)
		}
	})
}

func TestEventsIn_slowRecorderDoesNotDisconnectThePeer(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		let := gatedRecorder(w)
		p := w.open(t, pathEventsIn)
		p.send(t, numbered(1))
		pass(5 * time.Minute)
		p.silent(t)
		let <- struct{}{}
		pass(5 * time.Minute)
		p.silent(t)
	}, func(o *Options, _ *Dependencies) { o.Sockets.RecordTimeout = time.Hour })
}

func TestEventsIn_recordingIsRetried(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		tries := 0
		w.recorder.before = func(context.Context) error {
			if tries++; tries < 5 {
				return taskrun.ErrUnavailable
			}
			return nil
		}
		p := w.open(t, pathEventsIn)
		p.send(t, numbered(1))
		if err := <-p.ping(t); err != nil {
			t.Fatal(err)
		}
		if got := w.recorder.recorded(t); tries != 5 || len(got) != 1 {
			t.Errorf("recorded %v in %d tries, want one batch in 5", got, tries)
		}
	})
}

func TestEventsIn_unrecordedEventsAreNotConfirmed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		w.recorder.before = func(context.Context) error { return taskrun.ErrUnavailable }
		began := time.Now()
		p := w.open(t, pathEventsIn)
		p.send(t, numbered(1))
		answered := p.ping(t)
		p.expectEnd(t, end{1011, "Internal error"})
		if err := <-answered; err == nil {
			t.Error("the ping was answered")
		}
		if took := time.Since(began); took < 28*time.Second || took > 45*time.Second {
			t.Errorf("it was tried for %s, want about 30 s", took)
		}
	})
}

func TestEventsIn_readEventsAreRecordedAfterTheClientDisconnects(t *testing.T) {
	t.Parallel()
	leave := map[string]func(t *testing.T, p *peer){
		"with a close frame":      func(t *testing.T, p *peer) { t.Helper(); p.close(t) },
		"without a close frame":   func(t *testing.T, p *peer) { t.Helper(); _ = p.conn.CloseNow() },
		"after a malformed frame": func(t *testing.T, p *peer) { t.Helper(); p.send(t, "hello"); p.expectEnd(t, end{}) },
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, pathEventsIn)
				p.send(t, numbered(1))
				synctest.Wait()
				leave(t, p)
				pass(time.Second)
				if diff := cmp.Diff([][]string{{stateID(1)}}, w.recorder.recorded(t)); diff != "" {
					t.Errorf("recorded (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEventsIn_closeIsConfirmedAfterEarlierEventsAreRecorded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		let := gatedRecorder(w)
		p := w.openUnread(t, pathEventsIn)
		p.send(t, numbered(1))
		closed := make(chan error, 1)
		go func() { closed <- p.conn.Close(1000, "") }()
		waiting(t, closed, "the close")
		let <- struct{}{}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestEventsIn_eventsInFlightAreRecordedWhenTheServerStops(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		let := gatedRecorder(w)
		p := w.open(t, pathEventsIn)
		p.send(t, numbered(1))
		pass(time.Second) // the event has reached the recorder
		stopped := make(chan error, 1)
		go func() { stopped <- w.server.CloseSockets(context.WithoutCancel(t.Context())) }()
		waiting(t, stopped, "the end of the sockets")
		let <- struct{}{}
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		p.expectEnd(t, end{1012, "Server is restarting"})
		if got := w.recorder.recorded(t); len(got) != 1 {
			t.Errorf("recorded = %v, want the event", got)
		}
	})
}

// payloadOf returns a payload with these members.
func payloadOf(state, run string) map[string]string {
	return map[string]string{"payload": `{"validated_state":` + state + `,"task_run":` + run + `}`}
}

// leastRun is a run with only its required members.
const leastRun = `{"task_key":"k","dynamic_key":"d"}`

// reported decodes an event that reports a state.
func reported(t *testing.T, replace map[string]string) (taskrun.Event, error) {
	t.Helper()
	e, err := wire.DecodeEventFrame([]byte(sample.EventText(replace)))
	if err != nil {
		t.Fatal(err)
	}
	return wire.DecodeReport(e)
}
