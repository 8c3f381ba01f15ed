package rest

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/test/offsetclock"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

const inAggregation = "/apis/rest.taskrun.dev/v1alpha1/namespaces/"

func withVouching(reviewer *fakeReviewer) change {
	return func(o *Options, d *Dependencies) {
		withReviewer(reviewer)(o, d)
		d.Proxy = vouching{}
	}
}

// outcome is the outcome of a websocket: the status of a rejected upgrade, or the end. Zero:
// the socket stays open.
type outcome struct {
	Status int
	End    end
}

func (w *socketFixture) try(t *testing.T, path, frame string, o *websocket.DialOptions) outcome {
	t.Helper()
	conn, status, err := w.dialAt(t, path, o)
	if err != nil {
		return outcome{Status: status}
	}
	defer func() { _ = conn.CloseNow() }()
	p := &peer{conn: conn, frames: make(chan string, 10)}
	p.listen()
	if conn.Subprotocol() == "" {
		synctest.Wait()
		select {
		case <-p.frames:
			return outcome{End: p.ended(t)}
		default:
			return outcome{}
		}
	}
	p.send(t, frame)
	if _, ok := <-p.frames; ok {
		return outcome{}
	}
	return outcome{End: p.ended(t)}
}

// Every websocket with every identity, in each form of credentials, at each path.
func TestSockets_everySocketOfEveryPathNeedsAuthorization(t *testing.T) {
	t.Parallel()
	refused := func(code websocket.StatusCode, reason string) outcome { return outcome{End: end{code, reason}} }
	status := func(code int) outcome { return outcome{Status: code} }
	letIn, invalid, busy := outcome{}, refused(1008, "Invalid token"), refused(1013, "Service Unavailable")
	places := map[string]string{"/api": "default", "/namespaces/default/api": "default", "/namespaces/other/api": "other"}
	for _, r := range table() {
		if r.serve == nil {
			continue
		}
		right := access[r.method+" "+r.path]
		identities := map[string]struct {
			token       string // "HERE" stands for the namespace of the path
			inFrame     outcome
			inHeader    outcome
			throughKube outcome
		}{
			"nothing":                           {"", refused(1008, "Auth required but no token provided"), status(401), status(401)},
			"garbage":                           {"garbage", invalid, status(401), status(401)},
			"a caller without permissions":      {"watch taskruns in HERE", invalid, invalid, invalid},
			"a permission in another namespace": {right + " in elsewhere", invalid, invalid, invalid},
			"a permission in all namespaces":    {right + " in everywhere", invalid, invalid, invalid},
			"a failed review":                   {"lost", busy, status(503), status(503)},
			"a failed review of the permission": {"unjudged in HERE", busy, busy, busy},
			"the permission":                    {right + " in HERE", letIn, letIn, letIn},
		}
		for name, tc := range identities {
			t.Run(strings.TrimPrefix(r.path, "/")+" with "+name, func(t *testing.T) {
				t.Parallel()
				reviewer := &fakeReviewer{}
				reviewer.fail("lost", authn.ErrUnavailable)
				reviewer.fail("access of unjudged in default", authn.ErrUnavailable)
				reviewer.fail("access of unjudged in other", authn.ErrUnavailable)
				inBubble(t, func(w *socketFixture) {
					for base, namespace := range places {
						token := strings.ReplaceAll(tc.token, "HERE", namespace)
						got := map[string]outcome{
							"frame": w.try(w.t, base+r.path, `{"type":"auth","token":"`+token+`"}`, &websocket.DialOptions{Subprotocols: offering}),
							"header, new client": w.try(w.t, base+r.path, `{"type":"auth","token":null}`, &websocket.DialOptions{
								Subprotocols: offering, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
							}),
							"kube-apiserver": w.try(w.t, inAggregation+namespace+r.path, `{"type":"auth","token":null}`, &websocket.DialOptions{
								Subprotocols: offering, HTTPHeader: http.Header{"Authorization": {forwardedCaller(token)}},
							}),
							"kube-apiserver, and a token": w.try(w.t, inAggregation+namespace+r.path, `{"type":"auth","token":"`+right+" in "+namespace+`"}`,
								&websocket.DialOptions{Subprotocols: offering, HTTPHeader: http.Header{"Authorization": {forwardedCaller(token)}}}),
						}
						want := map[string]outcome{
							"frame": tc.inFrame, "header, new client": tc.inHeader,
							"kube-apiserver": tc.throughKube, "kube-apiserver, and a token": tc.throughKube,
						}
						if diff := cmp.Diff(want, got); diff != "" {
							w.t.Errorf("%s (-want +got):\n%s", base, diff)
						}
					}
				}, withVouching(reviewer))
			})
		}
	}
}

// forwardedCaller is the header with which the fake API server forwards the caller of a
// token.
func forwardedCaller(token string) string {
	switch token {
	case "", "garbage":
		return token
	case "lost":
		return "broken"
	default:
		return "user " + token
	}
}

