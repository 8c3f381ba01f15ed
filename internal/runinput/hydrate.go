// Package runinput is the input that a paused flow run is resumed with (flows contract
// §2.3): it evaluates the values that clients can send in place of plain ones, and
// validates the input against the schema of the pause, in the words of Prefect.
package runinput

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Error rejects an input. Its text is the reason that clients see.
type Error struct{ Reason string }

func (e *Error) Error() string { return e.Reason }

// Input is an input without placeholders. The zero Input is null.
type Input struct{ value pyjson.Value }

// Empty reports whether Python takes the input for false: it is not stored then.
func (in Input) Empty() bool { return !in.value.Truthy() }

// JSON returns the JSON text of the input, as Prefect stores it.
func (in Input) JSON() string { return string(in.value.AppendTo(nil)) }

// keyKind is the member that makes an object a placeholder for a value.
const keyKind = "__prefect_kind"

// Hydrate evaluates the placeholders in an input. An empty text and null are an empty
// object. Error: *Error.
func Hydrate(input json.RawMessage) (Input, error) {
	if len(input) == 0 {
		input = json.RawMessage("{}")
	}
	parsed, syntax := pyjson.Parse(input)
	if syntax != nil {
		return Input{}, hydrationError("Invalid JSON: " + pythonText(string(input), syntax))
	}
	value, removed, err := hydrate(parsed)
	if err != nil {
		return Input{}, err
	}
	if removed || !value.Truthy() {
		value = pyjson.ObjectValue(nil)
	}
	return Input{value}, nil
}

func hydrationError(text string) *Error {
	return &Error{Reason: "Error hydrating run input: " + text}
}

// hydrate returns the value without placeholders. removed reports that it was a
// placeholder that stands for no value: its parent does not have it then.
func hydrate(value pyjson.Value) (hydrated pyjson.Value, removed bool, err error) {
	switch value.Kind() {
	case pyjson.Array:
		hydrated, err = hydrateItems(value)
		return hydrated, false, err
	case pyjson.Object:
		if kind, is := value.Member(keyKind); is {
			return placeholder(kind, value)
		}
		hydrated, err = hydrateMembers(value)
		return hydrated, false, err
	default:
		return value, false, nil
	}
}

func hydrateItems(array pyjson.Value) (pyjson.Value, error) {
	items := make([]pyjson.Value, 0, len(array.Items()))
	for _, item := range array.Items() {
		item, removed, err := hydrate(item)
		if err != nil {
			return pyjson.Value{}, err
		}
		if !removed {
			items = append(items, item)
		}
	}
	return pyjson.ArrayValue(items), nil
}

func hydrateMembers(object pyjson.Value) (pyjson.Value, error) {
	members := make([]pyjson.Member, 0, len(object.Members()))
	for _, m := range object.Members() {
		value, removed, err := hydrate(m.Value)
		if err != nil {
			return pyjson.Value{}, err
		}
		if !removed {
			members = append(members, pyjson.Member{Key: m.Key, Value: value})
		}
	}
	return pyjson.ObjectValue(members), nil
}

// placeholder evaluates a placeholder of one of the kinds. One of an unknown kind stands
// for its value.
func placeholder(kind, object pyjson.Value) (value pyjson.Value, removed bool, err error) {
	text := ""
	if kind.Kind() == pyjson.String {
		text = kind.Text()
	}
	switch text {
	case "none":
		value, found := object.Member("value")
		if !found {
			return value, false, missing("value")
		}
		return hydrate(value)
	case "json":
		return argument(object, "value", parseJSON)
	case "jinja":
		if _, found := object.Member("template"); !found {
			return value, false, missing("template")
		}
		return argument(object, "template", render)
	case "workspace_variable":
		return argument(object, "variable_name", func(name string) (pyjson.Value, error) {
			return pyjson.Value{}, hydrationError("Variable '" + name + "' not found in workspace.")
		})
	default:
		value, _ := object.Member("value")
		return value, false, nil
	}
}

func missing(key string) *Error {
	return hydrationError("Missing '" + key + "' key in __prefect object")
}

// argument evaluates a placeholder by a text that it has as a member, which can be a
// placeholder itself. Without the member the placeholder stands for no value. Anything
// but a text is returned as it is.
func argument(
	object pyjson.Value, key string, evaluate func(text string) (pyjson.Value, error),
) (value pyjson.Value, removed bool, err error) {
	value, found := object.Member(key)
	if !found {
		return value, true, nil
	}
	if value.Kind() == pyjson.Object {
		if value, removed, err = hydrate(value); removed || err != nil {
			return value, removed, err
		}
	}
	if value.Kind() == pyjson.String {
		value, err = evaluate(value.Text())
	}
	return value, false, err
}

func parseJSON(text string) (pyjson.Value, error) {
	value, syntax := pyjson.Parse([]byte(text))
	if syntax != nil {
		return value, hydrationError("Invalid JSON: " + pythonText(text, syntax))
	}
	return value, nil
}

// pythonText returns the text of Python's JSONDecodeError.
func pythonText(text string, syntax *pyjson.SyntaxError) string {
	before := text
	for i, at := 0, 0; at < len(text); i++ {
		if i == syntax.Pos {
			before = text[:at]
			break
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf("%s: line %d column %d (char %d)", syntax.Msg, line, column, syntax.Pos)
}

// literal matches the only expressions of Jinja that are evaluated here: an integer, and
// a text without escapes.
var literal = regexp.MustCompile(`\{\{\s*(?:(-?\d+)|'([^'\\]*)'|"([^"\\]*)")\s*\}\}`)

// render evaluates a template of Jinja that has literals only. There is no engine for
// others: their variables would be those of the server.
func render(template string) (pyjson.Value, error) {
	if rest := literal.ReplaceAllLiteralString(template, ""); strings.Contains(rest, "{{") ||
		strings.Contains(rest, "{%") || strings.Contains(rest, "{#") {
		return pyjson.Value{}, hydrationError("Invalid jinja: only texts and literals are supported by this server")
	}
	text := literal.ReplaceAllString(template, "$1$2$3")
	return pyjson.StringValue(strings.TrimSuffix(text, "\n")), nil
}
