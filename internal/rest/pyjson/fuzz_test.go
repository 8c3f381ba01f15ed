package pyjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,"x\u00fc\ud83d\ude80",null,true]}`, "[1e400,-0.0,NaN]", `"\ud800"`, "{", "\xff", "01", "\ufeff[]", `{"a":1,"a":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text)
		standard := json.Valid(text) && utf8.Valid(text)
		if err != nil {
			if err.Pos < 0 || err.Pos > len(text) {
				t.Fatalf("position %d is outside the text", err.Pos)
			}
			if standard && err.Msg != msgDepth {
				t.Fatalf("valid JSON was refused: %v", err)
			}
			return
		}
		written := v.AppendTo(nil)
		again, err := Parse(written)
		if err != nil || string(again.AppendTo(nil)) != string(written) {
			t.Fatalf("wrote %q, read back as %q (%v)", written, again.AppendTo(nil), err)
		}
		if standard {
			compareWithStandard(t, text, written)
		}
	})
}

// compareWithStandard compares the result with that of encoding/json. It omits
// numbers beyond the range of floats, which encoding/json rejects.
func compareWithStandard(t *testing.T, text, written []byte) {
	t.Helper()
	var want, got any
	if err := json.Unmarshal(text, &want); err != nil {
		return
	}
	if err := json.Unmarshal(written, &got); err != nil {
		if strings.Contains(err.Error(), "cannot unmarshal number") {
			return
		}
		t.Fatalf("wrote %q: %v", written, err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("wrote %q of %q", written, text)
	}
}