func TestSockets_ofAllNamespacesAreRejected(t *testing.T) {
	t.Parallel()
	modes := map[string]change{"with authentication": withVouching(&fakeReviewer{}), "without": func(_ *Options, d *Dependencies) {
		d.Others = func(string) (Tenant, error) { return Tenant{}, nil }
	}}
	for name, change := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				bases := []string{"/namespaces/-/api"}
				if w.server.proxy != nil {
					bases = append(bases, inAggregation+"-")
				}
				for _, base := range bases {
					for _, path := range []string{pathSubscription, pathEventsIn, pathEventsOut} {
						for _, header := range []string{"", "Bearer list taskruns in everywhere", "user update taskruns/status in everywhere"} {
							o := &websocket.DialOptions{Subprotocols: offering, HTTPHeader: http.Header{}}
							proxied := strings.HasPrefix(base, "/apis")
							if header != "" {
								o.HTTPHeader.Set("Authorization", header)
							}
							want := http.StatusNotFound
							if w.server.reviewer != nil && (proxied != strings.HasPrefix(header, "user") && (proxied || header != "")) {
								want = http.StatusUnauthorized
							}
							if got := w.try(t, base+path, frameAuth, o); got != (outcome{Status: want}) {
								t.Errorf("%s%s with %q: %+v, want status %d", base, path, header, got, want)
							}
						}
					}
				}
				if log := w.log.String(); !strings.Contains(log, "all namespaces at once") || strings.Contains(log, "ERROR") {
					t.Errorf("log:\n%s", log)
				}
			}, change)
		})
	}
}

// An embedded server may have no name for its namespace.
func TestSockets_ofAServerWithoutANamespace(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		if got := w.try(w.t, "/api"+pathEventsOut, frameAuth, &websocket.DialOptions{Subprotocols: offering}); got != (outcome{}) {
			w.t.Errorf("%+v, want that it is let in", got)
		}
	}, func(_ *Options, d *Dependencies) { d.Namespace = "" })
}

func TestSockets_unservedNamespaceIsClosedInTheHandshake(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		got := w.try(w.t, "/namespaces/foreign/api"+pathEventsOut, `{"type":"auth","token":"list taskruns in foreign"}`, &websocket.DialOptions{Subprotocols: offering})
		if want := (outcome{End: end{1008, "This namespace is not served."}}); got != want {
			w.t.Errorf("%+v, want %+v", got, want)
		}
		if strings.Contains(w.log.String(), "ERROR") {
			w.t.Errorf("log: %s", w.log)
		}
	}, withReviewer(&fakeReviewer{}))
}

func TestSockets_throughTheAPIServerEndWithinAnHour(t *testing.T) {
	t.Parallel()
	for path, first := range map[string]string{
		pathSubscription: `{"type":"subscribe","keys":["k"],"client_id":"c"}`,
		pathEventsIn:     "",
		pathEventsOut:    `{"type":"filter","filter":{}}`,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				began := time.Now()
				p := w.openAt(t, inAggregation+"default"+path, &websocket.DialOptions{
					Subprotocols: offering, HTTPHeader: http.Header{"Authorization": {"user " + access["GET "+path] + " in default"}},
				})
				p.listen()
				p.greet(t)
				if first != "" {
					p.send(t, first)
				}
				synctest.Wait()
				pass(50 * time.Minute)
				p.silent(t)
				p.expectEnd(t, end{1012, "The caller has to be authenticated again"})
				if took := time.Since(began); took > time.Hour || took < 54*time.Minute {
					t.Errorf("ended after %s, want between 54 minutes and an hour", took)
				}
			}, withVouching(&fakeReviewer{}), func(_ *Options, d *Dependencies) { d.Clock = offsetclock.New(time.Until(noon)) })
		})
	}
}

// A run that was sent and is not acknowledged yet is waited for, so that no other worker
// gets it as well.
func TestSockets_throughTheAPIServerWaitForAnAckBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.openAt(t, inAggregation+"default"+pathSubscription, &websocket.DialOptions{
			Subprotocols: offering, HTTPHeader: http.Header{"Authorization": {"user update taskruns/status in default"}},
		})
		p.listen()
		p.greet(t)
		p.send(t, `{"type":"subscribe","keys":["k"],"client_id":"c"}`)
		synctest.Wait()
		w.deliveries.runs <- sample.Run("one")
		p.recv(t)
		p.expectEnd(t, end{1012, "The caller has to be authenticated again"})
		w.deliveries.expect(t, "c wants k", "c returned one", "c left")
	}, withVouching(&fakeReviewer{}), func(_ *Options, d *Dependencies) { d.Clock = offsetclock.New(time.Until(noon)) })
}

func TestSockets_withATokenAreReviewedInsteadOfEnding(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		p := w.open(w.t, pathEventsOut, offering...)
		p.send(w.t, `{"type":"auth","token":"list taskruns in default"}`)
		p.expect(w.t, frameSuccess)
		p.send(w.t, `{"type":"filter","filter":{}}`)
		pass(3 * time.Hour)
		p.silent(w.t)
	}, withReviewer(&fakeReviewer{}), func(_ *Options, d *Dependencies) { d.Clock = offsetclock.New(time.Until(noon)) })
}
