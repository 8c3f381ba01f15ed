package objectjson

import (
	"errors"
	"reflect"
)

// ErrRefused means that this package does not decode a text: it is not JSON, does not fit
// the type, or has a rare form. Use encoding/json to find out.
var ErrRefused = errors.New("not decoded: encoding/json has to decode this text")

// Plan describes how to decode texts into values of a type. Several Decoders can share
// it.
type Plan[T any] struct{ root decodeFunc }

// NewPlan analyzes a type. Members with one of the skipped names are not decoded, at any
// depth. They must be JSON.
func NewPlan[T any](skipped ...string) *Plan[T] {
	c := compiler{skipped: skipped, structs: map[reflect.Type]*structPlan{}}
	return &Plan[T]{root: c.decoderOf(reflect.TypeFor[T]())}
}

// Decoder decodes one text after another. It is not safe for concurrent use.
type Decoder[T any] struct {
	plan  *Plan[T]
	state state
}

// NewDecoder returns a Decoder.
func (p *Plan[T]) NewDecoder() *Decoder[T] {
	return &Decoder[T]{plan: p, state: state{texts: newTextCache()}}
}

// Decode decodes a text into a zero value. The result shares no memory with the text.
// After ErrRefused, the value is undefined.
func (d *Decoder[T]) Decode(text []byte, into *T) error {
	s := &d.state
	s.text, s.at, s.depth = text, 0, 0
	err := d.plan.root(s, reflect.ValueOf(into).Elem())
	if s.peek(); err == nil && s.at < len(text) {
		err = ErrRefused
	}
	s.text = nil
	return err
}
