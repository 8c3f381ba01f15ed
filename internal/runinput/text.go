package runinput

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// text returns the message of Python's jsonschema about a value. The rarer keywords have
// the words of the library here.
func (f *fault) text(value pyjson.Value) string {
	is := repr(value)
	for _, of := range []func(is string) string{f.valueText, f.objectText, f.choiceText, f.numberText, f.sizeText} {
		if text := of(is); text != "" {
			return text
		}
	}
	own := jsonschema.ValidationError{ErrorKind: f.kind}
	return is + ": " + strings.TrimPrefix(own.Error(), "at '': ")
}

// valueText is text for the keywords about any value, empty for others.
func (f *fault) valueText(is string) string {
	switch k := f.kind.(type) {
	case *kind.Type:
		return is + " is not of type " + reprs(k.Want)
	case *kind.Enum:
		return is + " is not one of " + reprAny(k.Want)
	case *kind.Const:
		return reprAny(k.Want) + " was expected"
	case *kind.Pattern:
		return is + " does not match " + pyjson.Repr(k.Want)
	case *kind.UniqueItems:
		return is + " has non-unique elements"
	default:
		return ""
	}
}

// objectText is text for the keywords about the members of objects, empty for others.
func (f *fault) objectText(string) string {
	switch k := f.kind.(type) {
	case *kind.Required:
		return pyjson.Repr(k.Missing[0]) + " is a required property"
	case *kind.DependentRequired:
		return pyjson.Repr(k.Missing[0]) + " is a dependency of " + pyjson.Repr(k.Prop)
	case *kind.AdditionalProperties:
		return "Additional properties are not allowed (" + unexpected(k.Properties) + ")"
	default:
		return ""
	}
}

// choiceText is text for the keywords about other schemas, empty for others.
func (f *fault) choiceText(is string) string {
	switch k := f.kind.(type) {
	case *kind.AnyOf:
		return is + " is not valid under any of the given schemas"
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			return is + " is valid under more than one of the given schemas"
		}
		return is + " is not valid under any of the given schemas"
	case *kind.FalseSchema:
		return "False schema does not allow " + is
	default:
		return ""
	}
}

// numberText is text for the limits on numbers, empty for other keywords.
func (f *fault) numberText(is string) string {
	switch k := f.kind.(type) {
	case *kind.Minimum:
		return is + " is less than the minimum of " + reprRat(k.Want)
	case *kind.Maximum:
		return is + " is greater than the maximum of " + reprRat(k.Want)
	case *kind.ExclusiveMinimum:
		return is + " is less than or equal to the minimum of " + reprRat(k.Want)
	case *kind.ExclusiveMaximum:
		return is + " is greater than or equal to the maximum of " + reprRat(k.Want)
	case *kind.MultipleOf:
		return is + " is not a multiple of " + reprRat(k.Want)
	default:
		return ""
	}
}

// sizeText is text for the limits on lengths, empty for other keywords.
func (f *fault) sizeText(is string) string {
	switch k := f.kind.(type) {
	case *kind.MinLength:
		return is + tooSmall(k.Want, " is too short")
	case *kind.MinItems:
		return is + tooSmall(k.Want, " is too short")
	case *kind.MinProperties:
		return is + tooSmall(k.Want, " does not have enough properties")
	case *kind.MaxLength:
		return is + tooLarge(k.Want, " is too long")
	case *kind.MaxItems:
		return is + tooLarge(k.Want, " is too long")
	case *kind.MaxProperties:
		return is + tooLarge(k.Want, " has too many properties")
	default:
		return ""
	}
}

func tooSmall(want int, otherwise string) string {
	if want == 1 {
		return " should be non-empty"
	}
	return otherwise
}

func tooLarge(want int, otherwise string) string {
	if want == 0 {
		return " is expected to be empty"
	}
	return otherwise
}

func unexpected(names []string) string {
	was := " was unexpected"
	if len(names) > 1 {
		was = " were unexpected"
	}
	return reprs(slices.Sorted(slices.Values(names))) + was
}

// reprs returns the texts in Python's spelling, with commas between them.
func reprs(texts []string) string {
	quoted := make([]string, 0, len(texts))
	for _, text := range texts {
		quoted = append(quoted, pyjson.Repr(text))
	}
	return strings.Join(quoted, ", ")
}

// repr returns a value in Python's spelling.
func repr(value pyjson.Value) string {
	switch value.Kind() {
	case pyjson.Bool:
		if value.Bool() {
			return "True"
		}
		return "False"
	case pyjson.Number:
		return value.Text()
	case pyjson.String:
		return pyjson.Repr(value.Text())
	case pyjson.Array:
		var items []string
		for _, item := range value.Items() {
			items = append(items, repr(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case pyjson.Object:
		var members []string
		for _, m := range value.Members() {
			members = append(members, pyjson.Repr(m.Key)+": "+repr(m.Value))
		}
		return "{" + strings.Join(members, ", ") + "}"
	default:
		return "None"
	}
}

// reprRat returns a number of a schema in Python's spelling. The schema's own spelling is
// not known: 5.0 becomes 5.
func reprRat(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	f, _ := n.Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// reprAny returns a value of a schema in Python's spelling.
func reprAny(value any) string { return repr(parsed(value)) }
