package compat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

const (
	// openLimit is the timeout for opening and closing a websocket.
	openLimit = 30 * time.Second
	// pongLimit is the timeout for a pong.
	pongLimit = 30 * time.Second
	// frameRoom is the maximum number of received frames that no step has read.
	frameRoom = 4096
	// codeDropped stands for an end without a close frame.
	codeDropped = 1006
)

// Expect is the outcome of an action on a websocket. The action determines which fields count.
type Expect struct {
	Status      int             `json:"status"`
	Subprotocol *string         `json:"subprotocol"`
	JSON        json.RawMessage `json:"json"`
	Code        int             `json:"code"`
	Reason      string          `json:"reason"`
	Pong        bool            `json:"pong"`
}

// socket is one websocket of a conversation. A goroutine reads frames at once, because the
// library handles pongs in reads.
type socket struct {
	conn   *websocket.Conn
	frames chan frame // closed after the last frame
	err    error      // cause of the end, set before frames is closed
}

type frame struct {
	kind websocket.MessageType
	text string
}

func (k *socket) listen(ctx context.Context) {
	defer close(k.frames)
	defer func() { _ = k.conn.CloseNow() }() // a pong that is still awaited is not needed
	for {
		kind, text, err := k.conn.Read(ctx)
		if err != nil {
			k.err = err
			return
		}
		select {
		case k.frames <- frame{kind, string(text)}:
		case <-ctx.Done():
			k.err = ctx.Err()
			return
		}
	}
}

// end describes how the server ended the connection.
func (k *socket) end() (code int, reason string) {
	if how, ok := errors.AsType[websocket.CloseError](k.err); ok {
		return int(how.Code), how.Reason
	}
	return codeDropped, ""
}

// errSilent means that no frame arrived in time.
var errSilent = errors.New("nothing came")

// next waits for a frame. A nil frame means that the connection has ended.
func (k *socket) next(ctx context.Context, d time.Duration) (*frame, error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case f, ok := <-k.frames:
		if !ok {
			return nil, nil //nolint:nilnil // the end is an outcome too
		}
		return &f, nil
	case <-timer.C:
		return nil, errSilent
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// act performs one action on a websocket and compares the outcome.
func (s *conversation) act(ctx context.Context, step *Step) error {
	if step.Expect == nil {
		return errors.New("a websocket step that expects nothing")
	}
	if step.WS == "open" {
		return s.open(ctx, step)
	}
	k := s.sockets[step.Socket]
	if k == nil {
		return fmt.Errorf("there is no open websocket %q", step.Socket)
	}
	switch step.WS {
	case "send":
		return s.sendFrame(ctx, step, k)
	case "recv":
		return s.recv(ctx, step, k)
	case "silence":
		return silence(ctx, step, k)
	case "closed":
		return s.closed(ctx, step, k)
	case "ping":
		return ping(ctx, step, k)
	case "close":
		return closeNormally(k)
	default:
		return fmt.Errorf("an unknown action on a websocket: %q", step.WS)
	}
}

func (s *conversation) open(ctx context.Context, step *Step) error {
	path, err := s.vars.fill(step.Path)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	conn, response, err := websocket.Dial(bounded, "ws"+strings.TrimPrefix(s.vars.base, "http")+path, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: s.client.Transport}, Subprotocols: step.Subprotocols,
	})
	if response == nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	if conn != nil {
		conn.SetReadLimit(answerLimit)
		s.keep(ctx, step.Socket, conn)
	}
	if response.StatusCode != step.Expect.Status {
		return fmt.Errorf("opening %s: want status %d, got %d", path, step.Expect.Status, response.StatusCode)
	}
	want, got := "", response.Header.Get("Sec-WebSocket-Protocol")
	if step.Expect.Subprotocol != nil {
		want = *step.Expect.Subprotocol
	}
	if want != got {
		return fmt.Errorf("opening %s: want subprotocol %q, got %q", path, want, got)
	}
	return nil
}

