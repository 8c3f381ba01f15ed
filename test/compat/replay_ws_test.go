package compat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// serveSockets answers each text frame of a websocket as the frame instructs.
func serveSockets(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/refused") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:   []string{"prefect"},
		OnPingReceived: func(context.Context, []byte) bool { return !strings.HasSuffix(r.URL.Path, "/pongless") },
	})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	ctx := context.WithoutCancel(r.Context())
	for {
		_, text, err := conn.Read(ctx)
		if err != nil || !obey(ctx, conn, string(text)) {
			return
		}
	}
}

// obey does what a frame instructs. It returns false to end the connection.
func obey(ctx context.Context, conn *websocket.Conn, text string) bool {
	switch text {
	case "drop":
		return false
	case "close":
		_ = conn.Close(4001, "Protocol violation")
		return false
	case "be silent":
		return true
	case "binary":
		return conn.Write(ctx, websocket.MessageBinary, []byte("{}")) == nil
	default:
		return conn.Write(ctx, websocket.MessageText, []byte(text)) == nil
	}
}

// playSockets replays steps on the socket s, which is already open.
func playSockets(t *testing.T, steps string) error {
	t.Helper()
	c := &Case{}
	if err := json.Unmarshal(fmt.Appendf(nil, `{"format":1,"steps":[%s]}`, steps), c); err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(http.HandlerFunc(serveSockets))
	t.Cleanup(listening.Close)
	return (&Player{Base: listening.URL + "/api", Strict: true}).Play(t.Context(), c)
}

const opened = `{"ws":"open","socket":"s","path":"/x","subprotocols":["prefect"],"expect":{"status":101,"subprotocol":"prefect"}},`

