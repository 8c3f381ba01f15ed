package objectjson

import (
	"errors"
	"reflect"
)

// ErrRefused is the error about a text that this package does not decode: it is not JSON,
// it does not fit the type, or it has a form that is rare. encoding/json knows which.
var ErrRefused = errors.New("not decoded: encoding/json has to decode this text")

// Plan is how texts are decoded into values of a type. Many Decoders can use one.
type Plan[T any] struct{ root decodeFunc }

// NewPlan analyzes a type. Members with one of the skipped names are not decoded, at any
// depth. They must be JSON.
func NewPlan[T any](skipped ...string) *Plan[T] {
	c := compiler{skipped: skipped, structs: map[reflect.Type]*structPlan{}}
	return &Plan[T]{root: c.decoderOf(reflect.TypeFor[T]())}
}

// Decoder decodes one text after another. Only one goroutine at a time may use it.
type Decoder[T any] struct {
	plan  *Plan[T]
	state state
}

// NewDecoder returns a Decoder.
func (p *Plan[T]) NewDecoder() *Decoder[T] {
	return &Decoder[T]{plan: p, state: state{texts: newTextCache()}}
}

// Decode decodes a text into a value, which must be the zero value. The value does not
// refer to the text. With ErrRefused, the value is undefined.
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
