package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestEventsIn_invalidEventsDoNotAffectOthers(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		frame string
		want  EventOutcome
	}{
		"an event about something else": {sample.EventText(map[string]string{"event": `"prefect.flow-run.Running"`}), EventIgnored},
		"an event of a server": {sample.EventText(map[string]string{
			"resource": `{"prefect.resource.id":"prefect.task-run.` + idKnown + `","prefect.orchestration":"server"}`,
		}), EventIgnored},
		"an empty payload":   {sample.EventText(map[string]string{"payload": `{}`}), EventInvalid},
		"an unknown state":   {sample.EventText(map[string]string{"payload": `{"validated_state":{"type":"NOPE"},"task_run":{}}`}), EventInvalid},
		"too large an event": {sample.EventText(map[string]string{"payload": `{"x":"` + strings.Repeat("x", 1_500_000) + `"}`}), EventTooLarge},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, pathEventsIn)
				p.send(t, numbered(1))
				p.send(t, tc.frame)
				p.send(t, numbered(2))
				if err := <-p.ping(t); err != nil {
					t.Fatal(err)
				}
				want := [][]string{{stateID(1), stateID(2)}}
				if diff := cmp.Diff(want, w.recorder.recorded(t)); diff != "" {
					t.Errorf("recorded (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(map[EventOutcome]int{EventValid: 2, tc.want: 1}, w.counted.events); diff != "" {
					t.Errorf("counted (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEventsIn_rejectedEventsAreCountedAndConfirmed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsIn)
		p.send(t, sample.EventText(payloadOf(`{"type":"RUNNING","name":"Refused"}`, leastRun)))
		p.send(t, numbered(1))
		if err := <-p.ping(t); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{{stateID(1)}}, w.recorder.recorded(t)); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[EventOutcome]int{EventValid: 2, EventRejected: 1}, w.counted.events); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
	})
}

// The opcode of a ping, and the length that announces two bytes with the length (RFC 6455 §5.2).
const (
	opcodePing = 0x9
	length16   = 126
)

// rawFrame returns a frame of a client, masked with zeros.
func rawFrame(opcode byte, payload string) []byte {
	frame := []byte{0x80 | opcode, 0x80 | length16, byte(len(payload) >> 8), byte(len(payload))}
	if len(payload) < length16 {
		frame = []byte{0x80 | opcode, 0x80 | byte(len(payload))}
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}

func TestEventsIn_pingAfterEventsWaitsForThem(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"all at once": 1 << 20, "in pieces": 97, "byte by byte": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				let := gatedRecorder(w)
				conn := rawSocket(t, w, pathEventsIn)
				var sent []byte
				for i := range 3 {
					sent = append(sent, rawFrame(1, numbered(i))...)
				}
				sent = append(sent, rawFrame(opcodePing, "p")...)
				go func() {
					for ; len(sent) > 0; sent = sent[min(size, len(sent)):] {
						_, _ = conn.Write(sent[:min(size, len(sent))])
					}
				}()
				answer := make(chan []byte, 1)
				go func() {
					buffer := make([]byte, 100)
					n, _ := conn.Read(buffer)
					answer <- buffer[:n]
				}()
				pass(3 * time.Second)
				waiting(t, answer, "the answer")
				let <- struct{}{}
				if diff := cmp.Diff([]byte{0x8a, 1, 'p'}, <-answer); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				want := [][]string{{stateID(0), stateID(1), stateID(2)}}
				if diff := cmp.Diff(want, w.recorder.recorded(t)); diff != "" {
					t.Errorf("recorded (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEventsIn_fragmentedEventIsOneEvent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsIn)
		writer, err := p.conn.Writer(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for piece := range strings.SplitAfterSeq(numbered(1), ",") {
			if _, err := writer.Write([]byte(piece)); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-p.ping(t); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{{stateID(1)}}, w.recorder.recorded(t)); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	})
}

func TestEventsOverHTTP_recordsEvents(t *testing.T) {
	t.Parallel()
	recorder := &fakeRecorder{}
	f := newFixture(t, func(_ *Options, d *Dependencies) { d.Recorder = recorder })
	f.must(t, http.StatusNoContent, http.MethodPost, "/events", "["+numbered(1)+","+sample.EventText(map[string]string{"payload": "{}"})+","+numbered(2)+"]")
	f.must(t, http.StatusNoContent, http.MethodPost, "/events", "[]")
	if diff := cmp.Diff([][]string{{stateID(1), stateID(2)}}, recorder.recorded(t)); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	recorder.before = func(context.Context) error { return taskrun.ErrUnavailable }
	f.must(t, http.StatusServiceUnavailable, http.MethodPost, "/events", "["+numbered(1)+"]")
	recorder.before = func(context.Context) error { return errors.New("a fault") }
	f.must(t, http.StatusInternalServerError, http.MethodPost, "/events", "["+numbered(1)+"]")

	for name, tc := range map[string]struct{ body, want string }{
		"not a list": {`{}`, `{"exception_message":"Invalid request received.","exception_detail":[{"type":"list_type","loc":["body"],` +
			`"msg":"Input should be a valid list","input":{}}],"request_body":{}}`},
		"an invalid event": {`[{"event":"x"}]`, `{"exception_message":"Invalid request received.","exception_detail":[` +
			`{"type":"missing","loc":["body",0,"occurred"],"msg":"Field required","input":{"event":"x"}},` +
			`{"type":"missing","loc":["body",0,"resource"],"msg":"Field required","input":{"event":"x"}},` +
			`{"type":"missing","loc":["body",0,"id"],"msg":"Field required","input":{"event":"x"}}],"request_body":[{"event":"x"}]}`},
	} {
		if got := f.must(t, http.StatusUnprocessableEntity, http.MethodPost, "/events", tc.body); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
