package compat

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// server records the request and responds with a fixed body.
type server struct {
	status  int
	headers map[string]string
	body    string
	calls   atomic.Int32
	// readyAt is the number of the first call that gets the body; earlier calls get null.
	readyAt int32

	method, uri, sent string
	sentHeaders       http.Header
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := s.calls.Add(1)
	b, _ := io.ReadAll(r.Body)
	s.method, s.uri, s.sent, s.sentHeaders = r.Method, r.RequestURI, string(b), r.Header
	for k, v := range s.headers {
		w.Header().Set(k, v)
	}
	w.WriteHeader(s.status)
	if call < s.readyAt {
		_, _ = io.WriteString(w, "null")
		return
	}
	_, _ = io.WriteString(w, s.body)
}

func play(t *testing.T, s *server, steps string) error {
	t.Helper()
	c := &Case{}
	if err := json.Unmarshal([]byte(fmt.Sprintf(`{"format":1,"steps":[%s]}`, steps)), c); err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	return (&Player{Base: listening.URL + "/api"}).Play(t.Context(), c)
}

func TestPlay_sendsTheRecordedRequest(t *testing.T) {
	t.Parallel()
	s := &server{status: 200, body: "null"}
	err := play(t, s, `{"request":{"method":"POST","path":"/x/{{uuid:a}}/?q=%7B","headers":{"x-id":"{{uuid:a|upper}}"},
		"body":{"z":1.0,"a":"k-{{uniq:k}}","t":"{{time:t+60}}","id":"{{uuid:a}}"}},"response":{"status":200,"body":null}}`)
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(hexDigits).FindString(s.uri)
	if want := "/api/x/" + id + "/?q=%7B"; id == "" || s.uri != want {
		t.Errorf("path %q, want %q", s.uri, want)
	}
	if got := s.sentHeaders.Get("X-Id"); got != strings.ToUpper(id) {
		t.Errorf("header %q, want the UUID %s in upper case", got, id)
	}
	if got := s.sentHeaders.Get("Content-Type"); got != "" {
		t.Errorf("content-type %q was sent though none was recorded", got)
	}
	want := regexp.MustCompile(`^\{"z":1\.0,"a":"k-c[0-9a-f]{12}","t":"[0-9T:-]+\.\d{6}Z","id":"` + id + `"\}$`)
	if !want.MatchString(s.sent) {
		t.Errorf("body %s, want it like %s", s.sent, want)
	}
}

