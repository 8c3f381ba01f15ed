package runinput_test

import (
	"encoding/json"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/runinput"
)

func TestHydrate(t *testing.T) {
	t.Parallel()
	const failed = "Error hydrating run input: "
	tests := map[string]struct{ input, want, wantErr string }{
		"nothing":                         {input: ``, want: `{}`},
		"null":                            {input: `null`, want: `{}`},
		"values keep their order":         {input: `{"n": 4, "more": [true, 1.0, "ü"]}`, want: `{"n":4,"more":[true,1.0,"ü"]}`},
		"JSON":                            {input: `{"n":{"__prefect_kind":"json","value":"{\"a\": [7]}"}}`, want: `{"n":{"a":[7]}}`},
		"JSON that is a value already":    {input: `{"n":{"__prefect_kind":"json","value":[7]}}`, want: `{"n":[7]}`},
		"JSON of another placeholder":     {input: `{"n":{"__prefect_kind":"json","value":{"__prefect_kind":"none","value":"7"}}}`, want: `{"n":7}`},
		"JSON without a value is removed": {input: `{"n":{"__prefect_kind":"json"},"l":[1,{"__prefect_kind":"json"}]}`, want: `{"l":[1]}`},
		"the whole is removed":            {input: `{"__prefect_kind":"json"}`, want: `{}`},
		"the whole is a placeholder":      {input: `{"__prefect_kind":"json","value":"{\"n\":1}"}`, want: `{"n":1}`},
		"no JSON":                         {input: `{"n":{"__prefect_kind":"json","value":"x"}}`, wantErr: failed + "Invalid JSON: Expecting value: line 1 column 1 (char 0)"},
		"no JSON in a later line":         {input: `{"n":{"__prefect_kind":"json","value":"[1,\n ü]"}}`, wantErr: failed + "Invalid JSON: Expecting value: line 2 column 2 (char 5)"},
		"no kind":                         {input: `{"n":[{"__prefect_kind":"none","value":{"a":{"__prefect_kind":"json","value":"1"}}}]}`, want: `{"n":[{"a":1}]}`},
		"no kind without a value":         {input: `{"n":{"__prefect_kind":"none"}}`, wantErr: failed + "Missing 'value' key in __prefect object"},
		"an unknown kind":                 {input: `{"n":{"__prefect_kind":"other","value":{"__prefect_kind":"none"}},"m":{"__prefect_kind":5}}`, want: `{"n":{"__prefect_kind":"none"},"m":null}`},
		"a template of literals":          {input: `{"n":{"__prefect_kind":"jinja","template":"{{ 1 }} {{'a'}}{{ \"b\" }}\n"}}`, want: `{"n":"1 ab"}`},
		"a template that is evaluated":    {input: `{"n":{"__prefect_kind":"jinja","template":"{{ flow_run.id }}"}}`, wantErr: failed + "Invalid jinja: only texts and literals are supported by this server"},
		"a statement in a template":       {input: `{"n":{"__prefect_kind":"jinja","template":"{% if 1 %}"}}`, wantErr: failed + "Invalid jinja: only texts and literals are supported by this server"},
		"no template":                     {input: `{"n":{"__prefect_kind":"jinja"}}`, wantErr: failed + "Missing 'template' key in __prefect object"},
		"a variable":                      {input: `{"n":{"__prefect_kind":"workspace_variable","variable_name":"v"}}`, wantErr: failed + "Variable 'v' not found in workspace."},
		"a variable without a name":       {input: `{"n":{"__prefect_kind":"workspace_variable"}}`, want: `{}`},
		"a fault in a list":               {input: `{"n":[{"__prefect_kind":"none"}]}`, wantErr: failed + "Missing 'value' key in __prefect object"},
		"what is no JSON itself":          {input: `{`, wantErr: failed + "Invalid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := runinput.Hydrate(json.RawMessage(tc.input))
			switch {
			case tc.wantErr != "":
				if err == nil || err.Error() != tc.wantErr {
					t.Errorf("Hydrate(%s): error %v, want %q", tc.input, err, tc.wantErr)
				}
			case err != nil || in.JSON() != tc.want || in.Empty() != (tc.want == "{}"):
				t.Errorf("Hydrate(%s) = %s, empty %t, error %v, want %s", tc.input, in.JSON(), in.Empty(), err, tc.want)
			}
		})
	}
}
