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

	// maxIntText is how long a text may be to be read as an integer.
	maxIntText = 4300
	// firstNoInt64 is the least float that is too large for an int64.
	firstNoInt64 = 1 << 63
)

// Int reads an integer of any size and returns its canonical text. Floats
// without a fraction, decimal texts and booleans are taken for integers.
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

// SmallInt reads an integer; one that does not fit an int is the nearest that
// does.
func (n Node) SmallInt() int {
	i, _ := strconv.Atoi(n.Int()) // beside ErrRange stands the nearest int
	return i
}

// Natural is SmallInt for integers that are not negative.
func (n Node) Natural() int { return n.AtLeast(0) }

// AtLeast is SmallInt for integers that are not less than another.
func (n Node) AtLeast(least int) int {
	if !n.Sound(func(n Node) { n.Int() }) {
		n.Int() // so that one fault is reported
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

// Positive is SmallInt for integers above 0.
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

// Bound is an end of a range of floats.
type Bound struct {
	kind, text string // of the fault
	context    []byte
	beyond     func(f float64) bool
}

// AtLeast bounds floats from below.
func AtLeast(least float64) Bound {
	return bound("greater_than_equal", "greater than or equal to", "ge", least, func(f float64) bool { return f < least })
}

// AtMost bounds floats from above.
func AtMost(most float64) Bound {
	return bound("less_than_equal", "less than or equal to", "le", most, func(f float64) bool { return f > most })
}

// Above bounds floats from below; the bound itself is not allowed.
func Above(least float64) Bound {
	return bound("greater_than", "greater than", "gt", least, func(f float64) bool { return f <= least })
}

// bound words the fault. The text has the number as short as can be, the context
// as a float.
func bound(kind, text string, key pyjson.Key, at float64, beyond func(float64) bool) Bound {
	short := strconv.FormatFloat(at, 'f', -1, 64)
	return Bound{kind, text + " " + short, pyjson.BeginObject(nil).Float(key, at).End(), beyond}
}

// Number reads a finite float within bounds. Infinity and NaN pass Prefect's
// validators and break what comes after them; here they are told to be invalid.
func (n Node) Number(bounds ...Bound) float64 {
	if !n.Sound(func(n Node) { n.Float() }) {
		n.Float()
		return 0
	}
	f, _ := strconv.ParseFloat(n.Float(), 64) // infinite beside ErrRange
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

// withoutZeroFraction makes 5 of 5.00.
func withoutZeroFraction(text string) string {
	whole, fraction, ok := strings.Cut(text, ".")
	if ok && fraction != "" && strings.Trim(fraction, "0") == "" {
		return whole
	}
	return text
}

// withoutUnderscores takes out single underscores that stand between others.
func withoutUnderscores(text string) (string, bool) {
	if strings.HasPrefix(text, "_") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return text, false
	}
	return strings.ReplaceAll(text, "_", ""), true
}

// Float reads a number and returns the text that Python gives it as a float,
// see pyjson.Float. Decimal texts and booleans are taken for numbers.
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

// floatOfText reads the spellings that Python's float() knows too. Hexadecimal
// ones are not among them.
func floatOfText(text string) (float64, bool) {
	if strings.Contains(text, "_") { // then blanks around are not allowed
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
