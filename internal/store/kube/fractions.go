package kube

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// withoutFractions decodes the JSON of one object as decode does. kube-apiserver
// before 1.36 accepts a number that differs from an integer by less than a billionth as
// an integer; Go does not. The returned text has such a number without its fraction.
func withoutFractions(kind string, text []byte) (sound []byte, object client.Object, err error) {
	for {
		object, err = decode(kind, text)
		var mismatch *json.UnmarshalTypeError
		if !errors.As(err, &mismatch) {
			return text, object, err
		}
		shorter, found := cutFraction(text, mismatch)
		if !found {
			return text, nil, err
		}
		text = shorter
	}
}

// cutFraction removes the fraction of the number that an error is about. Each call makes
// the text shorter, so the loop ends.
func cutFraction(text []byte, mismatch *json.UnmarshalTypeError) (shorter []byte, found bool) {
	number, isNumber := strings.CutPrefix(mismatch.Value, "number ")
	whole, fraction, hasFraction := strings.Cut(number, ".")
	if !isNumber || !hasFraction || !isInteger(mismatch.Type.Kind()) || strings.ContainsAny(fraction, "eE") {
		return nil, false
	}
	end := int(mismatch.Offset)
	start := end - len(number)
	if start < 0 || end > len(text) || string(text[start:end]) != number {
		return nil, false
	}
	shorter = append(shorter, text[:start]...)
	shorter = append(shorter, whole...)
	return append(shorter, text[end:]...), true
}

func isInteger(kind reflect.Kind) bool { return reflect.Int <= kind && kind <= reflect.Uint64 }
