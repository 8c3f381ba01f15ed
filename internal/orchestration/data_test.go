package orchestration

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPersistedResult(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		data string
		want bool
	}{
		"nothing":                               {``, false},
		"only space":                            {" \n", false},
		"null":                                  {`null`, false},
		"null with spaces":                      {" null\n", false},
		"false":                                 {`false`, false},
		"true":                                  {`true`, true},
		"zero":                                  {`0`, false},
		"negative zero":                         {`-0`, false},
		"zero as a fraction":                    {`0.00`, false},
		"zero with an exponent":                 {`0e9`, false},
		"a number too small to hold":            {`1e-400`, false},
		"a number other than zero":              {`7`, true},
		"a fraction":                            {`-0.5`, true},
		"a number beyond float64":               {`1e400`, true},
		"an empty text":                         {`""`, false},
		"a text of spaces":                      {`" "`, true},
		"a text that spells false":              {`"false"`, true},
		"an empty list":                         {`[]`, false},
		"an empty list with spaces":             {"[ \n]", false},
		"a list of null":                        {`[null]`, true},
		"a list of a list":                      {`[[]]`, true},
		"an empty object":                       {`{}`, false},
		"an empty object with spaces":           {`{ }`, false},
		"an object":                             {`{"a":null}`, true},
		"result metadata":                       {`{"storage_key":"s","serializer":{"type":"json"}}`, true},
		"an unpersisted result":                 {`{"type":"unpersisted"}`, false},
		"an unpersisted result with other keys": {`{"x":[1],"type":"unpersisted"}`, false},
		"an escaped unpersisted":                {`{"type":"unpersiste\u0064"}`, false},
		"the last of two types counts":          {`{"type":"unpersisted","type":"literal"}`, true},
		"another type":                          {`{"type":"Unpersisted"}`, true},
		"TYPE is not the key type":              {`{"TYPE":"unpersisted"}`, true},
		"a type that is null":                   {`{"type":null}`, true},
		"a type that is not a text":             {`{"type":["unpersisted"]}`, true},
		"a nested unpersisted result":           {`{"a":{"type":"unpersisted"}}`, true},
		"the text unpersisted":                  {`"unpersisted"`, true},
		"text that is not JSON":                 {`boom`, true},
		"text that starts as JSON":              {`{`, true},
		"text that starts as a number":          {`-`, true},
		"very deep nesting":                     {strings.Repeat("[", 20000), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := persistedResult(json.RawMessage(tt.data)); got != tt.want {
				t.Errorf("persisted = %t, want %t", got, tt.want)
			}
		})
	}
}
