package ws

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"testing"
	"time"
)

// writtenConn keeps the bytes of each call.
type writtenConn struct {
	net.Conn

	calls    [][]byte
	deadline time.Time
}

func (c *writtenConn) Write(p []byte) (int, error) {
	c.calls = append(c.calls, bytes.Clone(p))
	return len(p), nil
}

func (c *writtenConn) SetWriteDeadline(at time.Time) error {
	c.deadline = at
	return nil
}

func TestWriteTexts_frameSizesByCall(t *testing.T) {
	t.Parallel()
	small, half, large := make([]byte, 100), make([]byte, sendChunk/2), make([]byte, 3*sendChunk)
	cases := map[string]struct {
		texts [][]byte
		want  [][]int // the texts by call
	}{
		"none":                                 {nil, nil},
		"one":                                  {[][]byte{small}, [][]int{{0}}},
		"an empty text":                        {[][]byte{{}}, [][]int{{0}}},
		"small texts":                          {[][]byte{small, small, small}, [][]int{{0, 1, 2}}},
		"more than a chunk":                    {[][]byte{half, small, half, small}, [][]int{{0, 1}, {2, 3}}},
		"a large text between small ones":      {[][]byte{small, large, small}, [][]int{{0}, {1}, {2}}},
		"the largest text with a short header": {[][]byte{make([]byte, 125), make([]byte, 126)}, [][]int{{0, 1}}},
		"at the limit of 16 bits":              {[][]byte{make([]byte, 0xffff), make([]byte, 0x10000)}, [][]int{{0}, {1}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := &writtenConn{}
			w := &frameWriter{conn: conn}
			if err := w.writeTexts(slices.Values(c.texts), time.Minute); err != nil {
				t.Fatal(err)
			}
			var want [][]byte
			for _, call := range c.want {
				var frames []byte
				for _, i := range call {
					frames = append(frames, unmasked(c.texts[i])...)
				}
				want = append(want, frames)
			}
			if !slices.EqualFunc(conn.calls, want, bytes.Equal) {
				t.Errorf("%d calls, want %d with these frames", len(conn.calls), len(want))
			}
		})
	}
}

// unmasked returns a text frame of a server.
func unmasked(text []byte) []byte {
	head := frame(opcodeText, text)
	head = head[:len(head)-len(text)-4]
	head[1] &^= maskBit
	return append(head, text...)
}

func TestWrite_failsAfterACloseFrame(t *testing.T) {
	t.Parallel()
	conn := &writtenConn{}
	w := &frameWriter{conn: conn}
	text := slices.Values([][]byte{[]byte("text")})
	for _, control := range [][]byte{{finalBit | opcodePing, 0}, {finalBit | opcodeClose, 0}} {
		if err := w.writeTexts(text, time.Minute); err != nil || conn.deadline.IsZero() {
			t.Fatalf("error %v and time limit %v, want a text written within a limit", err, conn.deadline)
		}
		if _, err := w.Write(control); err != nil || !conn.deadline.IsZero() {
			t.Fatalf("error %v and time limit %v, want a control frame written without a limit", err, conn.deadline)
		}
	}
	if err := w.writeTexts(text, time.Minute); !errors.Is(err, net.ErrClosed) || len(conn.calls) != 4 {
		t.Errorf("error %v after %d calls, want %v", err, len(conn.calls), net.ErrClosed)
	}
}
