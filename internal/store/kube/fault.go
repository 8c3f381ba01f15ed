package kube

import (
	"encoding"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxReason is the maximum length of an error text about a value, in bytes: the
// text repeats the value, which can be long.
const maxReason = 256

// part is the JSON text of one value within another, and its path.
type part struct {
	path string
	kind reflect.Type
	text json.RawMessage
}

// faultIn returns the path of the first value in a JSON text that does not decode
// into its Go type, and the error of that value alone. The error is nil for a text
// that can be decoded.
func faultIn(whole part) (path string, err error) {
	if err = json.Unmarshal(whole.text, reflect.New(whole.kind).Interface()); err == nil {
		return "", nil
	}
	for inner := range whole.parts() {
		if path, err := faultIn(inner); err != nil {
			return path, err
		}
	}
	return whole.path, err
}

// parts returns the values within a value, in a fixed order. A type with its own
// decoder has none.
func (p part) parts() iter.Seq[part] {
	for p.kind.Kind() == reflect.Pointer {
		p.kind = p.kind.Elem()
	}
	if decodesItself(p.kind) {
		return func(func(part) bool) {}
	}
	switch p.kind.Kind() {
	case reflect.Struct, reflect.Map:
		return p.members
	case reflect.Slice, reflect.Array:
		return p.elements
	default:
		return func(func(part) bool) {}
	}
}

func decodesItself(kind reflect.Type) bool {
	pointer := reflect.PointerTo(kind)
	return pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) || pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// members returns the parts of an object.
func (p part) members(yield func(part) bool) {
	var all map[string]json.RawMessage
	if json.Unmarshal(p.text, &all) != nil {
		return
	}
	kindOf := func(string) reflect.Type { return p.kind.Elem() }
	if p.kind.Kind() == reflect.Struct {
		fields := map[string]reflect.Type{}
		fieldsOf(p.kind, fields)
		kindOf = func(name string) reflect.Type { return fields[name] }
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		inner := part{path: strings.TrimPrefix(p.path+"."+name, "."), kind: kindOf(name), text: all[name]}
		if inner.kind != nil && !yield(inner) {
			return
		}
	}
}

// elements returns the parts of a list.
func (p part) elements(yield func(part) bool) {
	var all []json.RawMessage
	if json.Unmarshal(p.text, &all) != nil {
		return
	}
	for i, text := range all {
		if !yield(part{path: fmt.Sprintf("%s[%d]", p.path, i), kind: p.kind.Elem(), text: text}) {
			return
		}
	}
}

// fieldsOf collects the types of a struct's fields, by their names in JSON.
func fieldsOf(kind reflect.Type, into map[string]reflect.Type) {
	for field := range kind.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case name == "" && field.Anonymous && field.Type.Kind() == reflect.Struct:
			fieldsOf(field.Type, into)
		default:
			into[name] = field.Type
		}
	}
}

// reasonOf returns the text of an error about a value.
func reasonOf(err error) string {
	text := strings.ToValidUTF8(err.Error(), "?")
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "..."
}
