package compat

import (
	"testing"
)

const (
	idA = "11111111-2222-4333-8444-555555555555"
	idB = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want, got string
		strict    bool
		unordered []string
		wantMatch bool
	}{
		"the order of keys does not matter":           {want: `{"a":1,"b":2}`, got: `{"b":2,"a":1}`, wantMatch: true},
		"a missing key is a fault":                    {want: `{"a":1,"b":2}`, got: `{"a":1}`},
		"an extra key is a fault":                     {want: `{"a":1}`, got: `{"a":1,"b":2}`},
		"an empty key is a key":                       {want: `{"":1}`, got: `{"":1}`, wantMatch: true},
		"a missing empty key is a fault":              {want: `{"":1}`, got: `{}`},
		"null is not a missing key":                   {want: `{"a":null}`, got: `{}`},
		"the order of elements matters":               {want: `[1,2]`, got: `[2,1]`},
		"unless the place is named unordered":         {want: `[1,2]`, got: `[2,1]`, unordered: []string{""}, wantMatch: true},
		"unordered still counts":                      {want: `[1,1,2]`, got: `[1,2,2]`, unordered: []string{""}},
		"only the named place is unordered":           {want: `{"a":[1,2],"b":[1,2]}`, got: `{"a":[2,1],"b":[2,1]}`, unordered: []string{"/a"}},
		"a choice that leaves no partner is undone":   {want: `["{{any:x}}","p"]`, got: `["p","q"]`, unordered: []string{""}, wantMatch: true},
		"an integer equals its float":                 {want: `0`, got: `0.0`, wantMatch: true},
		"unless told apart":                           {want: `0`, got: `0.0`, strict: true},
		"told apart, floats equal by value":           {want: `1e2`, got: `100.0`, strict: true, wantMatch: true},
		"huge integers are exact":                     {want: `9007199254740993`, got: `9007199254740992`},
		"absurd exponents are compared as text":       {want: `1e999999999`, got: `1e999999999`, wantMatch: true},
		"absurd exponents that differ do":             {want: `1e999999999`, got: `1e999999998`},
		"a number is no text":                         {want: `1`, got: `"1"`},
		"false is no null":                            {want: `false`, got: `null`},
		"false is not true":                           {want: `false`, got: `true`},
		"texts are equal or not":                      {want: `"a"`, got: `"A"`},
		"dots of a text are literal":                  {want: `"a.c {{any:x}}"`, got: `"abc d"`},
		"a name binds and repeats":                    {want: `["{{uuid:a}}","{{uuid:a}}"]`, got: `["` + idA + `","` + idA + `"]`, wantMatch: true},
		"a name stands for one value":                 {want: `["{{uuid:a}}","{{uuid:a}}"]`, got: `["` + idA + `","` + idB + `"]`},
		"the name _ stands for any":                   {want: `["{{uuid:_}}","{{uuid:_}}"]`, got: `["` + idA + `","` + idB + `"]`, wantMatch: true},
		"twice in one text it is one value":           {want: `"{{slug:a}}/{{slug:a}}"`, got: `"x-y/x-z"`},
		"a UUID is lower case":                        {want: `"{{uuid:a}}"`, got: `"AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"`},
		"a UUID may be spelt in upper case":           {want: `["{{uuid:a|upper}}","{{uuid:a}}"]`, got: `["AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE","` + idB + `"]`, wantMatch: true},
		"a UUID may be spelt without hyphens":         {want: `["{{uuid:a|hex}}","{{uuid:a}}"]`, got: `["aaaaaaaabbbb4ccc8dddeeeeeeeeeeee","` + idB + `"]`, wantMatch: true},
		"a UUID may be spelt in braces":               {want: `["{{uuid:a}}","{{uuid:a|braced}}"]`, got: `["` + idA + `","{` + idA + `}"]`, wantMatch: true},
		"a UUID may be spelt as a URN":                {want: `["{{uuid:a}}","x urn {{uuid:a|urn}}"]`, got: `["` + idA + `","x urn urn:uuid:` + idA + `"]`, wantMatch: true},
		"a time has no or six digits":                 {want: `["{{time:a}}","{{time:b}}"]`, got: `["2026-01-02T03:04:05Z","2026-01-02T03:04:05.678901Z"]`, wantMatch: true},
		"a time has not three digits":                 {want: `"{{time:a}}"`, got: `"2026-01-02T03:04:05.678Z"`},
		"a time ends in Z":                            {want: `"{{time:a}}"`, got: `"2026-01-02T03:04:05+00:00"`},
		"the offset of a time is no part of its name": {want: `["{{time:a}}","{{time:a+60}}"]`, got: `["2026-01-02T03:04:05Z","2026-01-02T03:04:05Z"]`, wantMatch: true},
		"any number":                                  {want: `"{{num:a}}"`, got: `1.5`, wantMatch: true},
		"a text is no number":                         {want: `"{{num:a}}"`, got: `"1.5"`},
		"a bound number repeats by value":             {want: `["{{num:a}}","{{num:a}}"]`, got: `[1,1.0]`, wantMatch: true},
		"a bound number does not change":              {want: `["{{num:a}}","{{num:a}}"]`, got: `[1,2]`},
		"an integer":                                  {want: `"{{int:a}}"`, got: `3`, wantMatch: true},
		"a float is no integer":                       {want: `"{{int:a}}"`, got: `3.0`},
		"a slug of two words":                         {want: `"{{slug:a}}"`, got: `"wise-owl"`, wantMatch: true},
		"one word is no slug":                         {want: `"{{slug:a}}"`, got: `"owl"`},
		"any text that is not empty":                  {want: `"{{any:a}}"`, got: `"x\ny"`, wantMatch: true},
		"an empty text is not any":                    {want: `"{{any:a}}"`, got: `""`},
		"any list":                                    {want: `"{{list:a}}"`, got: `[1,2]`, wantMatch: true},
		"an object is no list":                        {want: `"{{list:a}}"`, got: `{}`},
		"any object":                                  {want: `"{{object:a}}"`, got: `{"a":1}`, wantMatch: true},
		"an answer cannot mint a unique text":         {want: `"{{uniq:a}}"`, got: `"c0123456789ab"`},
		"a key may hold a name":                       {want: `{"{{uuid:a}}":1,"id":"{{uuid:a}}"}`, got: `{"` + idA + `":1,"id":"` + idA + `"}`, wantMatch: true},
		"the base is known":                           {want: `"{{base}}/x"`, got: `"http://host/api/x"`, wantMatch: true},
		"an unknown kind is a fault":                  {want: `"{{what:a}}"`, got: `"x"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := mustDecode(t, tt.want), mustDecode(t, tt.got)
			m := &matcher{vars: newVariables("http://host/api"), strict: tt.strict, unordered: tt.unordered}
			m.match("", want, got)
			if matched := len(m.faults) == 0; matched != tt.wantMatch {
				t.Errorf("%s against %s: match %t, want %t; faults %q", tt.want, tt.got, matched, tt.wantMatch, m.faults)
			}
		})
	}
}

func mustDecode(t *testing.T, text string) *node {
	t.Helper()
	n, err := decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDecodeKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	const text = `{"b":[1.50,1e3,null,true],"a":"<é>","b2":{}}`
	if got := mustDecode(t, text).String(); got != text {
		t.Errorf("got %s, want %s", got, text)
	}
	for _, broken := range []string{``, `{`, `{} {}`, `nope`, `[1`} {
		if n, err := decode([]byte(broken)); err == nil {
			t.Errorf("%q is decoded as %s, want an error", broken, n)
		}
	}
}
