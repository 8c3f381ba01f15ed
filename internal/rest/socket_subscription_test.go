package rest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

const frameSubscribe = `{"type":"subscribe","keys":["a","b","a"],"client_id":"host-17"}`

// violationText is the prefix of close reasons after an unexpected frame.
const violationText = "Protocol violation: expected "

// inBubble runs a test with its own time and goroutines.
func inBubble(t *testing.T, test func(w *socketFixture), changes ...change) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		test(newSocketFixture(t, changes...))
	})
}

func TestHandshake_failedOnesAreClosedAsDocumented(t *testing.T) {
	t.Parallel()
	const (
		noAuth   = "Expected 'auth' message"
		noFilter = "Expected 'filter' message"
	)
	cases := map[string]struct {
		path         string
		subprotocols []string
		frames       []string // each but the first is sent after a success
		want         end
	}{
		"a subscription without auth":             {pathSubscription, offering, []string{frameSubscribe}, end{1008, noAuth}},
		"a first frame without a type":            {pathSubscription, offering, []string{`{"token":null}`}, end{1008, noAuth}},
		"a first frame whose type is not a text":  {pathSubscription, offering, []string{`{"type":["auth"]}`}, end{1008, noAuth}},
		"events without auth":                     {pathEventsIn, offering, []string{`{"event":"x"}`}, end{1008, noAuth}},
		"a listener without auth":                 {pathEventsOut, offering, []string{`{"type":"filter","filter":{}}`}, end{1008, noAuth}},
		"a first frame that is not JSON":          {pathSubscription, offering, []string{"hello"}, end{}},
		"a first frame that is not an object":     {pathSubscription, offering, []string{`["auth"]`}, end{}},
		"a second frame that is not JSON":         {pathSubscription, offering, []string{frameAuth, "hello"}, end{}},
		"a second frame that is not subscribe":    {pathSubscription, offering, []string{frameAuth, `{"type":"ack"}`}, end{4001, violationText + "'subscribe' message"}},
		"an older client that does not subscribe": {pathSubscription, nil, []string{`{"type":"ack"}`}, end{4001, violationText + "'subscribe' message"}},
		"an older client that authenticates":      {pathSubscription, nil, []string{frameAuth}, end{4001, violationText + "'subscribe' message"}},
		"another subprotocol counts as none":      {pathSubscription, []string{"other"}, []string{frameAuth}, end{4001, violationText + "'subscribe' message"}},
		"missing keys":                            {pathSubscription, offering, []string{frameAuth, `{"type":"subscribe","client_id":"c"}`}, end{4001, violationText + "'keys' in subscribe message"}},
		"an empty list of keys":                   {pathSubscription, offering, []string{frameAuth, `{"type":"subscribe","keys":[],"client_id":"c"}`}, end{4001, violationText + "'keys' in subscribe message"}},
		"keys that are not texts":                 {pathSubscription, offering, []string{frameAuth, `{"type":"subscribe","keys":["a",1],"client_id":"c"}`}, end{4001, violationText + "'keys' in subscribe message"}},
		"a missing client_id":                     {pathSubscription, offering, []string{frameAuth, `{"type":"subscribe","keys":["k"]}`}, end{4001, violationText + "'client_id' in subscribe message"}},
		"an empty client_id":                      {pathSubscription, offering, []string{frameAuth, `{"type":"subscribe","keys":["k"],"client_id":""}`}, end{4001, violationText + "'client_id' in subscribe message"}},
		"a listener that sends another type":      {pathEventsOut, offering, []string{frameAuth, `{"type":"nope"}`}, end{1002, noFilter}},
		"an older listener authenticates":         {pathEventsOut, nil, []string{frameAuth}, end{1002, noFilter}},
		"a filter with another key":               {pathEventsOut, offering, []string{frameAuth, `{"type":"filter","filter":{"nope":1}}`}, end{1002, "Invalid filter: nope: Extra inputs are not permitted"}},
		"a missing filter":                        {pathEventsOut, offering, []string{frameAuth, `{"type":"filter"}`}, end{1002, "Invalid filter: Input should be a valid dictionary or object to extract fields from"}},
		"an event that is not JSON":               {pathEventsIn, offering, []string{frameAuth, "hello"}, end{}},
		"an invalid event":                        {pathEventsIn, offering, []string{frameAuth, `{"event":"x"}`}, end{}},
		"an invalid event of an older client":     {pathEventsIn, nil, []string{`[]`}, end{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, tc.path, tc.subprotocols...)
				for i, frame := range tc.frames {
					if i > 0 {
						p.expect(t, frameSuccess)
					}
					p.send(t, frame)
				}
				p.expectEnd(t, tc.want)
				synctest.Wait()
				if w.counted.opened[tc.path] != 1 || w.counted.closed[tc.path] != 1 {
					t.Errorf("counted %v opened, %v closed, want one each", w.counted.opened, w.counted.closed)
				}
			})
		})
	}
}

