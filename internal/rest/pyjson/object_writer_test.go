package pyjson

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestObjectWriter_membersInOrderWithCommas(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	cases := map[string]struct {
		write func(ObjectWriter) ObjectWriter
		want  string
	}{
		"no members":            {func(o ObjectWriter) ObjectWriter { return o }, `{}`},
		"one member":            {func(o ObjectWriter) ObjectWriter { return o.Null("a") }, `{"a":null}`},
		"text":                  {func(o ObjectWriter) ObjectWriter { return o.Text("a", `é"`).Text("b", "") }, `{"a":"é\"","b":""}`},
		"a nil text and a text": {func(o ObjectWriter) ObjectWriter { return o.TextOrNull("a", nil).TextOrNull("b", new("")) }, `{"a":null,"b":""}`},
		"an empty text":         {func(o ObjectWriter) ObjectWriter { return o.NonEmpty("a", "").NonEmpty("b", "x") }, `{"a":null,"b":"x"}`},
		"numbers":               {func(o ObjectWriter) ObjectWriter { return o.Int("a", -1).Float("b", 2) }, `{"a":-1,"b":2.0}`},
		"booleans": {
			func(o ObjectWriter) ObjectWriter {
				return o.Bool("a", false).BoolOrNull("b", nil).BoolOrNull("c", new(true))
			},
			`{"a":false,"b":null,"c":true}`,
		},
		"times": {
			func(o ObjectWriter) ObjectWriter {
				return o.Time("a", at).TimeOrNull("b", nil).TimeOrNull("c", &at).Seconds("d", 1500*time.Millisecond)
			},
			`{"a":"2031-02-03T04:05:06Z","b":null,"c":"2031-02-03T04:05:06Z","d":1.5}`,
		},
		"values": {
			func(o ObjectWriter) ObjectWriter {
				return o.Raw("a", []byte(`[1, 2]`)).Raw("b", nil).Value("c", StringValue("x"))
			},
			`{"a":[1, 2],"b":null,"c":"x"}`,
		},
		"missing optional members": {
			func(o ObjectWriter) ObjectWriter {
				return o.OptionalText("a", nil).OptionalNonEmpty("b", "").OptionalTime("c", nil).OptionalTrue("d", false)
			},
			`{}`,
		},
		"optional members": {
			func(o ObjectWriter) ObjectWriter {
				return o.OptionalText("a", new("")).OptionalNonEmpty("b", "x").OptionalTime("c", &at).OptionalTrue("d", true)
			},
			`{"a":"","b":"x","c":"2031-02-03T04:05:06Z","d":true}`,
		},
		"a key with characters to escape": {
			func(o ObjectWriter) ObjectWriter { return ObjectWriter(AppendText(o.TextMember(`{"`), "{")).Null("b") },
			`{"{\"":"{","b":null}`,
		},
		"nested objects and lists": {
			func(o ObjectWriter) ObjectWriter {
				o = BeginObject(o.Member("a")).End()
				o = BeginObject(o.Member("b")).Null("c").End()
				o = AppendList(o.Member("d"), []string{"x", "y"}, AppendText)
				return AppendList(o.Member("e"), nil, AppendText)
			},
			`{"a":{},"b":{"c":null},"d":["x","y"],"e":[]}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(tc.write(BeginObject([]byte("before "))).End()); got != "before "+tc.want {
				t.Errorf("got %s, want before %s", got, tc.want)
			}
		})
	}
}

func TestObjectWriter_allocatesNothingInALongBuffer(t *testing.T) {
	at := time.Date(2031, 2, 3, 4, 5, 6, 7000, time.FixedZone("", 3600))
	b, text := make([]byte, 0, 1024), "x"
	if n := testing.AllocsPerRun(100, func() {
		BeginObject(b).Text("a", text).TextOrNull("b", &text).Time("c", at).Int("d", 1).Float("e", 1.5).Raw("f", []byte("{}")).End()
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// Each byte has the same result alone and at any position of a text of any length.
func TestAppendText_eachByteAtEachPosition(t *testing.T) {
	t.Parallel()
	for length := 1; length <= 25; length++ {
		for position := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("a", length))
				text[position] = byte(c)
				alone := string(AppendText(nil, string(text[position:position+1])))
				want := strconv.Quote(strings.Repeat("a", position))
				want = want[:len(want)-1] + alone[1:len(alone)-1] + strings.Repeat("a", length-position-1) + `"`
				if got := string(AppendText(nil, string(text))); got != want {
					t.Fatalf("AppendText(%q) = %s, want %s", text, got, want)
				}
			}
		}
	}
}
