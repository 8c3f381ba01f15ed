package validate

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Text reads a string. It does not convert other values.
func (n Node) Text() string {
	if n.Value.Kind() != pyjson.String {
		n.Add("string_type", "Input should be a valid string", nil)
		return ""
	}
	return n.Value.Text()
}

// TextUpTo is Text for strings up to a maximum number of characters.
func (n Node) TextUpTo(most int) string {
	text := n.Text()
	if utf8.RuneCountInString(text) > most {
		bound := strconv.Itoa(most)
		n.Add("string_too_long", "String should have at most "+bound+" characters", pyjson.BeginObject(nil).Int("max_length", int64(most)).End())
	}
	return text
}

const notBool = "Input should be a valid boolean"

// The texts that are accepted as booleans, in lower case.
var (
	wordsTrue  = []string{"1", "on", "t", "true", "y", "yes"}
	wordsFalse = []string{"0", "off", "f", "false", "n", "no"}
)

// Bool reads a boolean, 0 or 1, or one of the words above in any case.
func (n Node) Bool() bool {
	switch n.Value.Kind() {
	case pyjson.Bool:
		return n.Value.Bool()
	case pyjson.Number:
		return n.boolOfNumber()
	case pyjson.String:
		word := strings.ToLower(n.Value.Text())
		truth := slices.Contains(wordsTrue, word)
		if !truth && !slices.Contains(wordsFalse, word) {
			n.Add("bool_parsing", notBool+", unable to interpret input", nil)
		}
		return truth
	default:
		n.Add("bool_type", notBool, nil)
		return false
	}
}

func (n Node) boolOfNumber() bool {
	f := n.Value.Float64()
	switch {
	case f == 0 || f == 1:
		return f == 1
	case isInt64(f):
		n.Add("bool_parsing", notBool+", unable to interpret input", nil)
	default:
		n.Add("bool_type", notBool, nil)
	}
	return false
}

// Enum reads one of the allowed words.
func Enum[T ~string](n Node, words ...T) T {
	if n.Value.Kind() == pyjson.String && slices.Contains(words, T(n.Value.Text())) {
		return T(n.Value.Text())
	}
	expected := oneOf(words)
	n.Add("enum", "Input should be "+expected, Context("expected", expected))
	return ""
}

// Literal reads one of the allowed words, often the only one.
func (n Node) Literal(words ...string) string {
	if n.Value.Kind() == pyjson.String && slices.Contains(words, n.Value.Text()) {
		return n.Value.Text()
	}
	expected := oneOf(words)
	n.Add("literal_error", "Input should be "+expected, Context("expected", expected))
	return ""
}

// Name reads a text that can be part of a path: not empty, and without the
// characters that Prefect does not allow in names.
func (n Node) Name() string {
	const pattern = "^[^/%&><]+$"
	text := n.Text()
	if n.Value.Kind() == pyjson.String && (text == "" || strings.ContainsAny(text, "/%&><")) {
		n.Add("string_pattern_mismatch", "String should match pattern '"+pattern+"'", Context("pattern", pattern))
	}
	return text
}

// oneOf joins words: 'a', 'b' or 'c'.
func oneOf[T ~string](words []T) string {
	var b strings.Builder
	for i, word := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString("'" + string(word) + "'")
	}
	return b.String()
}
