package validate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIntOrFloat(t *testing.T) {
	t.Parallel()
	read := func(n Node) string {
		numbers, list := n.IntOrFloat()
		if list {
			return "[" + strings.Join(numbers, ",") + "]"
		}
		return strings.Join(numbers, ",")
	}
	const all = ` list_type["list[int]"] list_type["list[float]"]`
	checkReads(t, read,
		map[string]string{
			"4": "4", "4.0": "4.0", "true": "1", `"5"`: "5", `"5.0"`: "5", `"5.5"`: "5.5", "NaN": "NaN", "1e20": "1e+20",
			"[]": "[]", "[1,2]": "[1,2]", "[1,2.0]": "[1.0,2.0]", "[1.5,2]": "[1.5,2.0]", `["1",2]`: "[1,2]", `["1",2.0]`: "[1,2]",
			`["1.5"]`: "[1.5]", "[true]": "[1]", "[true,2.0]": "[1,2]", "[NaN,1]": "[NaN,1.0]",
		},
		map[string]string{
			`"x"`:     `int_parsing["int"] float_parsing["float"]` + all,
			"{}":      `int_type["int"] float_type["float"]` + all,
			`[1,"x"]`: `int_type["int"] float_type["float"] int_parsing["list[int]",1] float_parsing["list[float]",1]`,
			"[null]":  `int_type["int"] float_type["float"] int_type["list[int]",0] float_type["list[float]",0]`,
		})
}

func TestScalar(t *testing.T) {
	t.Parallel()
	const all = `bool_type["bool"] int_type["int"] float_type["float"] string_type["str"]`
	checkReads(t, func(n Node) string { return string(n.Scalar().AppendTo(nil)) },
		map[string]string{"true": "true", "1": "1", "1.0": "1.0", `"1"`: `"1"`, "NaN": "null"},
		map[string]string{"null": all, "[1]": all, "{}": all})
}

func TestListAndDict(t *testing.T) {
	t.Parallel()
	checkReads(t, func(n Node) string { return strings.Join(List(n, Node.Text), ",") },
		map[string]string{"[]": "", `["a","b"]`: "a,b"},
		map[string]string{"null": "list_type", `"a"`: "list_type", "{}": "list_type", `["a",1,null]`: "string_type[1] string_type[2]"})
	checkReads(t, func(n Node) string { return Dict(n, Node.Text)["a"] },
		map[string]string{"{}": "", `{"a":"b"}`: "b"},
		map[string]string{"null": "dict_type", "[]": "dict_type", `{"b":1,"a":null}`: `string_type["b"] string_type["a"]`})
	n, _ := node(t, "[]")
	if List(n, Node.Text) == nil {
		t.Error("an empty list is nil")
	}
}

func TestSetAndObject(t *testing.T) {
	t.Parallel()
	checkReads(t, func(n Node) string { return strings.Join(Set(n, Node.Text), ",") },
		map[string]string{"[]": "", `["b","a","b","a"]`: "b,a"},
		map[string]string{"null": "set_type", `"a"`: "set_type", "{}": "set_type", `["a",1,null]`: "string_type[1] string_type[2]"})
	checkReads(t, func(n Node) string { return string(n.Object().AppendTo(nil)) },
		map[string]string{"{}": "{}", `{"b":1,"a":[null]}`: `{"b":1,"a":[null]}`},
		map[string]string{"null": "dict_type", "[]": "dict_type", `"a"`: "dict_type", "1": "dict_type"})
}

func TestModel_reportsErrorsInPydanticsOrder(t *testing.T) {
	t.Parallel()
	n, faults := node(t, `{"z":1,"b":1,"a":2,"y":null,"c":null}`)
	m, ok := n.Model()
	if !ok {
		t.Fatal("the object was not read")
	}
	for _, key := range []string{"a", "b"} {
		if field, given := m.Required(key); given {
			field.Text()
		}
	}
	if _, given := m.Given("c"); given {
		t.Error("null was given")
	}
	if _, given := m.Required("d"); given {
		t.Error("d was given")
	}
	m.ForbidOthers()
	if diff := cmp.Diff(`string_type["a"] string_type["b"] missing["d"] extra_forbidden["z"] extra_forbidden["y"]`, summary(faults)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestModel_rejectsOtherThanObject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"null", "1", `"x"`, "[]"} {
		n, faults := node(t, text)
		if _, ok := n.Model(); ok || summary(faults) != "model_attributes_type" {
			t.Errorf("%s: faults %q, want model_attributes_type", text, summary(faults))
		}
	}
}

func TestErrorAsJSON(t *testing.T) {
	t.Parallel()
	n, faults := node(t, `["ü"]`)
	n.Tagged("list[int]").Refuse(`no "such" thing`)
	faults.Report(Missing(n.Value, "query", 0))
	want := []string{
		`{"type":"value_error","loc":["body","x","list[int]"],"msg":"Value error, no \"such\" thing","input":["ü"],"ctx":{"error":{}}}`,
		`{"type":"missing","loc":["query",0],"msg":"Field required","input":["ü"]}`,
	}
	for i, e := range faults.Errors() {
		if got := string(e.AppendTo(nil)); got != want[i] {
			t.Errorf("got %s, want %s", got, want[i])
		}
	}
}

func TestLocs_ofSiblingsShareNoMemory(t *testing.T) {
	t.Parallel()
	n, faults := node(t, `[[1],[2]]`)
	List(n, func(n Node) []string { return List(n, Node.Text) })
	if diff := cmp.Diff("string_type[0,0] string_type[1,0]", summary(faults)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
