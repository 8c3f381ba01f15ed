package pyjson

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse_readsTheSameValuesAsPython(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"spaces between tokens":                                   {" \n[1 ,\t2 ]\r", "[1,2]"},
		"empty containers":                                        {"[[],{}]", "[[],{}]"},
		"a byte order mark is skipped":                            {"\ufeff{}", "{}"},
		"the last of equal keys at the first position":            {`{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
		"the order of keys is kept":                               {`{"b":1,"a":2}`, `{"b":1,"a":2}`},
		"integers of any size":                                    {"-123456789012345678901234567890", "-123456789012345678901234567890"},
		"an integer has no negative zero":                         {"-0", "0"},
		"a float has a negative zero":                             {"-0.0", "-0.0"},
		"an exponent makes a float":                               {"1e3", "1000.0"},
		"large floats have an exponent":                           {"[1e15,1E16,1.5e+300]", "[1000000000000000.0,1e+16,1.5e+300]"},
		"small floats have an exponent":                           {"[0.0001,0.00001]", "[0.0001,1e-05]"},
		"numbers that JSON does not support become null":          {"[NaN,Infinity,-Infinity,1e400]", "[null,null,null,null]"},
		"characters are not escaped without need":                 {`"\u00fc\/<&>\u2028\u007f"`, "\"ü/<&>\u2028\u007f\""},
		"control characters, quotes and backslashes are escaped":  {`"\u0000\b\f\n\r\t\u001f\"\\"`, `"\u0000\b\f\n\r\t\u001f\"\\"`},
		"a surrogate pair is one character":                       {`"\ud83d\ude80"`, `"🚀"`},
		"an unpaired surrogate is replaced":                       {`"\ud800x\udc00"`, "\"\ufffdx\ufffd\""},
		"an unpaired surrogate before a pair is replaced":         {`"\ud800\ud83d\ude80"`, "\"\ufffd🚀\""},
		"an unpaired surrogate before another escape is replaced": {`"\ud800\n"`, "\"\ufffd\\n\""},
		"the maximum nesting":                                     {deep(MaxDepth), deep(MaxDepth)},
		"an escaped key equals the same key without an escape":    {`{"\u0061":1,"a":2}`, `{"a":2}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := Parse([]byte(tc.text))
			if err != nil {
				t.Fatalf("Parse(%q): %v", tc.text, err)
			}
			if got := string(v.AppendTo(nil)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestParse_returnsPythonsErrorTexts(t *testing.T) {
	t.Parallel()
	cases := map[string]SyntaxError{
		"":                       {msgValue, 0},
		" \n":                    {msgValue, 2},
		"{":                      {msgKey, 1},
		"{'a':1}":                {msgKey, 1},
		`{"a":1,}`:               {msgKey, 7},
		`{"a"}`:                  {msgColon, 4},
		`{"a":}`:                 {msgValue, 5},
		`{"ü":1 "b":2}`:          {msgComma, 7},
		"\ufeff{\"a\":1":         {msgComma, 6},
		"[":                      {msgValue, 1},
		"[1":                     {msgComma, 2},
		"[1,]":                   {msgValue, 3},
		"{}{}":                   {msgExtra, 2},
		"01":                     {msgExtra, 1},
		"1.":                     {msgExtra, 1},
		"1e+":                    {msgExtra, 1},
		"-":                      {msgValue, 0},
		"+1":                     {msgValue, 0},
		"nul":                    {msgValue, 0},
		"-Inf":                   {msgValue, 0},
		"task_key=k":             {msgValue, 0},
		`"abc`:                   {msgUnterminated, 0},
		`["ü", "abc\`:            {msgUnterminated, 6},
		"\"a\nb\"":               {msgControl, 2},
		`"a\x"`:                  {msgEscape, 2},
		`"\u12g4"`:               {msgUnicode, 2},
		`"\u12`:                  {msgUnicode, 2},
		`"\ud800\u12g4"`:         {msgUnicode, 8},
		"\"é\xff\"":              {msgEncoding, 2},
		deep(MaxDepth + 1):       {msgDepth, MaxDepth},
		strings.Repeat("[", 1e6): {msgDepth, MaxDepth},
	}
	for text, want := range cases {
		_, err := Parse([]byte(text))
		if err == nil {
			t.Errorf("%.40q was read, want %v", text, &want)
			continue
		}
		if diff := cmp.Diff(want, *err); diff != "" {
			t.Errorf("%.40q (-want +got):\n%s", text, diff)
		}
		if !strings.Contains(err.Error(), want.Msg) {
			t.Errorf("Error() = %q, want the complaint in it", err.Error())
		}
	}
}
