package objectjson

import (
	"encoding/json"
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func refuse(*state, reflect.Value) error { return ErrRefused }

// decodeOther decodes a value of a rare type.
func decodeOther(s *state, v reflect.Value) error {
	raw, err := s.raw()
	if err != nil {
		return err
	}
	return refusedUnless(json.Unmarshal(raw, v.Addr().Interface()))
}

func decodeUnmarshaler(s *state, v reflect.Value) error {
	raw, err := s.raw()
	if err != nil {
		return err
	}
	into, ok := reflect.TypeAssert[json.Unmarshaler](v.Addr())
	if !ok {
		return ErrRefused
	}
	return refusedUnless(into.UnmarshalJSON(raw))
}

// decodeTime decodes a metav1.Time as its UnmarshalJSON does.
func decodeTime(s *state, v reflect.Value) error {
	into, ok := reflect.TypeAssert[*metav1.Time](v.Addr())
	if !ok {
		return ErrRefused
	}
	if null, err := s.null(); null || err != nil {
		*into = metav1.Time{}
		return err
	}
	text, err := s.plain()
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, string(text))
	*into = metav1.NewTime(at.Local())
	return refusedUnless(err)
}

func decodeString(s *state, v reflect.Value) error {
	if null, err := s.null(); null || err != nil {
		return err
	}
	text, err := s.string()
	if err == nil {
		v.SetString(text)
	}
	return err
}

func decodeBool(s *state, v reflect.Value) error {
	switch s.peek() {
	case 't':
		v.SetBool(true)
		return s.literal("true")
	case 'f':
		v.SetBool(false)
		return s.literal("false")
	default:
		return s.literal("null")
	}
}

func decodeInt(s *state, v reflect.Value) error {
	if null, err := s.null(); null || err != nil {
		return err
	}
	start := s.at
	if err := s.number(); err != nil {
		return err
	}
	n, ok := integer(s.text[start:s.at])
	if !ok || v.OverflowInt(n) {
		return ErrRefused
	}
	v.SetInt(n)
	return nil
}

// maxDigits is the maximum number of digits that always fit an int64.
const maxDigits = 18

// integer returns the value of a JSON number without fraction and exponent.
func integer(text []byte) (n int64, ok bool) {
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > maxDigits {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}

func refusedUnless(err error) error {
	if err != nil {
		return ErrRefused
	}
	return nil
}
