package rest

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestEventsOut_sendsTheSelectedEvents(t *testing.T) {
	t.Parallel()
	for name, subprotocols := range map[string][]string{"with a handshake": offering, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, pathEventsOut, subprotocols...)
				if subprotocols != nil {
					p.greet(t)
				}
				p.send(t, sample.FutureFilter)
				w.stream.changes <- sample.Change(orchestration.Running, "Running")
				completed := sample.Change(orchestration.Completed, "Completed")
				w.stream.changes <- completed
				p.expect(t, string(wire.AppendEventFrame(nil, &completed)))
				cached := sample.Change(orchestration.Completed, "Cached")
				w.stream.changes <- cached
				p.expect(t, string(wire.AppendEventFrame(nil, &cached)))
				p.silent(t)
				want := []taskrun.WatchOptions{{Since: noon.Add(-time.Minute), RunIDs: []string{idKnown}}}
				if diff := cmp.Diff(want, w.stream.asked); diff != "" {
					t.Errorf("asked for (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEventsOut_laterFramesAreIgnored(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsOut)
		p.send(t, sample.FutureFilter)
		p.send(t, `{"type":"nope"}`)
		p.send(t, `nope`)
		if err := <-p.ping(t); err != nil {
			t.Fatal(err)
		}
		w.stream.changes <- sample.Change(orchestration.Failed, "TimedOut")
		p.recv(t)
	})
}

func TestEventsOut_onlyTheSlowReaderIsDisconnected(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		began := time.Now()
		p := w.openUnread(t, pathEventsOut)
		p.send(t, sample.FutureFilter)
		w.stream.changes <- sample.Change(orchestration.Completed, "Completed")
		synctest.Wait()
		other := w.open(t, pathEventsOut)
		other.send(t, sample.FutureFilter)
		w.stream.changes <- sample.Change(orchestration.Completed, "Completed")
		other.recv(t)
		for range 100 {
			pass(time.Second)
			synctest.Wait()
			w.counted.mu.Lock()
			closed := w.counted.closed[pathEventsOut]
			w.counted.mu.Unlock()
			if closed == 1 {
				break
			}
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("cut after %s, want 10 s", took)
		}
		other.silent(t)
	})
}

func TestEventsOut_brokenStreamClosesWithACodeForReconnecting(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*fakeStream){
		"with an error":    func(s *fakeStream) { s.broken = errors.New("too slow") },
		"without an error": func(s *fakeStream) { close(s.changes) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				broken(w.stream)
				p := w.open(t, pathEventsOut, offering...).greet(t)
				p.send(t, sample.FutureFilter)
				p.expectEnd(t, end{1011, "Internal error"})
			})
		})
	}
}