func TestHandshake_thatDoesNotEndIsDropped(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		began := time.Now()
		p := w.open(t, pathSubscription, offering...).greet(t)
		p.expectEnd(t, end{})
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("dropped after %s, want 30s", took)
		}
	})
}

// onlyToken accepts one token.
type onlyToken string

func (o onlyToken) Authenticate(_ context.Context, token string) (authn.Caller, error) {
	secret, verb, _ := strings.Cut(token, " to ")
	if secret != string(o) {
		return authn.Caller{}, fmt.Errorf("%w: another token", authn.ErrUnauthenticated)
	}
	return authn.Caller{Name: verb}, nil
}

// Authorize allows the verb in the token.
func (o onlyToken) Authorize(_ context.Context, caller authn.Caller, access authn.Access) error {
	if caller.Name != access.Verb {
		return fmt.Errorf("%w: %s", authn.ErrForbidden, access.Verb)
	}
	return nil
}

func withToken(_ *Options, d *Dependencies) { d.Reviewer = onlyToken("s3cret") }

func TestHandshake_tokenIsChecked(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path, frame string
		want        end // zero: the socket stays open
	}{
		"the correct token":              {pathSubscription, `{"type":"auth","token":"s3cret to update"}`, end{}},
		"the correct token to listen":    {pathEventsOut, `{"type":"auth","token":"s3cret to list"}`, end{}},
		"a token with fewer permissions": {pathEventsIn, `{"type":"auth","token":"s3cret to list"}`, end{1008, "Invalid token"}},
		"none":                           {pathSubscription, `{"type":"auth"}`, end{1008, "Auth required but no token provided"}},
		"null":                           {pathEventsIn, frameAuth, end{1008, "Auth required but no token provided"}},
		"an empty token":                 {pathEventsOut, `{"type":"auth","token":""}`, end{1008, "Auth required but no token provided"}},
		"a token that is not a text":     {pathSubscription, `{"type":"auth","token":5}`, end{1008, "Invalid token"}},
		"another":                        {pathSubscription, `{"type":"auth","token":"S3cret"}`, end{1008, "Invalid token"}},
		"only a wrong frame":             {pathSubscription, frameSubscribe, end{1008, "Expected 'auth' message"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, tc.path, offering...)
				p.send(t, tc.frame)
				if tc.want != (end{}) {
					p.expectEnd(t, tc.want)
					return
				}
				p.expect(t, frameSuccess)
			}, withToken)
		})
	}
}

func TestSubscription_runsAreDeliveredOneAtATime(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		w.deliveries.runs <- sample.Run("first")
		w.deliveries.runs <- sample.Run("second")
		p := w.open(t, pathSubscription, offering...).greet(t)
		p.send(t, frameSubscribe)
		first := p.recv(t)
		if want := string(wire.AppendRun(nil, sample.Run("first"), noon)); first != want {
			t.Errorf("frame = %s, want %s", first, want)
		}
		p.silent(t)
		w.deliveries.expect(t, "host-17 wants a", "host-17 wants b")
		p.send(t, `{"type":"ack"}`)
		if got := sample.Member(t, p.recv(t), "name"); got != `"second"` {
			t.Errorf("the second run is %s", got)
		}
		w.deliveries.expect(t, "host-17 wants a", "host-17 wants b")
		p.send(t, `{"type":"quit"}`)
		p.expectEnd(t, end{Code: 1000})
		w.deliveries.expect(t, "host-17 wants a", "host-17 wants b", "host-17 left")
	})
}

// A worker that receives a run again receives the same run.
func TestSubscription_runIsDeliveredAsSubmitted(t *testing.T) {
	t.Parallel()
	run := sample.Run("late")
	due := noon.Add(-time.Minute)
	run.State.Timestamp = noon.Add(-time.Second)
	run.ExpectedStartTime = &due
	inBubble(t, func(w *socketFixture) {
		t := w.t
		w.deliveries.runs <- run
		p := w.open(t, pathSubscription, offering...).greet(t)
		p.send(t, frameSubscribe)
		if got, want := sample.Member(t, p.recv(t), "estimated_start_time_delta"), "59.0"; got != want {
			t.Errorf("estimated_start_time_delta = %s, want %s, as of the state", got, want)
		}
	})
}

