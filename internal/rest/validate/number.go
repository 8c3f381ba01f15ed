package validate

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

const (
	notInt   = "Input should be a valid integer"
	notFloat = "Input should be a valid number"

	// maxIntText is the maximum length of a text that is read as an integer.
	maxIntText = 4300
	// firstNoInt64 is the smallest float that is too large for an int64.
	firstNoInt64 = 1 << 63
)

// Int reads an integer of any size and returns its canonical text. It accepts
// floats without a fraction, decimal texts and booleans.
func (n Node) Int() string {
	switch v := n.Value; {
	case v.IsInt():
		return v.Text()
	case v.Kind() == pyjson.Number:
		return n.intOfFloat()
	case v.Kind() == pyjson.Bool:
		return intOfBool(v)
	case v.Kind() == pyjson.String:
		return n.intOfText()
	default:
		n.Add("int_type", notInt, nil)
		return "0"
	}
}

func intOfBool(v pyjson.Value) string {
	if v.Bool() {
		return "1"
	}
	return "0"
}

func (n Node) intOfFloat() string {
	f := n.Value.Float64()
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		n.Add("finite_number", "Input should be a finite number", nil)
	case f != math.Trunc(f):
		n.Add("int_from_float", notInt+", got a number with a fractional part", nil)
	case !isInt64(f):
		n.addTooLong()
	default:
		return strconv.FormatInt(int64(f), 10)
	}
	return "0"
}

func (n Node) intOfText() string {
	text := strings.TrimSpace(n.Value.Text())
	if len(text) > maxIntText {
		n.addTooLong()
		return "0"
	}
	text = withoutZeroFraction(text)
	sign := ""
	if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
		sign, text = text[:1], text[1:]
	}
	digits, ok := withoutUnderscores(text)
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		n.Add("int_parsing", notInt+", unable to parse string as an integer", nil)
		return "0"
	}
	return pyjson.Int(sign + digits)
}

func (n Node) addTooLong() {
	n.Add("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size", nil)
}

// SmallInt reads an integer. It returns the nearest int for an integer that does
// not fit an int.
func (n Node) SmallInt() int {
	i, _ := strconv.Atoi(n.Int()) // with ErrRange, Atoi returns the nearest int
	return i
}

// Natural is SmallInt for integers that are at least 0.
func (n Node) Natural() int { return n.AtLeast(0) }

// AtLeast is SmallInt for integers that are at least a minimum.
func (n Node) AtLeast(least int) int {
	if !n.Sound(func(n Node) { n.Int() }) {
		n.Int() // at most one error is reported
		return least
	}
	i := n.SmallInt()
	if i < least {
		bound := strconv.Itoa(least)
		n.Add("greater_than_equal", "Input should be greater than or equal to "+bound, pyjson.BeginObject(nil).Int("ge", int64(least)).End())
	}
	return i
}

// Within is AtLeast for integers that are not more than another.
func (n Node) Within(least, most int) int { return n.notAbove(n.AtLeast(least), most) }

// AtMost is SmallInt for integers that are not more than another.
func (n Node) AtMost(most int) int { return n.notAbove(n.SmallInt(), most) }

func (n Node) notAbove(i, most int) int {
	if i > most {
		bound := strconv.Itoa(most)
		n.Add("less_than_equal", "Input should be less than or equal to "+bound, pyjson.BeginObject(nil).Int("le", int64(most)).End())
	}
	return i
}

// Positive is SmallInt for integers greater than 0.
func (n Node) Positive() int {
	if !n.Sound(func(n Node) { n.Int() }) {
		n.Int()
		return 1
	}
	i := n.SmallInt()
	if i <= 0 {
		n.Add("greater_than", "Input should be greater than 0", []byte(`{"gt":0}`))
	}
	return i
}

// Bound is one limit of a range of floats.
type Bound struct {
	kind, text string // of the error
	context    []byte
	beyond     func(f float64) bool
}

// AtLeast returns an inclusive lower limit.
func AtLeast(least float64) Bound {
	return bound("greater_than_equal", "greater than or equal to", "ge", least, func(f float64) bool { return f < least })
}

// AtMost returns an inclusive upper limit.
func AtMost(most float64) Bound {
	return bound("less_than_equal", "less than or equal to", "le", most, func(f float64) bool { return f > most })
}

// Above returns an exclusive lower limit.
func Above(least float64) Bound {
	return bound("greater_than", "greater than", "gt", least, func(f float64) bool { return f <= least })
}

// bound returns a limit with the texts of its error. Msg has the number in its
// shortest form, Ctx as a float.
func bound(kind, text string, key pyjson.Key, at float64, beyond func(float64) bool) Bound {
	short := strconv.FormatFloat(at, 'f', -1, 64)
	return Bound{kind, text + " " + short, pyjson.BeginObject(nil).Float(key, at).End(), beyond}
}

// Number reads a finite float within bounds. It rejects infinity and NaN, which
// Prefect's validators accept but later code cannot process.
func (n Node) Number(bounds ...Bound) float64 {
	if !n.Sound(func(n Node) { n.Float() }) {
		n.Float()
		return 0
	}
	f, _ := strconv.ParseFloat(n.Float(), 64) // with ErrRange, ParseFloat returns an infinity
	if math.IsNaN(f) || math.IsInf(f, 0) {
		n.Add("finite_number", "Input should be a finite number", nil)
		return 0
	}
	for _, b := range bounds {
		if b.beyond(f) {
			n.Add(b.kind, "Input should be "+b.text, b.context)
			return 0
		}
	}
	return f
}

// isInt64 reports whether the float is an integer that fits an int64.
func isInt64(f float64) bool { return f == math.Trunc(f) && math.Abs(f) < firstNoInt64 }

// withoutZeroFraction converts 5.00 to 5.
func withoutZeroFraction(text string) string {
	whole, fraction, ok := strings.Cut(text, ".")
	if ok && fraction != "" && strings.Trim(fraction, "0") == "" {
		return whole
	}
	return text
}

// withoutUnderscores removes single underscores between other characters.
func withoutUnderscores(text string) (string, bool) {
	if strings.HasPrefix(text, "_") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return text, false
	}
	return strings.ReplaceAll(text, "_", ""), true
}

// Float reads a number and returns Python's text of the float, see pyjson.Float.
// It accepts decimal texts and booleans.
func (n Node) Float() string {
	switch v := n.Value; {
	case v.IsInt():
		if f := v.Float64(); !math.IsInf(f, 0) {
			return pyjson.Float(f)
		}
	case v.Kind() == pyjson.Number:
		return v.Text()
	case v.Kind() == pyjson.Bool:
		return intOfBool(v) + ".0"
	case v.Kind() == pyjson.String:
		f, ok := floatOfText(v.Text())
		if !ok {
			n.Add("float_parsing", notFloat+", unable to parse string as a number", nil)
		}
		return pyjson.Float(f)
	}
	n.Add("float_type", notFloat, nil)
	return "0.0"
}

// floatOfText parses a text as Python's float() does. It does not accept
// hexadecimal numbers.
func floatOfText(text string) (float64, bool) {
	if strings.Contains(text, "_") { // then surrounding spaces are not allowed
		plain, ok := withoutUnderscores(text)
		if !ok || plain != strings.TrimSpace(plain) {
			return 0, false
		}
		text = plain
	}
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "xXpP") {
		return 0, false
	}
	if strings.EqualFold(strings.TrimLeft(text, "+-"), "nan") && len(text) <= len("+nan") {
		return math.NaN(), true
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil || errors.Is(err, strconv.ErrRange)
}
