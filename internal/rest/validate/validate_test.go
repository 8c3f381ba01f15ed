package validate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// node returns a node of JSON text. Its errors are collected in faults.
func node(t *testing.T, text string) (Node, *Faults) {
	t.Helper()
	value, err := pyjson.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	faults := &Faults{}
	return faults.Node(value, "body", "x"), faults
}

// summary lists the types of the errors and their locs relative to the node.
func summary(faults *Faults) string {
	var lines []string
	for _, e := range faults.Errors() {
		line := e.Type
		if more := e.Loc[2:]; len(more) > 0 {
			text, err := json.Marshal(more)
			if err != nil {
				return err.Error()
			}
			line += string(text)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, " ")
}

// checkReads runs a table of "JSON text -> result or error".
func checkReads(t *testing.T, read func(Node) string, wants map[string]string, refusals map[string]string) {
	t.Helper()
	for text, want := range wants {
		n, faults := node(t, text)
		if got := read(n); got != want || len(faults.Errors()) > 0 {
			t.Errorf("%s: read %q with faults %q, want %q", text, got, summary(faults), want)
		}
	}
	for text, want := range refusals {
		n, faults := node(t, text)
		read(n)
		if got := summary(faults); got != want {
			t.Errorf("%s: faults %q, want %q", text, got, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	checkReads(t, Node.Text,
		map[string]string{`""`: "", `" ü "`: " ü "},
		map[string]string{"1": "string_type", "true": "string_type", "null": "string_type", "[]": "string_type", "{}": "string_type"})
}

func TestInt(t *testing.T) {
	t.Parallel()
	checkReads(t, Node.Int,
		map[string]string{
			"5": "5", "-0": "0", "2.0": "2", "-0.0": "0", "1e18": "1000000000000000000", "true": "1", "false": "0",
			`"5"`: "5", `" 5 "`: "5", `"+5"`: "5", `"-05"`: "-5", `"5.00"`: "5", `"5_000"`: "5000", `"1_0.0"`: "10",
			"123456789012345678901234567890": "123456789012345678901234567890", `"-123456789012345678901234567890"`: "-123456789012345678901234567890",
		},
		map[string]string{
			"1.5": "int_from_float", "NaN": "finite_number", "1e400": "finite_number", "1e20": "int_parsing_size",
			`"x"`: "int_parsing", `""`: "int_parsing", `"1.5"`: "int_parsing", `"5."`: "int_parsing", `".0"`: "int_parsing", `"1e3"`: "int_parsing",
			`"0x5"`: "int_parsing", `"_5"`: "int_parsing", `"-_5"`: "int_parsing", `"5__0"`: "int_parsing", `"- 5"`: "int_parsing", `"５"`: "int_parsing",
			`"` + strings.Repeat("9", maxIntText+1) + `"`: "int_parsing_size",
			"null": "int_type", "[]": "int_type", "{}": "int_type",
		})
}

func TestSmallNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"7": 7, `"7"`: 7, "123456789012345678901234567890": 1<<63 - 1, "-123456789012345678901234567890": -1 << 63} {
		if n, faults := node(t, text); n.SmallInt() != want || len(faults.Errors()) > 0 {
			t.Errorf("SmallInt of %s = %d, want %d", text, n.SmallInt(), want)
		}
	}
	read := func(n Node) string { return string(rune('0' + max(n.Natural(), 0))) }
	checkReads(t, read,
		map[string]string{"0": "0", "3": "3"},
		map[string]string{"-1": "greater_than_equal", `"x"`: "int_parsing"})
}

func TestFloat(t *testing.T) {
	t.Parallel()
	checkReads(t, Node.Float,
		map[string]string{
			"5": "5.0", "2.5": "2.5", "-0.0": "-0.0", "1e16": "1e+16", "true": "1.0", "NaN": "NaN", "1e400": "Infinity",
			`" 5 "`: "5.0", `"5."`: "5.0", `".5"`: "0.5", `"1e3"`: "1000.0", `"5_000"`: "5000.0", `"inf"`: "Infinity", `"-Infinity"`: "-Infinity",
			`"+nan"`: "NaN", `"1e400"`: "Infinity",
		},
		map[string]string{
			`"x"`: "float_parsing", `""`: "float_parsing", `"0x5"`: "float_parsing", `"_1"`: "float_parsing", `"1__0"`: "float_parsing",
			`"5_0 "`: "float_parsing", `"."`: "float_parsing", `"1e"`: "float_parsing", `"infini"`: "float_parsing",
			"null": "float_type", "[]": "float_type", "{}": "float_type", "1" + strings.Repeat("0", 400): "float_type",
		})
}

func TestBool(t *testing.T) {
	t.Parallel()
	read := func(n Node) string {
		if n.Bool() {
			return "true"
		}
		return "false"
	}
	checkReads(t, read,
		map[string]string{
			"true": "true", "false": "false", "1": "true", "0": "false", "1.0": "true", "-0.0": "false",
			`"TRUE"`: "true", `"On"`: "true", `"t"`: "true", `"Y"`: "true", `"yes"`: "true", `"1"`: "true",
			`"False"`: "false", `"off"`: "false", `"f"`: "false", `"n"`: "false", `"NO"`: "false", `"0"`: "false",
		},
		map[string]string{
			`"maybe"`: "bool_parsing", `""`: "bool_parsing", `" true"`: "bool_parsing", "2": "bool_parsing", "-1": "bool_parsing", "2.0": "bool_parsing",
			"0.5": "bool_type", "NaN": "bool_type", "1e30": "bool_type", "1000000000000000000000": "bool_type",
			"null": "bool_type", "[]": "bool_type", "{}": "bool_type",
		})
}

func TestUUID(t *testing.T) {
	t.Parallel()
	const id = "0198a1b2-0000-7000-8000-00000000000a"
	checkReads(t, Node.UUID,
		map[string]string{
			`"` + id + `"`: id, `"` + strings.ToUpper(id) + `"`: id, `"` + strings.ReplaceAll(id, "-", "") + `"`: id,
			`"{` + id + `}"`: id, `"urn:uuid:` + id + `"`: id,
		},
		map[string]string{"1": "uuid_type", "null": "uuid_type", "true": "uuid_type", "[]": "uuid_type", "{}": "uuid_type"})
	for text, want := range map[string]string{
		"":                                       "invalid length: expected length 32 for simple format, found 0",
		"abc":                                    "invalid length: expected length 32 for simple format, found 3",
		"x":                                      "invalid character: found `x` at 1",
		"a日b":                                    "invalid character: found `日` at 2",
		"{x}":                                    "invalid character: found `x` at 2",
		"urn:uuid:x":                             "invalid character: found `x` at 10",
		"URN:UUID:" + id:                         "invalid character: found `U` at 1",
		"{" + id:                                 "invalid character: found `{` at 1",
		"{0198a1b2-0000-7000-8000-0000000g000a}": "invalid character: found `g` at 32",
		"{}":                                     "invalid group count: expected 5, found 1",
		"{0198a1b2000070008000000000000000}":     "invalid group count: expected 5, found 1",
		id + "-":                                 "invalid group count: expected 5, found 6",
		"0198a1b200007000-8000000000000000":      "invalid group count: expected 5, found 2",
		"1-2-3-4-5":                              "invalid group length in group 0: expected 8, found 1",
		"----":                                   "invalid group length in group 0: expected 8, found 0",
		"0198a1b2-0000-7000-80000-00000000000":   "invalid group length in group 3: expected 4, found 5",
		id + "0":                                 "invalid group length in group 4: expected 12, found 13",
		"{" + id + "0}":                          "invalid group length in group 4: expected 12, found 15",
	} {
		faults := &Faults{}
		faults.Node(pyjson.StringValue(text)).UUID()
		wants := []Error{{
			Type: "uuid_parsing", Msg: "Input should be a valid UUID, " + want, Input: pyjson.StringValue(text), Ctx: Context("error", want),
		}}
		if diff := cmp.Diff(wants, faults.Errors(), cmp.AllowUnexported(pyjson.Value{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestEnumAndLiteral(t *testing.T) {
	t.Parallel()
	checkReads(t, func(n Node) string { return Enum(n, "A", "B", "C") },
		map[string]string{`"A"`: "A", `"C"`: "C"},
		map[string]string{`"a"`: "enum", `""`: "enum", "1": "enum", "null": "enum", "[]": "enum"})
	for want, words := range map[string][]string{"'A'": {"A"}, "'A' or 'B'": {"A", "B"}, "'A', 'B' or 'C'": {"A", "B", "C"}} {
		n, faults := node(t, "1")
		Enum(n, words...)
		if got := faults.Errors()[0]; got.Msg != "Input should be "+want || string(got.Ctx) != `{"expected":"`+want+`"}` {
			t.Errorf("fault %s %s, want the words %s", got.Msg, got.Ctx, want)
		}
	}
	checkReads(t, func(n Node) string { n.Literal("A"); return "" },
		map[string]string{`"A"`: ""},
		map[string]string{`"B"`: "literal_error", "null": "literal_error"})
}

func TestTime(t *testing.T) {
	t.Parallel()
	read := func(n Node) string { return n.Time().Format(time.RFC3339Nano) }
	const broken, wrong = "Value error, Unable to parse string [%s]", "value is not a valid datetime"
	checkReads(t, read,
		map[string]string{
			`"2031-02-03T04:05:06Z"`: "2031-02-03T04:05:06Z", `"2031-02-03t04:05:06z"`: "2031-02-03T04:05:06Z",
			`"2031-02-03_04:05:06Z"`: "2031-02-03T04:05:06Z", `"2031-02-03 04:05:06+00:00"`: "2031-02-03T04:05:06Z",
			`"2031-02-03T04:05:06.1Z"`: "2031-02-03T04:05:06.1Z", `"2031-02-03T04:05:06,5Z"`: "2031-02-03T04:05:06.5Z",
			`"2031-02-03T04:05:06.1234569Z"`: "2031-02-03T04:05:06.123456Z",
			`"2031-02-03T04:05:06+02:00"`:    "2031-02-03T04:05:06+02:00", `"2031-02-03T04:05:06-0530"`: "2031-02-03T04:05:06-05:30",
			`"2031-02-03T04:05:06−02:00"`: "2031-02-03T04:05:06-02:00", `"2031-02-03T04:05:06-00:00"`: "2031-02-03T04:05:06Z",
			`"2031-02-03T04:05:06"`: "2031-02-03T04:05:06Z", `"2031-02-03T04:05"`: "2031-02-03T04:05:00Z", `"2031-02-03"`: "2031-02-03T00:00:00Z",
			`"20310203T040506Z"`: "2031-02-03T04:05:06Z", `"20310203T0405+02"`: "2031-02-03T04:05:00+02:00", `"2031-02"`: "2031-02-01T00:00:00Z",
			`"2031-W05-1"`: "2031-01-27T00:00:00Z", `"2031W052"`: "2031-01-28T00:00:00Z", `"2031-W01"`: "2030-12-30T00:00:00Z",
			`"2026-W53-7"`: "2027-01-03T00:00:00Z", `"2031-034"`: "2031-02-03T00:00:00Z",
			`"0001-01-01T00:00:00Z"`: "0001-01-01T00:00:00Z", `"9999-12-31T23:59:59.999999Z"`: "9999-12-31T23:59:59.999999Z",
			`"2032-02-29"`: "2032-02-29T00:00:00Z",
			"0":            "1970-01-01T00:00:00Z", "-1": "1969-12-31T23:59:59Z", "-1.5": "1969-12-31T23:59:58.5Z", "1928113506": "2031-02-06T03:05:06Z",
			"1928113506.5": "2031-02-06T03:05:06.5Z", "1928113506.1234567": "2031-02-06T03:05:06.123457Z", `"1928113506"`: "2031-02-06T03:05:06Z",
			"1928113506123": "2031-02-06T03:05:06.123Z", `"1928113506123.5"`: "2031-02-06T03:05:06.1235Z",
			"20000000000": "2603-10-11T11:33:20Z", "20000000001": "1970-08-20T11:33:20.001Z", `"20310203"`: "1970-08-24T01:43:23Z",
		},
		map[string]string{
			`""`: "value_error", `"tomorrow"`: "value_error", `" 2031-02-03"`: "value_error", `"2031-02-03 "`: "value_error",
			`"2031-02-03T24:00:00Z"`: "value_error", `"2031-02-03T23:60:00Z"`: "value_error", `"2031-02-03T04:05:60Z"`: "value_error",
			`"2031-13-01"`: "value_error", `"2031-02-30"`: "value_error", `"2031-02-00"`: "value_error", `"0000-01-01"`: "value_error",
			`"2031-366"`: "value_error", `"2031-W53-1"`: "value_error", `"2031-W00-1"`: "value_error", `"2031-W05-8"`: "value_error",
			`"2031-02-03T04:05:06+24:00"`: "value_error", `"2031-02-03T04:05:06+02:60"`: "value_error", `"2031-0203"`: "value_error",
			`"1e9"`: "value_error", `"nan"`: "value_error", `"99999999999999999"`: "value_error",
			"1e30": "value_error", "NaN": "value_error", "253402300800000": "value_error", "-62135596800001": "value_error",
			"true": "value_error", "null": "value_error", "[]": "value_error", "{}": "value_error",
		})
	for text, want := range map[string]string{`"x"`: strings.Replace(broken, "%s", "x", 1), "true": wrong, "1e30": wrong, "[]": wrong} {
		n, faults := node(t, text)
		n.Time()
		got := faults.Errors()[0]
		if got.Msg != want || (got.Ctx != nil) != (text == `"x"`) {
			t.Errorf("%s: %q, ctx %s, want %q, and a ctx for texts only", text, got.Msg, got.Ctx, want)
		}
	}
}
