package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// valueReader reads a JSON text value by value. It finds the end of a value without
// decoding it. The decoder of the value detects text that is not JSON.
type valueReader struct {
	from   io.Reader
	buffer []byte // what was read of the text
	at     int    // what precedes was used
}

// minRead is the minimum room for a read. Large reads save wake-ups and flow control.
const minRead = 64 << 10

// fill reads more of the text. The values that were returned before are invalid then.
func (r *valueReader) fill() error {
	if r.at > 0 {
		r.buffer = r.buffer[:copy(r.buffer, r.buffer[r.at:])]
		r.at = 0
	}
	if cap(r.buffer)-len(r.buffer) < minRead {
		larger := make([]byte, len(r.buffer), 2*cap(r.buffer)+2*minRead)
		copy(larger, r.buffer)
		r.buffer = larger
	}
	n, err := r.from.Read(r.buffer[len(r.buffer):cap(r.buffer)])
	r.buffer = r.buffer[:len(r.buffer)+n]
	if n > 0 {
		return nil // an error occurs again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return broken(err)
}

// next returns the next character that is not white space, without using it.
func (r *valueReader) next() (byte, error) {
	for {
		for ; r.at < len(r.buffer); r.at++ {
			if c := r.buffer[r.at]; !isSpace(c) {
				return c, nil
			}
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// take uses the next character if it is this one.
func (r *valueReader) take(want byte) (bool, error) {
	c, err := r.next()
	if err != nil || c != want {
		return false, err
	}
	r.at++
	return true, nil
}

// expect uses the next character, which must be this one.
func (r *valueReader) expect(want byte) error {
	found, err := r.take(want)
	if err == nil && !found {
		err = fmt.Errorf("reading a list of TaskRuns: unexpected %q", r.buffer[r.at])
	}
	return err
}

// value returns the text of the next value, until the next call.
func (r *valueReader) value() ([]byte, error) {
	first, err := r.next()
	if err != nil {
		return nil, err
	}
	find := endOfScalar
	if first == '{' || first == '[' || first == '"' {
		find = (&valueEnd{}).find
	}
	for scanned := 0; ; {
		n, complete := find(r.buffer[r.at+scanned:])
		scanned += n
		if complete {
			text := r.buffer[r.at : r.at+scanned]
			r.at += scanned
			return text, nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// valueEnd finds the end of an object, an array or a string.
type valueEnd struct {
	depth    int
	inString bool
	escaped  bool
}

// find reads a part of the value, and returns how much of the part belongs to it.
func (e *valueEnd) find(part []byte) (n int, complete bool) {
	for i, c := range part {
		ends := false
		switch {
		case e.inString:
			ends = e.within(c)
		case c == '"':
			e.inString = true
		case c == '{' || c == '[':
			e.depth++
		case c == '}' || c == ']':
			e.depth--
			ends = true
		}
		if ends && e.depth <= 0 {
			return i + 1, true
		}
	}
	return len(part), false
}

// within reads a character of a string, and reports whether the string ends.
func (e *valueEnd) within(c byte) (ends bool) {
	switch {
	case e.escaped:
		e.escaped = false
	case c == '\\':
		e.escaped = true
	case c == '"':
		e.inString = false
		return true
	}
	return false
}

// endOfScalar returns the length of a number or a literal, which ends before a delimiter.
func endOfScalar(part []byte) (n int, complete bool) {
	for i, c := range part {
		if c == ',' || c == ']' || c == '}' || c == ':' || isSpace(c) {
			return i, true
		}
	}
	return len(part), false
}

// members calls do for each member of an object. do must read the value.
func (r *valueReader) members(do func(name string) error) error {
	return r.each('{', '}', func() error {
		var name string
		text, err := r.value()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &name); err != nil {
			return fmt.Errorf("reading a list of TaskRuns: %w", err)
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return do(name)
	})
}

// each calls do for each element or member. do must read it.
func (r *valueReader) each(opening, closing byte, do func() error) error {
	if err := r.expect(opening); err != nil {
		return err
	}
	ended, err := r.take(closing)
	for !ended && err == nil {
		if err = do(); err != nil {
			break
		}
		if ended, err = r.take(closing); err == nil && !ended {
			err = r.expect(',')
		}
	}
	return err
}

// broken returns io.ErrUnexpectedEOF for the end of a response, and other errors as
// they are.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
