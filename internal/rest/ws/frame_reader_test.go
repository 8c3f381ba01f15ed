package ws

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

// frame returns a frame of a client, masked with zeros.
func frame(opcode byte, payload []byte) []byte {
	head := []byte{0x80 | opcode, maskBit | byte(len(payload))}
	switch n := len(payload); {
	case n > 0xffff:
		head = []byte{0x80 | opcode, maskBit | length64, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	case n >= length16:
		head = []byte{0x80 | opcode, maskBit | length16, byte(n >> 8), byte(n)}
	}
	return append(append(head, 0, 0, 0, 0), payload...)
}

// BeforeFrame is called once for each frame, and no read returns bytes of two frames.
func TestFrameReader_boundaries(t *testing.T) {
	t.Parallel()
	var sent []byte
	frames := [][]byte{
		frame(0x1, nil), frame(opcodePing, []byte("p")), frame(0x1, make([]byte, 125)), frame(0x1, make([]byte, 126)),
		frame(0x2, make([]byte, 0xffff)), frame(0x0, make([]byte, 0x10000)), frame(opcodeClose, []byte{0x03, 0xe8}),
	}
	want := []FrameKind{FrameData, FrameBarrier, FrameData, FrameData, FrameData, FrameData, FrameBarrier}
	for _, f := range frames {
		sent = append(sent, f...)
	}
	var kinds []FrameKind
	r := &frameReader{in: bufio.NewReader(bytes.NewReader(sent)), beforeFrame: func(next FrameKind) error {
		if next != FrameNone {
			kinds = append(kinds, next)
		}
		return nil
	}}
	for i, f := range frames {
		read := make([]byte, 0, len(f))
		for len(read) < len(f) {
			p := make([]byte, 1<<17)
			n, err := r.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			read = append(read, p[:n]...)
		}
		if !bytes.Equal(read, f) {
			t.Fatalf("frame %d: %d bytes read, want the %d bytes of the frame", i, len(read), len(f))
		}
		if got := len(kinds); got != i+1 || kinds[i] != want[i] {
			t.Fatalf("frame %d: BeforeFrame was called with %v, want %v", i, kinds, want[:i+1])
		}
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("error at the end = %v, want EOF", err)
	}
}

func TestFrameReader_errors(t *testing.T) {
	t.Parallel()
	errStop := errors.New("stop")
	cases := map[string]struct {
		reader *frameReader
		want   error
	}{
		"before a frame":                            {&frameReader{beforeFrame: func(FrameKind) error { return errStop }}, errStop},
		"more than 2^63 bytes":                      {&frameReader{}, errFrameSize},
		"more than an unidentified caller can send": {&frameReader{limited: true, allowance: 0}, errAllowance},
	}
	input := map[string][]byte{
		"more than 2^63 bytes": {0x81, maskBit | length64, 0xff, 0, 0, 0, 0, 0, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := input[name]
			if text == nil {
				text = frame(0x1, []byte("x"))
			}
			tc.reader.in = bufio.NewReader(bytes.NewReader(text))
			if _, err := tc.reader.Read(make([]byte, 10)); !errors.Is(err, tc.want) {
				t.Errorf("error = %v, want %v", err, tc.want)
			}
		})
	}
}