func TestPlay_comparesTheWholeResponse(t *testing.T) {
	t.Parallel()
	const get = `"request":{"method":"GET","path":"/x"}`
	tests := map[string]struct {
		server *server
		steps  string
		want   string
	}{
		"a response as recorded": {
			server: &server{status: 200, body: `{"a":1}`, headers: map[string]string{"content-type": "application/json; charset=utf-8"}},
			steps:  `{` + get + `,"response":{"status":200,"headers":{"content-type":"application/json"},"body":{"a":1}}}`,
		},
		"another status": {
			server: &server{status: 201, body: `1`}, steps: `{` + get + `,"response":{"status":200,"body":1}}`, want: "status: want 200, got 201",
		},
		"another header": {
			server: &server{status: 405, headers: map[string]string{"allow": "GET"}},
			steps:  `{` + get + `,"response":{"status":405,"headers":{"allow":"POST"}}}`, want: "header allow",
		},
		"an unexpected body": {
			server: &server{status: 200, body: `{}`}, steps: `{` + get + `,"response":{"status":200}}`, want: `got "{}"`,
		},
		"a text": {server: &server{status: 200, body: `ok`}, steps: `{` + get + `,"response":{"status":200,"text":"ok"}}`},
		"another text": {
			server: &server{status: 200, body: `no`}, steps: `{` + get + `,"response":{"status":200,"text":"ok"}}`, want: `want "ok", got "no"`,
		},
		"a body that is not JSON": {
			server: &server{status: 200, body: `oops`}, steps: `{` + get + `,"response":{"status":200,"body":{}}}`, want: "decoding JSON",
		},
		"keys that are not picked are ignored": {
			server: &server{status: 200, body: `[{"a":1,"b":2}]`}, steps: `{` + get + `,"pick":["a"],"response":{"status":200,"body":[{"a":1}]}}`,
		},
		"keys that are not picked count in errors": {
			server: &server{status: 422, body: `{"a":1,"b":2}`},
			steps:  `{` + get + `,"pick":["a"],"response":{"status":422,"body":{"a":1}}}`, want: `"b" is too many`,
		},
		"a range of a value that is not picked": {
			server: &server{status: 200, body: `{"a":1,"n":2.5}`},
			steps:  `{` + get + `,"pick":["a"],"ranges":[{"at":"/n","min":2,"max":3}],"response":{"status":200,"body":{"a":1}}}`,
		},
		"a number outside its range": {
			server: &server{status: 200, body: `{"n":3.5}`},
			steps:  `{` + get + `,"ranges":[{"at":"/n","min":2,"max":3}],"response":{"status":200,"body":{"n":"{{num:_}}"}}}`, want: "from 2 to 3, got 3.5",
		},
		"seconds between two times": {
			server: &server{status: 200, body: `["2026-01-02T03:04:05Z","2026-01-02T03:04:15Z"]`},
			steps: `{` + get + `,"ranges":[{"at":"/1","minus":"/0","min":11,"max":12}],
				"response":{"status":200,"body":["{{time:a}}","{{time:b}}"]}}`, want: "got 10",
		},
		"a range without a value": {
			server: &server{status: 200, body: `{}`},
			steps:  `{` + get + `,"ranges":[{"at":"/n","min":2,"max":3}],"response":{"status":200,"body":{}}}`, want: "there is no number",
		},
		"an unknown step": {server: &server{}, steps: `{"dance":1}`, want: "unknown kind"},
		"a request with an unbound name": {
			server: &server{}, steps: `{"request":{"method":"GET","path":"/{{slug:x}}"},"response":{"status":200}}`, want: "cannot mint",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.server.status == 0 {
				tt.server.status = 200
			}
			err := play(t, tt.server, tt.steps)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestPlay_repeatsPollingStepWithTheSameNames(t *testing.T) {
	t.Parallel()
	s := &server{status: 200, body: `{"x":"a-b"}`, readyAt: 2}
	err := play(t, s, `{"request":{"method":"GET","path":"/"},"poll":{"seconds":5},"response":{"status":200,"body":{"x":"{{slug:x}}"}}}`)
	if calls := s.calls.Load(); err != nil || calls != 2 {
		t.Errorf("%d calls and %v, want 2 and no error", calls, err)
	}
}

func TestPlay_doesNotBindNamesInFailedStep(t *testing.T) {
	t.Parallel()
	m := &matcher{vars: newVariables("")}
	matched := m.try(func(a *matcher) {
		a.match("", mustDecode(t, `["{{slug:x}}",1]`), mustDecode(t, `["a-b",2]`))
	})
	if matched || len(m.vars.values) > 0 {
		t.Errorf("matched %t, bound %v; want neither", matched, m.vars.values)
	}
}

func TestLoad_readsEveryArea(t *testing.T) {
	t.Parallel()
	cases, err := Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, area := range []string{"create", "create-bad", "read", "patch", "delete", "states", "set-state", "matrix", "retry", "data"} {
		if !slices.ContainsFunc(cases, func(c *Case) bool { return c.Area == area }) {
			t.Errorf("there is no case of the area %s", area)
		}
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("an empty folder is no error")
	}
}

func TestPlay_omitsWaitsAtTheEndOfACase(t *testing.T) {
	t.Parallel()
	wait, act := Step{Sleep: new(30.0)}, Step{WS: "ping"}
	if got := withoutLastWaits([]Step{wait, act, wait, wait}); len(got) != 2 || got[0].Sleep == nil || got[1].WS == "" {
		t.Errorf("left are %+v", got)
	}
	if got := withoutLastWaits([]Step{wait}); len(got) != 0 {
		t.Errorf("left are %+v", got)
	}
}