// keep adds a connection to the conversation. An existing connection of the same name is closed.
func (s *conversation) keep(ctx context.Context, name string, conn *websocket.Conn) {
	if old := s.sockets[name]; old != nil {
		_ = old.conn.CloseNow()
	}
	k := &socket{conn: conn, frames: make(chan frame, frameRoom)}
	s.sockets[name] = k
	s.listening.Go(func() { k.listen(ctx) })
}

// hangUp closes all remaining websockets.
func (s *conversation) hangUp() {
	for _, k := range s.sockets {
		_ = k.conn.CloseNow() // an error means that it has ended
	}
	s.listening.Wait()
}

func (s *conversation) sendFrame(ctx context.Context, step *Step, k *socket) error {
	text, err := s.body(&Request{Body: step.JSON, Raw: step.Text})
	if err != nil {
		return err
	}
	if text == nil {
		return errors.New("a frame without json or text")
	}
	bounded, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	if err := k.conn.Write(bounded, websocket.MessageText, []byte(*text)); err != nil {
		return fmt.Errorf("sending a frame: %w", err)
	}
	return nil
}

func (s *conversation) recv(ctx context.Context, step *Step, k *socket) error {
	limit := s.limit(step.Seconds)
	got, err := k.next(ctx, limit)
	switch {
	case err != nil:
		return fmt.Errorf("waiting %s for a frame: %w", limit, err)
	case got == nil:
		code, reason := k.end()
		return fmt.Errorf("want a frame, but the connection ended with %d %q", code, reason)
	case got.kind != websocket.MessageText:
		return errors.New("want a text frame, got a binary one")
	}
	m := &matcher{vars: s.vars.clone(), strict: s.strict, unordered: step.Unordered}
	// A frame is compared like the body of a response.
	as := &Step{Response: &Response{Body: step.Expect.JSON}, Pick: step.Pick, Ranges: step.Ranges}
	m.matchBody(as, &answer{body: []byte(got.text)})
	if len(m.faults) > 0 {
		return &MismatchError{Request: "frame on " + step.Socket, Faults: m.faults, Answer: got.text}
	}
	s.vars = m.vars
	return nil
}

func silence(ctx context.Context, step *Step, k *socket) error {
	got, err := k.next(ctx, seconds(step.Seconds))
	switch {
	case errors.Is(err, errSilent):
		return nil
	case err != nil:
		return err
	case got == nil:
		code, reason := k.end()
		return fmt.Errorf("want silence, but the connection ended with %d %q", code, reason)
	default:
		return fmt.Errorf("want silence, got %s", cut(got.text))
	}
}

func (s *conversation) closed(ctx context.Context, step *Step, k *socket) error {
	limit := s.limit(step.Seconds)
	got, err := k.next(ctx, limit)
	switch {
	case err != nil:
		return fmt.Errorf("waiting %s for the end: %w", limit, err)
	case got != nil:
		return fmt.Errorf("want the end of the connection, got %s", cut(got.text))
	case step.AnyClose:
		return nil
	}
	code, reason := k.end()
	m := &matcher{vars: s.vars.clone(), strict: s.strict}
	m.matchString("reason", step.Expect.Reason, textNode(reason))
	if code != step.Expect.Code || len(m.faults) > 0 {
		return fmt.Errorf("want the end %d %q, got %d %q", step.Expect.Code, step.Expect.Reason, code, reason)
	}
	s.vars = m.vars
	return nil
}

func ping(ctx context.Context, step *Step, k *socket) error {
	bounded, cancel := context.WithTimeout(ctx, pongLimit)
	defer cancel()
	if err := k.conn.Ping(bounded); (err == nil) != step.Expect.Pong {
		return fmt.Errorf("want a pong: %t, got: %w", step.Expect.Pong, err)
	}
	return nil
}

func closeNormally(k *socket) error {
	if err := k.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
}
