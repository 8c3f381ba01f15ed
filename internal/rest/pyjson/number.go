package pyjson

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// The texts of the numbers that Python's json supports and JSON does not.
const (
	textNaN         = "NaN"
	textInfinity    = "Infinity"
	textNegInfinity = "-Infinity"
)

// Int returns the canonical text of an integer in decimal digits, with or
// without a sign: without a plus, leading zeros or a negative zero. The size of
// the integer is not limited.
func Int(digits string) string {
	digits, negative := strings.CutPrefix(digits, "-")
	digits = strings.TrimLeft(strings.TrimPrefix(digits, "+"), "0")
	switch {
	case digits == "":
		return "0"
	case negative:
		return "-" + digits
	default:
		return digits
	}
}

// Between these values, Python writes floats without an exponent.
const (
	leastPlain  = 1e-4
	firstTooBig = 1e16
)

// Float returns Python's text of a float, which differs from that of an
// integer: 1000.0, 1e+16, -0.0; and NaN, Infinity, -Infinity.
func Float(f float64) string { return string(AppendFloat(nil, f)) }

// AppendFloat appends the text that Float returns.
func AppendFloat(b []byte, f float64) []byte {
	size := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(b, textNaN...)
	case math.IsInf(f, 1):
		return append(b, textInfinity...)
	case math.IsInf(f, -1):
		return append(b, textNegInfinity...)
	case size != 0 && (size < leastPlain || size >= firstTooBig):
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	from := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	if bytes.IndexByte(b[from:], '.') < 0 {
		b = append(b, ".0"...)
	}
	return b
}

// Float64 returns the nearest float of a number, or an infinity for a number
// beyond the range of floats. It returns NaN for any other value.
func (v Value) Float64() float64 {
	if v.kind != Number {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(v.text, 64) // with ErrRange, ParseFloat returns an infinity
	return f
}

// Finite reports whether the value is a number that JSON supports.
func (v Value) Finite() bool {
	return v.kind == Number && v.text != textNaN && v.text != textInfinity && v.text != textNegInfinity
}

func intValue(digits string) Value {
	return Value{kind: Number, whole: true, text: Int(digits)}
}

func floatValue(text string) Value {
	f, _ := strconv.ParseFloat(text, 64) // with ErrRange, ParseFloat returns an infinity
	return Value{kind: Number, text: Float(f)}
}
