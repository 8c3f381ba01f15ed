package pyjson

import "testing"

// The texts are what Python 3.11 writes with json.dumps(value, separators=(",", ":")).
func TestDumpedBytesIsTheLengthOfPythonsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`null`:                      `null`,
		` [ true , false , null ] `: `[true,false,null]`,
		`[]`:                        `[]`,
		`{}`:                        `{}`,
		`{"a": 1, "b": [1.0, 1e3]}`: `{"a":1,"b":[1.0,1000.0]}`,
		`{"b": {"": {}}}`:           `{"b":{"":{}}}`,
		`[NaN, -Infinity, 1e400]`:   `[NaN,-Infinity,Infinity]`,
		`12345678901234567890`:      `12345678901234567890`,
		`"a\/\"\\b"`:                `"a/\"\\b"`,
		`"\n\r\t\f\b\u0001\u007f~"`: `"\n\r\t\f\b\u0001\u007f~"`,
		`"ü日本"`:                     `"\u00fc\u65e5\u672c"`,
		`"😀"`:                       `"\ud83d\ude00"`,
	} {
		value, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := value.DumpedBytes(); got != len(want) {
			t.Errorf("%s: %d bytes, want %d of %s", text, got, len(want), want)
		}
	}
}
