package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Read waits for a text frame. If the frame has more bytes than the limit, Read discards it and returns small false.
// release returns the memory of the text.
func (k *Socket) Read(limit int64) (text []byte, small bool, release func(), err error) {
	release = func() {}
	k.reads.Add(1)
	defer k.reads.Add(1)
	kind, r, err := k.conn.Reader(context.WithoutCancel(k.life))
	if err != nil {
		return nil, false, release, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if kind != websocket.MessageText {
		return nil, false, release, ErrNotText
	}
	text, err = io.ReadAll(io.LimitReader(r, min(limit, UncountedBytes)+1))
	if err == nil && int64(len(text)) > UncountedBytes {
		text, release, err = k.readLarge(text, r, limit)
	}
	if err == nil && int64(len(text)) > limit {
		text = nil
		_, err = io.Copy(io.Discard, r)
	}
	if err != nil {
		release()
		return nil, false, release, fmt.Errorf("%w: %w", ErrGone, err)
	}
	return text, text != nil, release, nil
}

// readLarge reserves memory for the largest possible frame, then reads the rest of a frame, up to one byte more than
// the limit. The frame must arrive within FrameTimeout, because it holds memory.
func (k *Socket) readLarge(begin []byte, r io.Reader, limit int64) (text []byte, release func(), err error) {
	release, err = k.reserve(k.memory.Arriving, limit)
	if err != nil {
		return nil, release, err
	}
	late := time.AfterFunc(k.options.FrameTimeout, func() {
		k.end(NewDropError(errors.New("a frame did not arrive in time")))
	})
	defer late.Stop()
	rest, err := io.ReadAll(io.LimitReader(r, limit+1-int64(len(begin))))
	return append(begin, rest...), release, err
}

// reserve waits for memory until the socket ends. Pings of the peer wait too.
func (k *Socket) reserve(from *bytebudget.CallerBudget, n int64) (release func(), err error) {
	if release, ok := from.Try(k.caller, n); ok {
		return release, nil
	}
	k.frames.blocked.Store(true)
	defer k.frames.blocked.Store(false)
	if k.flush != nil {
		if err := k.flush(); err != nil {
			return func() {}, err
		}
	}
	return from.Acquire(k.life, k.caller, n)
}

// Parsing waits for the memory of the values in a text. It returns ErrTooLarge if the text has more values than the
// limit.
func (k *Socket) Parsing(text []byte, limit int) (release func(), err error) {
	values := pyjson.CountValues(text)
	if values > limit {
		return func() {}, ErrTooLarge
	}
	return k.reserve(k.memory.Parsed, pyjson.ParsedBytes(text, values))
}

// Command waits for a frame that is a JSON object with a few keys.
func (k *Socket) Command() (pyjson.Value, error) {
	text, small, release, err := k.Read(maxCommand)
	defer release()
	switch {
	case err != nil:
		return pyjson.Value{}, err
	case !small:
		return pyjson.Value{}, ErrTooLarge
	}
	done, err := k.Parsing(text, maxCommandValues)
	if err != nil {
		return pyjson.Value{}, err
	}
	defer done()
	return parseObject(text)
}

// AuthFrame waits for the auth frame. Its limits are low, because the sender is unknown: it has a few values and must
// arrive within AuthTimeout.
func (k *Socket) AuthFrame() (pyjson.Value, error) {
	defer k.endUnless(k.options.AuthTimeout)()
	text, small, release, err := k.Read(MaxUnidentifiedBytes)
	defer release()
	switch {
	case err != nil:
		return pyjson.Value{}, err
	case !small || pyjson.CountValues(text) > maxAuthValues:
		return pyjson.Value{}, ErrTooLarge
	}
	return parseObject(text)
}

// parseObject returns the JSON object of a frame.
func parseObject(text []byte) (pyjson.Value, error) {
	value, err := pyjson.Parse(text)
	if err != nil || value.Kind() != pyjson.Object {
		return pyjson.Value{}, ErrNotJSON
	}
	return value, nil
}

// endUnless ends the socket after d unless stop is called before.
func (k *Socket) endUnless(d time.Duration) (stop func()) {
	late := time.AfterFunc(d, func() {
		k.end(NewDropError(errors.New("the handshake did not end in time")))
	})
	return func() { late.Stop() }
}

// Hello is Command for the later frames of the handshake. Each must arrive within HelloTimeout.
func (k *Socket) Hello() (pyjson.Value, error) {
	defer k.endUnless(k.options.HelloTimeout)()
	return k.Command()
}