func TestSubscription_olderWorkerSubscribesWithoutAuth(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		w.deliveries.runs <- sample.Run("first")
		p := w.open(t, pathSubscription)
		p.send(t, frameSubscribe)
		p.recv(t)
		p.send(t, `{"type":"ack"}`)
		p.silent(t)
		p.close(t)
		w.deliveries.expect(t, "host-17 wants a", "host-17 wants b", "host-17 left")
	})
}

// worker returns a subscribed peer that has received a run.
func worker(t *testing.T, w *socketFixture, id string) *peer {
	t.Helper()
	w.deliveries.runs <- sample.Run("run of " + id)
	p := w.open(t, pathSubscription, offering...).greet(t)
	p.send(t, `{"type":"subscribe","keys":["k"],"client_id":"`+id+`"}`)
	p.recv(t)
	return p
}

func TestSubscription_runWithoutAnAckIsReleased(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		leave func(t *testing.T, p *peer)
		want  end
	}{
		"the worker closes":                 {func(t *testing.T, p *peer) { t.Helper(); p.close(t) }, end{1000, ""}},
		"the worker disconnects":            {func(_ *testing.T, p *peer) { _ = p.conn.CloseNow() }, end{}},
		"the worker sends another type":     {func(t *testing.T, p *peer) { t.Helper(); p.send(t, `{"type":"nack"}`) }, end{}},
		"the worker sends an invalid frame": {func(t *testing.T, p *peer) { t.Helper(); p.send(t, `ack`) }, end{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := worker(t, w, "c")
				tc.leave(t, p)
				if got := p.ended(t); tc.want.Code == 0 && got != tc.want {
					t.Errorf("end = %v, want %v", got, tc.want)
				}
				w.deliveries.expect(t, "c wants k", "c returned run of c", "c left")
			})
		})
	}
}

func TestSubscription_endOfAWorkerDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		a, b := worker(t, w, "a"), worker(t, w, "b")
		_ = a.conn.CloseNow()
		w.deliveries.expect(t, "a wants k", "b wants k", "a returned run of a", "a left")
		b.send(t, `{"type":"ack"}`)
		w.deliveries.expect(t, "a wants k", "b wants k", "a returned run of a", "a left")
	})
}

func TestSubscription_framesBeforeADeliveryAreIgnored(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathSubscription, offering...).greet(t)
		p.send(t, frameSubscribe)
		p.send(t, `{"type":"ack"}`)
		synctest.Wait()
		w.deliveries.runs <- sample.Run("first")
		p.recv(t)
		w.deliveries.expect(t, "host-17 wants a", "host-17 wants b")
		p.send(t, `{"type":"ack"}`)
		p.silent(t)
		p.send(t, `{"type":"quit"}`)
		p.expectEnd(t, end{Code: 1000})
		w.deliveries.expect(t, "host-17 wants a", "host-17 wants b", "host-17 left")
	})
}

func TestSubscription_errorsCloseWithACodeForReconnecting(t *testing.T) {
	t.Parallel()
	t.Run("subscribing", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w *socketFixture) {
			t := w.t
			w.deliveries.refuses = errors.New("the secret reason")
			p := w.open(t, pathSubscription, offering...).greet(t)
			p.send(t, frameSubscribe)
			p.expectEnd(t, end{1011, "Internal error"})
		})
	})
	t.Run("waiting for a run", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(w *socketFixture) {
			t := w.t
			w.deliveries.runs <- nil
			p := w.open(t, pathSubscription, offering...).greet(t)
			p.send(t, frameSubscribe)
			p.expectEnd(t, end{1011, "Internal error"})
		})
	})
}

func TestSockets_withoutUseCasesEndAfterTheHandshake(t *testing.T) {
	t.Parallel()
	nothing := func(_ *Options, d *Dependencies) {
		d.Deliveries, d.Recorder, d.Stream, d.SocketMetrics = nil, nil, nil, nil
	}
	for path, frame := range map[string]string{
		pathSubscription: frameSubscribe, pathEventsOut: `{"type":"filter","filter":{}}`, pathEventsIn: sample.EventText(nil),
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, path, offering...).greet(t)
				p.send(t, frame)
				p.expectEnd(t, end{1011, "Internal error"})
			}, nothing)
		})
	}
}
