package compat

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// timeLayout is the format of minted times: UTC, with six digits of microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// placeholder is one {{kind:name}} in a string.
type placeholder struct {
	kind, name string
	// spelling is the spelling of a UUID: "" (lower case, with hyphens), upper, hex, braced or urn.
	spelling string
	// offset is the difference between a minted time and now.
	offset time.Duration
}

var (
	placeholders = regexp.MustCompile(`\{\{([a-z][a-z0-9]*)(?::([^{}]*))?\}\}`)
	timeOffset   = regexp.MustCompile(`^(.*?)([+-][0-9]+(?:\.[0-9]+)?)$`)
)

// parsePlaceholder parses the kind and the rest of a match of placeholders.
func parsePlaceholder(kind, rest string) (placeholder, error) {
	p := placeholder{kind: kind, name: rest}
	if _, known := kinds[kind]; !known {
		return p, fmt.Errorf("unknown placeholder {{%s:%s}}", kind, rest)
	}
	if kind == "uuid" || kind == "uuid7" {
		p.name, p.spelling, _ = strings.Cut(rest, "|")
		if _, known := spellings[p.spelling]; !known {
			return p, fmt.Errorf("unknown spelling of a UUID: %q", p.spelling)
		}
	}
	if m := timeOffset.FindStringSubmatch(rest); kind == "time" && m != nil {
		seconds, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return p, fmt.Errorf("offset of a time: %w", err)
		}
		p.name, p.offset = m[1], time.Duration(seconds*float64(time.Second))
	}
	return p, nil
}

// kinds maps each kind to the pattern of its values inside a string. A kind with an empty pattern has no pattern until
// its name is bound. wholeKinds checks whole values.
var kinds = map[string]string{
	"uuid": "", "uuid7": "", "uniq": "", "base": "",
	"time": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z`,
	"slug": `[a-z]+(?:-[a-z]+)+`,
	"any":  `(?s:.+)`,
	"num":  "", "int": "", "list": "", "object": "",
}

// wholeKinds replace a whole JSON value that is not a string.
var wholeKinds = map[string]func(*node) bool{
	"num":    func(n *node) bool { return n.kind == kindNumber },
	"int":    func(n *node) bool { return n.kind == kindNumber && !strings.ContainsAny(n.text, ".eE") },
	"list":   func(n *node) bool { return n.kind == kindArray },
	"object": func(n *node) bool { return n.kind == kindObject },
}

// spelling is one way to write a UUID.
type spelling struct {
	pattern string
	write   func(id string) string
}

const hexDigits = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

var spellings = map[string]spelling{
	"":       {hexDigits, func(id string) string { return id }},
	"upper":  {strings.ReplaceAll(hexDigits, "a-f", "A-F"), strings.ToUpper},
	"hex":    {`[0-9a-f]{32}`, func(id string) string { return strings.ReplaceAll(id, "-", "") }},
	"braced": {`\{` + hexDigits + `\}`, func(id string) string { return "{" + id + "}" }},
	"urn":    {`urn:uuid:` + hexDigits, func(id string) string { return "urn:uuid:" + id }},
}

// variables holds the values of the names of one conversation.
type variables struct {
	base   string
	values map[string]*node
}

func newVariables(base string) *variables {
	return &variables{base: base, values: map[string]*node{}}
}

func (v *variables) clone() *variables {
	return &variables{base: v.base, values: maps.Clone(v.values)}
}

// key returns the key of a binding. Both kinds of UUID share their names.
func (p placeholder) key() string {
	if p.kind == "uuid7" {
		return "uuid:" + p.name
	}
	return p.kind + ":" + p.name
}

func (v *variables) lookup(p placeholder) (*node, bool) {
	if p.kind == "base" {
		return &node{kind: kindString, text: v.base}, true
	}
	n, bound := v.values[p.key()]
	return n, bound
}

// bind sets the value of a name. The name _ never has a value.
func (v *variables) bind(p placeholder, n *node) {
	if p.name != "_" {
		v.values[p.key()] = n
	}
}

// spelled returns a bound value in the spelling of this placeholder.
func (p placeholder) spelled(n *node) string {
	if write, ok := spellings[p.spelling]; ok && p.spelling != "" {
		return write.write(n.text)
	}
	return n.text
}

// fill replaces every placeholder in a text to send. It mints values for unbound names.
func (v *variables) fill(text string) (string, error) {
	var failed error
	filled := placeholders.ReplaceAllStringFunc(text, func(match string) string {
		m := placeholders.FindStringSubmatch(match)
		p, err := parsePlaceholder(m[1], m[2])
		if err != nil {
			failed = err
			return match
		}
		n, bound := v.lookup(p)
		if !bound {
			if n, err = mint(p); err != nil {
				failed = err
				return match
			}
			v.bind(p, n)
		}
		return p.spelled(n)
	})
	return filled, failed
}

// fillNode applies fill to every string of a JSON value, keys included. A string that is one placeholder is replaced
// by its bound value, of any kind.
func (v *variables) fillNode(n *node) (*node, error) {
	filled := &node{kind: n.kind, text: n.text}
	if n.kind == kindString {
		if p, whole := wholePlaceholder(n.text); whole {
			if value, bound := v.lookup(p); bound && value.kind != kindString {
				return value, nil
			}
		}
		var err error
		filled.text, err = v.fill(n.text)
		return filled, err
	}
	for i, item := range n.items {
		if n.kind == kindObject {
			key, err := v.fill(n.keys[i])
			if err != nil {
				return nil, err
			}
			filled.keys = append(filled.keys, key)
		}
		item, err := v.fillNode(item)
		if err != nil {
			return nil, err
		}
		filled.items = append(filled.items, item)
	}
	return filled, nil
}

// wholePlaceholder returns the placeholder if it is the whole text.
func wholePlaceholder(text string) (placeholder, bool) {
	m := placeholders.FindStringSubmatch(text)
	if m == nil || m[0] != text {
		return placeholder{}, false
	}
	p, err := parsePlaceholder(m[1], m[2])
	return p, err == nil
}

// mint creates a value for a name that first occurs in a request.
func mint(p placeholder) (*node, error) {
	switch p.kind {
	case "uuid":
		return textNode(uuid.NewString()), nil
	case "uuid7":
		// Values increase within one process.
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("minting a UUID: %w", err)
		}
		return textNode(id.String()), nil
	case "uniq":
		random := make([]byte, 6)
		_, _ = rand.Read(random) // it cannot fail
		return textNode("c" + hex.EncodeToString(random)), nil
	case "time":
		return textNode(mintTime(time.Now().Add(p.offset))), nil
	default:
		return nil, errors.New("a request cannot mint {{" + p.kind + ":" + p.name + "}}, and no answer has bound it")
	}
}

// mintTime formats a time with a fraction, because a server may omit an empty fraction.
func mintTime(t time.Time) string {
	if t.Nanosecond()/int(time.Microsecond) == 0 {
		t = t.Add(time.Microsecond)
	}
	return t.UTC().Format(timeLayout)
}

func textNode(text string) *node { return &node{kind: kindString, text: text} }
