package pyjson

import (
	"math"
	"testing"
)

// value parses a JSON text.
func value(t *testing.T, text string) Value {
	t.Helper()
	v, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return v
}

func TestTruthy_matchesPython(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"null": false, "false": false, "true": true, "0": false, "-0": false, "0.0": false, "-0.0": false, "1e-400": false,
		"1": true, "0.1": true, "NaN": true, `""`: false, `" "`: true, "[]": false, "[0]": true, "{}": false, `{"":0}`: true,
	} {
		if got := value(t, text).Truthy(); got != want {
			t.Errorf("Truthy of %s = %t, want %t", text, got, want)
		}
	}
}

func TestNumber_keepsItsKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"1": true, "-5": true, "1.0": false, "1e3": false, "NaN": false, `"1"`: false, "true": false} {
		if got := value(t, text).IsInt(); got != want {
			t.Errorf("IsInt of %s = %t, want %t", text, got, want)
		}
	}
	for text, want := range map[string]float64{"1": 1, "-2.5": -2.5, "1e400": math.Inf(1), "-Infinity": math.Inf(-1), "true": math.NaN()} {
		if got := value(t, text).Float64(); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("Float64 of %s = %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]bool{"1": true, "1e400": false, "NaN": false, "-Infinity": false, "null": false} {
		if got := value(t, text).Finite(); got != want {
			t.Errorf("Finite of %s = %t, want %t", text, got, want)
		}
	}
}

func TestIntIsCanonical(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "+7": "7", "007": "7", "-007": "-7", "000": "0", "-12345678901234567890": "-12345678901234567890",
	} {
		if got := Int(text); got != want {
			t.Errorf("Int(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestMemberAndWith(t *testing.T) {
	t.Parallel()
	object := value(t, `{"a":1,"b":null}`)
	if v, found := object.Member("b"); !found || !v.IsNull() {
		t.Errorf("Member(b) = %v, %t, want null and found", v, found)
	}
	if _, found := object.Member("c"); found {
		t.Error("Member(c) was found")
	}
	if _, found := StringValue("a").Member("a"); found {
		t.Error("a string has members")
	}
	for want, got := range map[string]Value{
		`{"a":"x","b":null}`:       object.With("a", StringValue("x")),
		`{"a":1,"b":null,"c":"x"}`: object.With("c", StringValue("x")),
		`{"a":1,"b":null}`:         object,
		`"no object"`:              StringValue("no object").With("a", object),
	} {
		if text := string(got.AppendTo(nil)); text != want {
			t.Errorf("got %s, want %s", text, want)
		}
	}
}

func TestText_invalidUTF8IsReplaced(t *testing.T) {
	t.Parallel()
	if got, want := string(AppendText(nil, "a\xffb")), "\"a\ufffdb\""; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
