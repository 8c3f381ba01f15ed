package runinput_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/runinput"
)

// check hydrates and validates an input, and returns the reason of its rejection.
func check(t *testing.T, input, schema string) string {
	t.Helper()
	in, err := runinput.Hydrate(json.RawMessage(input))
	if err == nil {
		err = in.Validate(schema)
	}
	var rejected *runinput.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &rejected):
		t.Fatalf("error %v, want an *Error", err)
	}
	return rejected.Reason
}

// TestValidate_hasTextsOfPrefect replays what Prefect's validation says of inputs, recorded
// with Python's jsonschema 4.26.
func TestValidate_hasTextsOfPrefect(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Text    string
		Schema, Input json.RawMessage
	}
	if err = json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			if got := check(t, string(tc.Input), string(tc.Schema)); got != tc.Text {
				t.Errorf("reason %q\nwant   %q", got, tc.Text)
			}
		})
	}
}

func TestValidate_rejectsSchemasThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{no json`:                             "Run input schema is not valid JSON.",
		`{"type":"nothing"}`:                   "Reason: Validation failed. Failure reason: Invalid schema: ",
		`{"$ref":"file:///etc/hostname"}`:      "Reason: Validation failed. Failure reason: Unresolvable: file:///etc/hostname",
		`7`:                                    "Reason: Validation failed. Failure reason: Invalid schema: ",
		`{"properties":{"n":{"$ref":"#a"}}}`:   "Reason: Validation failed. Failure reason: Invalid schema: ",
		`{"allOf":[{"$ref":"#/allOf/0"}]}`:     "Invalid schema: Unable to validate schema with circular references.",
		`{"properties":[],"required":{"a":1}}`: "Reason: Validation failed. Failure reason: Invalid schema: ",
	} {
		if got := check(t, `{}`, schema); !strings.HasPrefix(got, want) {
			t.Errorf("schema %s: reason %q, want %q…", schema, got, want)
		}
	}
}

func TestValidate_hasTextForRarerKeywords(t *testing.T) {
	t.Parallel()
	const schema = `{"properties":{"n":{"contains":{"type":"integer"}}}}`
	if got, want := check(t, `{"n":["x"]}`, schema), "Reason: Validation failed for field 'n'. Failure reason: ['x']: no items match contains schema"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestValidate_acceptsPatternsThatGoDoesNotHave(t *testing.T) {
	t.Parallel()
	const schema = `{"properties":{"n":{"type":"string","pattern":"^(?!x)"}},"required":["n"]}`
	if got := check(t, `{"n":"x"}`, schema); got != "" {
		t.Errorf("reason %q, want none: the pattern cannot be checked", got)
	}
	if got := check(t, `{"n":1}`, schema); got == "" {
		t.Error("a number is accepted, want the other keywords checked")
	}
}

// Each definition applies the next one twice, so that the last one is applied 2^40 times.
func TestValidate_endsForSchemasThatMultiply(t *testing.T) {
	t.Parallel()
	const next = `{"$ref":"#NEXT"}`
	for name, definition := range map[string]string{
		"alternatives":        `{"anyOf":[` + next + `,` + next + `]}`,
		"denied alternatives": `{"not":{"not":{"anyOf":[` + next + `,` + next + `]}}}`,
	} {
		for _, place := range []string{"/$defs/all", "/elsewhere", "/properties/data/enum/0"} {
			if name != "alternatives" && place != "/$defs/all" {
				continue
			}
			t.Run(name+" in "+place, func(t *testing.T) {
				t.Parallel()
				parts := []string{`"d40":{"type":"null"}`}
				for i := range 40 {
					parts = append(parts, fmt.Sprintf(`"d%d":`, i)+strings.ReplaceAll(definition, "#NEXT", fmt.Sprintf("#%s/d%d", place, i+1)))
				}
				definitions := strings.Join(parts, ",")
				start := `"n":{"$ref":"#` + place + `/d0"}`
				schema := map[string]string{
					"/$defs/all":              `{"properties":{` + start + `},"$defs":{"all":{` + definitions + `}}}`,
					"/elsewhere":              `{"properties":{` + start + `},"elsewhere":{` + definitions + `}}`,
					"/properties/data/enum/0": `{"properties":{` + start + `,"data":{"enum":[{` + definitions + `}]}}}`,
				}[place]
				got := check(t, `{"n":1}`, schema)
				if want := "Invalid schema: The validation takes too many steps."; got != want {
					t.Errorf("reason %.300q, want %q", got, want)
				}
			})
		}
	}
}

func TestValidate_hasStepsForLargeInputs(t *testing.T) {
	t.Parallel()
	const schema = `{"properties":{"rows":{"type":"array","items":{"type":"object","properties":{"a":{"type":"integer"},"b":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["a"]}}}}`
	rows := strings.TrimSuffix(strings.Repeat(`{"a":1,"b":null},`, 10_000), ",")
	if got := check(t, `{"rows":[`+rows+`]}`, schema); got != "" {
		t.Errorf("reason %q, want none", got)
	}
}
