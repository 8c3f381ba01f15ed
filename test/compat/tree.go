// Package compat replays recorded conversations with a Prefect server against ours and reports differences in the
// responses. testdata/README.md describes the format of the recordings.
package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// kind is the kind of a JSON value.
type kind string

const (
	kindNull   kind = "null"
	kindBool   kind = "boolean"
	kindNumber kind = "number"
	kindString kind = "string"
	kindArray  kind = "array"
	kindObject kind = "object"
)

// node is a JSON value that keeps the order of keys and the spelling of numbers.
type node struct {
	kind kind
	// text is the value of a string, or the spelling of a number or boolean.
	text string
	// keys holds the key of each item of an object.
	keys  []string
	items []*node
}

// decode parses exactly one JSON value.
func decode(text []byte) (*node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	n, err := decodeNext(d)
	if err != nil {
		return nil, fmt.Errorf("decoding JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decoding JSON: there is more than one value")
	}
	return n, nil
}

func decodeNext(d *json.Decoder) (*node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		return decodeMembers(d, t == '{')
	case json.Number:
		return &node{kind: kindNumber, text: t.String()}, nil
	case string:
		return &node{kind: kindString, text: t}, nil
	case bool:
		return &node{kind: kindBool, text: strconv.FormatBool(t)}, nil
	default:
		return &node{kind: kindNull}, nil
	}
}

// decodeMembers parses the members after an opening bracket, and the closing bracket.
func decodeMembers(d *json.Decoder, isObject bool) (*node, error) {
	n := &node{kind: kindArray}
	if isObject {
		n.kind = kindObject
	}
	for d.More() {
		if isObject {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			n.keys = append(n.keys, fmt.Sprint(key))
		}
		item, err := decodeNext(d)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := d.Token()
	return n, err
}

// String returns the value as JSON text without spaces.
func (n *node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	switch n.kind {
	case kindNull:
		b.WriteString("null")
	case kindBool, kindNumber:
		b.WriteString(n.text)
	case kindString:
		b.WriteString(quote(n.text))
	case kindArray, kindObject:
		n.writeMembers(b)
	}
}

func (n *node) writeMembers(b *strings.Builder) {
	brackets := "[]"
	if n.kind == kindObject {
		brackets = "{}"
	}
	b.WriteByte(brackets[0])
	for i, item := range n.items {
		if i > 0 {
			b.WriteByte(',')
		}
		if n.kind == kindObject {
			b.WriteString(quote(n.keys[i]) + ":")
		}
		item.write(b)
	}
	b.WriteByte(brackets[1])
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// member returns the value of a key, or nil. If a key occurs twice, the last value counts, as in every parser.
func (n *node) member(key string) *node {
	for i, k := range slices.Backward(n.keys) {
		if k == key {
			return n.items[i]
		}
	}
	return nil
}

// at resolves a JSON pointer; "" is the whole value. It returns nil if there is no value.
func (n *node) at(pointer string) *node {
	if pointer == "" {
		return n
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch n.kind {
		case kindObject:
			n = n.member(part)
		case kindArray:
			n = n.element(part)
		default:
			return nil
		}
		if n == nil {
			return nil
		}
	}
	return n
}

func (n *node) element(index string) *node {
	for i, item := range n.items {
		if strconv.Itoa(i) == index {
			return item
		}
	}
	return nil
}

// pick keeps only some keys of an object, or of each object in an array.
func (n *node) pick(keys []string) *node {
	kept := &node{kind: n.kind, text: n.text}
	switch n.kind {
	case kindArray:
		for _, item := range n.items {
			if item.kind == kindObject {
				item = item.pick(keys)
			}
			kept.items = append(kept.items, item)
		}
	case kindObject:
		for _, key := range keys {
			if item := n.member(key); item != nil {
				kept.keys, kept.items = append(kept.keys, key), append(kept.items, item)
			}
		}
	default:
		return n
	}
	return kept
}
