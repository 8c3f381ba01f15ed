package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// frameLimit is the maximum size of a received frame. A run is far smaller.
const frameLimit = 4 << 20

// socket is a connection to a Prefect websocket.
type socket struct{ conn *websocket.Conn }

// dial opens a websocket and performs the handshake common to all paths.
func dial(ctx context.Context, base, path string) (*socket, error) {
	return dialOver(ctx, http.DefaultClient, base, path)
}

// dialOver is dial with an HTTP client.
func dialOver(ctx context.Context, client *http.Client, base, path string) (*socket, error) {
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(base, "http")+path, //nolint:bodyclose // the library closes it
		&websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"prefect"}})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	conn.SetReadLimit(frameLimit)
	s := &socket{conn}
	if err := s.send(ctx, `{"type":"auth","token":null}`); err != nil {
		return nil, errors.Join(err, conn.CloseNow())
	}
	if _, err := s.receive(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), conn.CloseNow())
	}
	return s, nil
}

func (s *socket) send(ctx context.Context, frame string) error {
	if err := s.conn.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
		return fmt.Errorf("sending a frame: %w", err)
	}
	return nil
}

func (s *socket) receive(ctx context.Context) ([]byte, error) {
	_, frame, err := s.conn.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("waiting for a frame: %w", err)
	}
	return frame, nil
}

// Close drops the connection.
func (s *socket) Close() error { return s.conn.CloseNow() }

// Worker receives runs like a process of `task.serve()`.
type Worker struct{ *socket }

// Delivered is a run that a worker received.
type Delivered struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// NewWorker connects a worker for runs of one task.
func NewWorker(ctx context.Context, base, taskKey, clientID string) (*Worker, error) {
	s, err := dial(ctx, base, "/task_runs/subscriptions/scheduled")
	if err != nil {
		return nil, err
	}
	frame := fmt.Sprintf(`{"type":"subscribe","keys":[%q],"client_id":%q}`, taskKey, clientID)
	if err := s.send(ctx, frame); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &Worker{s}, nil
}

// Next waits for a run.
func (w *Worker) Next(ctx context.Context) (Delivered, error) {
	var run Delivered
	frame, err := w.receive(ctx)
	if err == nil {
		err = json.Unmarshal(frame, &run)
	}
	return run, err
}

// Take acknowledges the last run received.
func (w *Worker) Take(ctx context.Context) error { return w.send(ctx, `{"type":"ack"}`) }

// Reporter reports the states of runs by events, as the Prefect client does.
type Reporter struct {
	*socket
	ended chan struct{}
	why   error // cause of the end, once the connection has ended
}

// NewReporter connects a reporter.
func NewReporter(ctx context.Context, base string) (*Reporter, error) {
	s, err := dial(ctx, base, "/events/in")
	if err != nil {
		return nil, err
	}
	r := &Reporter{socket: s, ended: make(chan struct{})}
	go func() { // only pongs arrive, which must be read
		defer close(r.ended)
		_, _, r.why = s.conn.Read(ctx)
	}()
	return r, nil
}

// Close drops the connection.
func (r *Reporter) Close() error {
	err := r.socket.Close()
	<-r.ended
	return err
}

// Report sends the events of states that a run entered one after the other. The
// server may not have received them when Report returns; see Flush.
func (r *Reporter) Report(ctx context.Context, run Reported, states ...State) error {
	for _, state := range states {
		if err := r.send(ctx, run.event(state)); err != nil {
			return err
		}
	}
	return nil
}

// Flush sends a ping and waits for the pong.
func (r *Reporter) Flush(ctx context.Context) error {
	err := r.conn.Ping(ctx)
	if err == nil {
		return nil
	}
	select {
	case <-r.ended:
		err = errors.Join(err, r.why)
	default:
	}
	return fmt.Errorf("waiting for a pong: %w", err)
}
