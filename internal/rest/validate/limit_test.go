package validate

import (
	"strconv"
	"strings"
	"testing"
)

func TestErrors_atMostMaxErrorsAreCollected(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		read func(Node)
	}{
		"errors of a list":          {"[" + repeat("0", 5*MaxErrors) + "]", func(n Node) { List(n, Node.Text) }},
		"errors of a dictionary":    {"{" + keys(5*MaxErrors) + "}", func(n Node) { Dict(n, Node.Text) }},
		"surplus keys":              {"{" + keys(5*MaxErrors) + "}", func(n Node) { m, _ := n.Model(); m.ForbidOthers() }},
		"errors of lists in a list": {"[" + repeat("[0,0,0]", 2*MaxErrors) + "]", func(n Node) { List(n, func(n Node) int { return len(List(n, Node.Text)) }) }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, faults := node(t, tc.text)
			tc.read(n)
			errs := faults.Errors()
			if len(errs) != MaxErrors+1 {
				t.Fatalf("%d errors, want %d and a last one that says so", len(errs), MaxErrors)
			}
			if last := errs[MaxErrors]; last.Type != "value_error" || !strings.Contains(last.Msg, "not listed") || len(last.Loc) != 1 {
				t.Errorf("the last error is %s, want it told that others are not listed", last.AppendTo(nil))
			}
			if first := errs[MaxErrors-1]; strings.Contains(first.Msg, "not listed") {
				t.Errorf("there are fewer than %d errors before the last", MaxErrors)
			}
		})
	}
}

func TestErrors_allAreListedBelowTheLimit(t *testing.T) {
	t.Parallel()
	n, faults := node(t, "["+repeat("0", MaxErrors-1)+"]")
	List(n, Node.Text)
	if got := len(faults.Errors()); got != MaxErrors-1 {
		t.Errorf("%d errors, want %d", got, MaxErrors-1)
	}
}

func TestSound_stopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	n, faults := node(t, "["+repeat("0", 100)+"]")
	reads := 0
	sound := n.Sound(func(n Node) {
		List(n, func(n Node) string {
			reads++
			return n.Text()
		})
	})
	if sound || reads != 1 || len(faults.Errors()) > 0 {
		t.Errorf("sound %t after %d items with faults %q, want a fault after one item and nothing reported", sound, reads, summary(faults))
	}
}

// repeat returns n items of a list.
func repeat(item string, n int) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }

// keys returns n members of an object.
func keys(n int) string {
	members := make([]string, 0, n)
	for i := range n {
		members = append(members, `"k`+strconv.Itoa(i)+`":0`)
	}
	return strings.Join(members, ",")
}

func TestTime_yearIsValidInEveryZone(t *testing.T) {
	t.Parallel()
	checkReads(t, func(n Node) string { return n.Time().UTC().Format("2006-01-02T15:04:05") },
		map[string]string{
			`"0001-01-01T00:00:00Z"`:      "0001-01-01T00:00:00",
			`"0001-01-01T00:00:00-23:59"`: "0001-01-01T23:59:00",
			`"9999-12-31T23:59:59+23:59"`: "9999-12-31T00:00:59",
			`"9999-12-31T23:59:59Z"`:      "9999-12-31T23:59:59",
		},
		map[string]string{
			`"0001-01-01T00:00:00+00:01"`: "value_error",
			`"9999-12-31T23:59:59-00:01"`: "value_error",
			`"9999-W53-1"`:                "value_error",
		})
}
