package v1alpha1

import (
	"math"
	"strconv"
	"strings"
)

// Number is a decimal number, written as a JSON number or as a text: 0.5 and
// "0.5" are the same number. The spelling is kept. The empty Number is null.
//
// The schema has no type, because two are accepted. No marker can state its
// limits: hack/tools/crdschema adds them to the rendered CRD.
//
// +kubebuilder:validation:XPreserveUnknownFields
// +kubebuilder:validation:Type=""
type Number struct {
	// Raw is the JSON text of the value.
	Raw string `json:"-"`
}

// NumberOf returns the shortest JSON number that reads back as f. f must be finite.
func NumberOf(f float64) Number { return Number{strconv.FormatFloat(f, 'g', -1, 64)} }

// Float returns the value. A number beyond the range of float64 is the largest
// of its sign. ok is false for the empty Number and for a text that is not a
// number.
func (n Number) Float() (f float64, ok bool) {
	f, err := strconv.ParseFloat(strings.Trim(n.Raw, `"`), 64)
	switch {
	case math.IsInf(f, 0):
		return math.Copysign(math.MaxFloat64, f), true
	case err != nil || math.IsNaN(f):
		return 0, false
	default:
		return f, true
	}
}

// MarshalJSON returns the number as it is spelled.
func (n Number) MarshalJSON() ([]byte, error) {
	if n.Raw == "" {
		return []byte("null"), nil
	}
	return []byte(n.Raw), nil
}

// UnmarshalJSON keeps the number as it is spelled.
func (n *Number) UnmarshalJSON(text []byte) error {
	n.Raw = string(text)
	if string(text) == "null" {
		*n = Number{}
	}
	return nil
}
