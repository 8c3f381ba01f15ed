package validate

import (
	"strconv"
	"testing"
)

func TestPositive(t *testing.T) {
	t.Parallel()
	checkReads(t, func(n Node) string { return strconv.Itoa(n.Positive()) },
		map[string]string{"1": "1", `"7"`: "7", "true": "1", "2.0": "2"},
		map[string]string{"0": "greater_than", "-3": "greater_than", "false": "greater_than", `"x"`: "int_parsing", "null": "int_type", "1.5": "int_from_float"})
}

func TestAtMost(t *testing.T) {
	t.Parallel()
	checkReads(t, func(n Node) string { return strconv.Itoa(n.AtMost(1000)) },
		map[string]string{"1000": "1000", "-7": "-7", `"3"`: "3", "true": "1"},
		map[string]string{"1001": "less_than_equal", "1e18": "less_than_equal", `"x"`: "int_parsing", "null": "int_type", "1.5": "int_from_float"})
}

func TestNumber(t *testing.T) {
	t.Parallel()
	read := func(bounds ...Bound) func(Node) string {
		return func(n Node) string { return strconv.FormatFloat(n.Number(bounds...), 'g', -1, 64) }
	}
	checkReads(t, read(AtMost(86400), AtLeast(60)),
		map[string]string{"60": "60", `"60.5"`: "60.5", "86400.0": "86400"},
		map[string]string{
			"59.9": "greater_than_equal", "86401": "less_than_equal", "-1": "greater_than_equal",
			"NaN": "finite_number", "Infinity": "finite_number", `"-inf"`: "finite_number", "1e400": "finite_number",
			`"x"`: "float_parsing", "null": "float_type", "[]": "float_type",
		})
	checkReads(t, read(Above(0)),
		map[string]string{"0.5": "0.5", "true": "1"},
		map[string]string{"0": "greater_than", "-0.0": "greater_than", "-2": "greater_than"})
	for want, bound := range map[string]Bound{
		`Input should be greater than 0.5{"gt":0.5}`:              Above(0.5),
		`Input should be greater than or equal to 60{"ge":60.0}`:  AtLeast(60),
		`Input should be less than or equal to -100{"le":-100.0}`: AtMost(-100),
	} {
		n, faults := node(t, "0")
		n.Number(bound)
		if got := faults.Errors()[0]; got.Msg+string(got.Ctx) != want {
			t.Errorf("fault = %s%s, want %s", got.Msg, got.Ctx, want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	checkReads(t, Node.Name,
		map[string]string{`"tag:a b"`: "tag:a b", `"ä\n"`: "ä\n"},
		map[string]string{
			`""`: "string_pattern_mismatch", `"a/b"`: "string_pattern_mismatch", `"a%b"`: "string_pattern_mismatch",
			`"a&b"`: "string_pattern_mismatch", `"<a"`: "string_pattern_mismatch", `"a>"`: "string_pattern_mismatch",
			"1": "string_type", "null": "string_type",
		})
}
