package load

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Listener counts the events that it receives from /events/out. It does not parse them and reads the connection
// itself, so that a thousand listeners use little CPU time on the measured machine.
type Listener struct {
	conn   net.Conn
	events atomic.Int64
	lastAt atomic.Int64  // when the last event arrived, in nanoseconds
	came   chan struct{} // has a token after events that Await has not counted
	pong   chan struct{} // closed after the first pong
	once   sync.Once
	ended  chan struct{}
	why    error // cause of the end, once the connection has ended
}

// NewListener connects a listener with a filter. It returns when the server has read the filter.
func NewListener(ctx context.Context, base, filter string) (*Listener, error) {
	l := &Listener{came: make(chan struct{}, 1), pong: make(chan struct{}), ended: make(chan struct{})}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		l.conn = conn
		return conn, err //nolint:wrapcheck // errors of dial have the address
	}}
	s, err := dialOver(ctx, &http.Client{Transport: transport}, base, "/events/out")
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, `{"type":"filter","filter":`+filter+`}`); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	go l.listen() // the server has sent nothing after the handshake: it waits for the filter
	if err := l.control(opcodePing); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	select {
	case <-l.pong:
		return l, nil
	case <-l.ended:
		return nil, fmt.Errorf("a listener: %w", l.why)
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), l.Close())
	}
}

// Events returns the number of received events.
func (l *Listener) Events() int64 { return l.events.Load() }

// Await waits until the listener has received this number of events.
func (l *Listener) Await(ctx context.Context, events int64) error {
	for l.events.Load() < events {
		select {
		case <-l.came:
		case <-l.ended:
			return l.Err()
		case <-ctx.Done():
			return fmt.Errorf("%d of %d events have come: %w", l.events.Load(), events, context.Cause(ctx))
		}
	}
	return nil
}

// Err returns the cause of the end of the connection, or nil while it is open.
func (l *Listener) Err() error {
	select {
	case <-l.ended:
		return fmt.Errorf("a listener was disconnected: %w", l.why)
	default:
		return nil
	}
}

// Close drops the connection.
func (l *Listener) Close() error {
	err := l.conn.Close()
	<-l.ended
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err //nolint:wrapcheck // the error has the address
}

// The opcodes of frames, and the bits of their first two bytes (RFC 6455 §5.2).
const (
	opcodeText  = 0x1
	opcodeClose = 0x8
	opcodePing  = 0x9
	opcodePong  = 0xa
	opcodeBits  = 0x0f
	frameEnd    = 0x80
	masked      = 0x80
	length16    = 126
	length64    = 127
)

// listenBuffer is the size of the buffer of one listener, in bytes.
const listenBuffer = 16 << 10

var errClosedByServer = errors.New("the server has sent a close frame")

func (l *Listener) listen() {
	defer close(l.ended)
	in := bufio.NewReaderSize(l.conn, listenBuffer)
	for l.why == nil {
		l.why = l.frame(in)
	}
}

// frame reads one frame.
func (l *Listener) frame(in *bufio.Reader) error {
	opcode, length, err := frameHead(in)
	if err != nil {
		return err
	}
	if _, err := in.Discard(length); err != nil {
		return fmt.Errorf("reading a frame: %w", err)
	}
	switch opcode {
	case opcodeText:
		l.lastAt.Store(time.Now().UnixNano())
		l.events.Add(1)
		select {
		case l.came <- struct{}{}:
		default:
		}
	case opcodePing:
		return l.control(opcodePong)
	case opcodePong:
		l.once.Do(func() { close(l.pong) })
	case opcodeClose:
		return errClosedByServer
	}
	return nil
}

// frameHead reads the header of a frame of a server.
func frameHead(in *bufio.Reader) (opcode byte, length int, err error) {
	var head [8]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return 0, 0, fmt.Errorf("waiting for a frame: %w", err)
	}
	opcode, length = head[0]&opcodeBits, int(head[1])
	more := map[int]int{length16: 2, length64: 8}[length]
	if more == 0 {
		return opcode, length, nil
	}
	if _, err := io.ReadFull(in, head[8-more:]); err != nil {
		return 0, 0, fmt.Errorf("waiting for a frame: %w", err)
	}
	if more == 2 {
		return opcode, int(binary.BigEndian.Uint16(head[6:])), nil
	}
	return opcode, int(binary.BigEndian.Uint64(head[:])), nil //nolint:gosec // a frame of a run is small
}

// control sends a control frame without a payload. Its mask is zero.
func (l *Listener) control(opcode byte) error {
	if _, err := l.conn.Write([]byte{frameEnd | opcode, masked, 0, 0, 0, 0}); err != nil {
		return fmt.Errorf("sending a frame: %w", err)
	}
	return nil
}

// OwnRun is the filter of a listener that selects one run.
func OwnRun(id string) string {
	return filterOf(nil, []string{"prefect.task-run." + id})
}

// Future is the filter of a future of the Prefect client. It selects the end of every run.
func Future() string {
	return filterOf([]string{
		"prefect.task-run.Completed", "prefect.task-run.Cancelled", "prefect.task-run.Failed", "prefect.task-run.Crashed",
	}, nil)
}

// filterOf returns a filter with the keys that the Prefect client sends.
func filterOf(names, resources []string) string {
	now := time.Now().UTC()
	text, err := json.Marshal(map[string]any{
		"occurred": map[string]string{
			"since": now.Add(-time.Minute).Format(timeLayout), "until": now.AddDate(1, 0, 0).Format(timeLayout),
		},
		"event":    map[string][]string{"prefix": nil, "exclude_prefix": nil, "name": names, "exclude_name": nil},
		"resource": map[string][]string{"id": resources},
		"related":  nil, "any_resource": nil, "id": map[string][]string{"id": {}},
	})
	if err != nil {
		panic(err) // texts can always be encoded
	}
	return string(text)
}

// EndLatencies runs life cycles one after the other while a future waits. A latency is the time from the start of
// the last set_state to the arrival of the event at the future.
func EndLatencies(ctx context.Context, c *Client, length time.Duration) (sample Sample, err error) {
	l, err := NewListener(ctx, c.base, Future())
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := Quiet(ctx, l); err != nil {
		return sample, err
	}
	for begin := time.Now(); time.Since(begin) < length; {
		id, err := c.Create(ctx, Run{})
		if err == nil {
			err = c.SetState(ctx, id, Running)
		}
		if err != nil {
			return sample, err
		}
		before, ended := l.Events(), time.Now()
		if err := errors.Join(c.SetState(ctx, id, Completed), l.Await(ctx, before+1)); err != nil {
			return sample, err
		}
		sample.Latencies = append(sample.Latencies, time.Duration(l.lastAt.Load()-ended.UnixNano()))
	}
	sample.PerSecond = float64(len(sample.Latencies)) / length.Seconds()
	slices.Sort(sample.Latencies)
	return sample, nil
}

// quietFor is the time without events after which a listener has received all recent ones.
const quietFor = 500 * time.Millisecond

// Quiet returns when no more events arrive at the listeners. A future first receives those of the last minute.
func Quiet(ctx context.Context, listeners ...*Listener) error {
	for last := int64(-1); ; {
		sum := int64(0)
		for _, l := range listeners {
			if err := l.Err(); err != nil {
				return err
			}
			sum += l.Events()
		}
		if sum == last {
			return nil
		}
		last = sum
		select {
		case <-time.After(quietFor):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
