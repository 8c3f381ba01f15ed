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
		"nothing":                       {``, false},
		"only space":                    {" \n", false},
		"null":                          {`null`, false},
		"null with space":               {" null\n", false},
		"false":                         {`false`, false},
		"true":                          {`true`, true},
		"zero":                          {`0`, false},
		"negative zero":                 {`-0`, false},
		"zero as a fraction":            {`0.00`, false},
		"zero with an exponent":         {`0e9`, false},
		"a number too small to hold":    {`1e-400`, false},
		"a number":                      {`7`, true},
		"a fraction":                    {`-0.5`, true},
		"a number too large to hold":    {`1e400`, true},
		"an empty text":                 {`""`, false},
		"a blank text":                  {`" "`, true},
		"a text that spells false":      {`"false"`, true},
		"an empty list":                 {`[]`, false},
		"an empty list with space":      {"[ \n]", false},
		"a list of nothing":             {`[null]`, true},
		"a list of a list":              {`[[]]`, true},
		"an empty object":               {`{}`, false},
		"an empty object with space":    {`{ }`, false},
		"an object":                     {`{"a":null}`, true},
		"result metadata":               {`{"storage_key":"s","serializer":{"type":"json"}}`, true},
		"an unpersisted result":         {`{"type":"unpersisted"}`, false},
		"more of an unpersisted result": {`{"x":[1],"type":"unpersisted"}`, false},
		"an escaped unpersisted":        {`{"type":"unpersiste\u0064"}`, false},
		"the last of two types counts":  {`{"type":"unpersisted","type":"literal"}`, true},
		"another type":                  {`{"type":"Unpersisted"}`, true},
		"TYPE is not type":              {`{"TYPE":"unpersisted"}`, true},
		"a type that is null":           {`{"type":null}`, true},
		"a type that is no text":        {`{"type":["unpersisted"]}`, true},
		"unpersisted further down":      {`{"a":{"type":"unpersisted"}}`, true},
		"the text unpersisted":          {`"unpersisted"`, true},
		"what is not JSON":              {`boom`, true},
		"what only starts as JSON":      {`{`, true},
		"what only starts as a number":  {`-`, true},
		"very deep":                     {strings.Repeat("[", 20000), true},
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