func TestPlay_actsOnWebsockets(t *testing.T) {
	t.Parallel()
	const (
		echoRun = `{"ws":"send","socket":"s","json":{"id":"{{uuid:a}}","l":[1,2]},"expect":{}},`
		quit    = `{"ws":"send","socket":"s","text":"close","expect":{}},`
		drop    = `{"ws":"send","socket":"s","text":"drop","expect":{}},`
	)
	cases := map[string]struct{ steps, want string }{
		"a subprotocol": {strings.TrimSuffix(opened, ","), ""},
		"no subprotocol that the server supports": {
			`{"ws":"open","socket":"s","path":"/x","subprotocols":["other"],"expect":{"status":101,"subprotocol":null}}`, "",
		},
		"an unexpected subprotocol": {
			`{"ws":"open","socket":"s","path":"/x","subprotocols":[],"expect":{"status":101,"subprotocol":"prefect"}}`, `want subprotocol "prefect", got ""`,
		},
		"a rejected upgrade":                     {`{"ws":"open","socket":"s","path":"/refused","subprotocols":[],"expect":{"status":403}}`, ""},
		"a rejected upgrade with another status": {`{"ws":"open","socket":"s","path":"/refused","subprotocols":[],"expect":{"status":101}}`, "want status 101, got 403"},
		"an accepted upgrade that should be rejected": {
			`{"ws":"open","socket":"s","path":"/x","subprotocols":[],"expect":{"status":403}}`, "want status 403, got 101",
		},
		"a frame":                                {opened + echoRun + `{"ws":"recv","socket":"s","seconds":5,"expect":{"json":{"l":[1,2],"id":"{{uuid:a}}"}}}`, ""},
		"a frame with its keys in another order": {opened + echoRun + `{"ws":"recv","socket":"s","seconds":5,"unordered":["/l"],"expect":{"json":{"l":[2,1],"id":"{{uuid:a}}"}}}`, ""},
		"a part of a frame":                      {opened + echoRun + `{"ws":"recv","socket":"s","seconds":5,"pick":["l"],"expect":{"json":{"l":[1,2]}}}`, ""},
		"a frame that differs":                   {opened + echoRun + `{"ws":"recv","socket":"s","seconds":5,"expect":{"json":{"l":[1],"id":"{{uuid:a}}"}}}`, "want 1 elements, got 2"},
		"a frame with another name":              {opened + echoRun + `{"ws":"recv","socket":"s","seconds":5,"expect":{"json":{"l":[1,2],"id":"{{slug:b}}"}}}`, "frame on s"},
		"a name that a frame binds": {
			opened + `{"ws":"send","socket":"s","json":{"n":"calm-otter"},"expect":{}},{"ws":"recv","socket":"s","seconds":5,"expect":{"json":{"n":"{{slug:n}}"}}},` +
				`{"ws":"send","socket":"s","json":{"n":"wild-otter"},"expect":{}},{"ws":"recv","socket":"s","seconds":5,"expect":{"json":{"n":"{{slug:n}}"}}}`, "wild-otter",
		},
		"a frame that does not arrive": {opened + `{"ws":"recv","socket":"s","seconds":0.05,"expect":{"json":{}}}`, "nothing came"},
		"a frame that is not a text frame": {
			opened + `{"ws":"send","socket":"s","text":"binary","expect":{}},{"ws":"recv","socket":"s","seconds":5,"expect":{"json":{}}}`, "got a binary one",
		},
		"the connection ends instead of a frame": {opened + quit + `{"ws":"recv","socket":"s","seconds":5,"expect":{"json":{}}}`, `ended with 4001 "Protocol violation"`},
		"silence":                                {opened + `{"ws":"send","socket":"s","text":"be silent","expect":{}},{"ws":"silence","socket":"s","seconds":0.05,"expect":{}}`, ""},
		"a frame instead of silence":             {opened + echoRun + `{"ws":"silence","socket":"s","seconds":5,"expect":{}}`, "want silence, got"},
		"the connection ends instead of silence": {opened + drop + `{"ws":"silence","socket":"s","seconds":5,"expect":{}}`, "ended with 1006"},
		"a close":                                {opened + quit + `{"ws":"closed","socket":"s","seconds":5,"expect":{"code":4001,"reason":"Protocol violation"}}`, ""},
		"a close with another code":              {opened + quit + `{"ws":"closed","socket":"s","seconds":5,"expect":{"code":1008,"reason":"Protocol violation"}}`, "want the end 1008"},
		"a close with another reason":            {opened + quit + `{"ws":"closed","socket":"s","seconds":5,"expect":{"code":4001,"reason":"no"}}`, `got 4001 "Protocol violation"`},
		"a drop":                                 {opened + drop + `{"ws":"closed","socket":"s","seconds":5,"expect":{"code":1006,"reason":""}}`, ""},
		"a drop counts as any end":               {opened + drop + `{"ws":"closed","socket":"s","seconds":5,"any_close":true,"expect":{}}`, ""},
		"a close counts as any end":              {opened + quit + `{"ws":"closed","socket":"s","seconds":5,"any_close":true,"expect":{}}`, ""},
		"an end that does not come":              {opened + `{"ws":"closed","socket":"s","seconds":0.05,"any_close":true,"expect":{}}`, "nothing came"},
		"a frame instead of the end":             {opened + echoRun + `{"ws":"closed","socket":"s","seconds":5,"any_close":true,"expect":{}}`, "want the end of the connection, got"},
		"a ping":                                 {opened + `{"ws":"ping","socket":"s","expect":{"pong":true}}`, ""},
		"a ping after the end":                   {opened + drop + `{"ws":"closed","socket":"s","seconds":5,"any_close":true,"expect":{}},{"ws":"ping","socket":"s","expect":{"pong":true}}`, "want a pong"},
		"closing":                                {opened + `{"ws":"close","socket":"s","expect":{}}`, ""},
		"sending after the close":                {opened + `{"ws":"close","socket":"s","expect":{}},` + strings.TrimSuffix(echoRun, ","), "sending a frame"},
		"a socket that is not open":              {`{"ws":"ping","socket":"t","expect":{"pong":true}}`, `no open websocket "t"`},
		"an unknown action":                      {opened + `{"ws":"shout","socket":"s","expect":{}}`, `unknown action on a websocket: "shout"`},
		"an empty frame":                         {opened + `{"ws":"send","socket":"s","expect":{}}`, "without json or text"},
		"an action without an outcome":           {opened + `{"ws":"close","socket":"s"}`, "expects nothing"},
		"two sockets": {
			opened + strings.ReplaceAll(opened+echoRun+`{"ws":"recv","socket":"s","seconds":5,"pick":[],"expect":{"json":{}}},`, `"socket":"s"`, `"socket":"t"`) +
				`{"ws":"silence","socket":"s","seconds":0.05,"expect":{}}`, "",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := playSockets(t, tc.steps)
			if tc.want == "" && err != nil {
				t.Errorf("error = %v, want none", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestPlay_doesNotWaitForPongAfterTheReplay(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	listening := httptest.NewServer(http.HandlerFunc(serveSockets))
	t.Cleanup(listening.Close)
	s := &conversation{vars: newVariables(listening.URL + "/api"), client: http.DefaultClient, sockets: map[string]*socket{}}
	none := ""
	if err := s.act(ctx, &Step{WS: "open", Socket: "s", Path: "/pongless", Expect: &Expect{Status: http.StatusSwitchingProtocols, Subprotocol: &none}}); err != nil {
		t.Fatal(err)
	}
	defer s.hangUp()
	cancel()
	if err := s.act(ctx, &Step{WS: "ping", Socket: "s", Expect: &Expect{Pong: true}}); err == nil || errors.Is(err, errSilent) {
		t.Errorf("error = %v, want that there was no pong", err)
	}
}
