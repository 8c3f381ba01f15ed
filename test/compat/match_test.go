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
		"the order of keys does not matter":                          {want: `{"a":1,"b":2}`, got: `{"b":2,"a":1}`, wantMatch: true},
		"a missing key is a mismatch":                                {want: `{"a":1,"b":2}`, got: `{"a":1}`},
		"an extra key is a mismatch":                                 {want: `{"a":1}`, got: `{"a":1,"b":2}`},
		"an empty key is a key":                                      {want: `{"":1}`, got: `{"":1}`, wantMatch: true},
		"a missing empty key is a mismatch":                          {want: `{"":1}`, got: `{}`},
		"null does not match a missing key":                          {want: `{"a":null}`, got: `{}`},
		"the order of elements matters":                              {want: `[1,2]`, got: `[2,1]`},
		"the order of an array in unordered does not matter":         {want: `[1,2]`, got: `[2,1]`, unordered: []string{""}, wantMatch: true},
		"the number of elements matters without an order":            {want: `[1,1,2]`, got: `[1,2,2]`, unordered: []string{""}},
		"only the named array is unordered":                          {want: `{"a":[1,2],"b":[1,2]}`, got: `{"a":[2,1],"b":[2,1]}`, unordered: []string{"/a"}},
		"the search backtracks from a choice that leaves no partner": {want: `["{{any:x}}","p"]`, got: `["p","q"]`, unordered: []string{""}, wantMatch: true},
		"an integer equals its float":                                {want: `0`, got: `0.0`, wantMatch: true},
		"an integer does not equal its float in strict mode":         {want: `0`, got: `0.0`, strict: true},
		"floats are equal by value in strict mode":                   {want: `1e2`, got: `100.0`, strict: true, wantMatch: true},
		"huge integers are compared exactly":                         {want: `9007199254740993`, got: `9007199254740992`},
		"huge exponents are compared as text":                        {want: `1e999999999`, got: `1e999999999`, wantMatch: true},
		"huge exponents with different texts differ":                 {want: `1e999999999`, got: `1e999999998`},
		"a number does not match a string":                           {want: `1`, got: `"1"`},
		"false does not match null":                                  {want: `false`, got: `null`},
		"false does not match true":                                  {want: `false`, got: `true`},
		"strings must be equal":                                      {want: `"a"`, got: `"A"`},
		"dots in a text are literal":                                 {want: `"a.c {{any:x}}"`, got: `"abc d"`},
		"a name binds and repeats":                                   {want: `["{{uuid:a}}","{{uuid:a}}"]`, got: `["` + idA + `","` + idA + `"]`, wantMatch: true},
		"a name has one value":                                       {want: `["{{uuid:a}}","{{uuid:a}}"]`, got: `["` + idA + `","` + idB + `"]`},
		"the name _ matches any value":                               {want: `["{{uuid:_}}","{{uuid:_}}"]`, got: `["` + idA + `","` + idB + `"]`, wantMatch: true},
		"a name that occurs twice in one text has one value":         {want: `"{{slug:a}}/{{slug:a}}"`, got: `"x-y/x-z"`},
		"a UUID in lower case":                                       {want: `"{{uuid:a}}"`, got: `"AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE"`},
		"a UUID in upper case":                                       {want: `["{{uuid:a|upper}}","{{uuid:a}}"]`, got: `["AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE","` + idB + `"]`, wantMatch: true},
		"a UUID without hyphens":                                     {want: `["{{uuid:a|hex}}","{{uuid:a}}"]`, got: `["aaaaaaaabbbb4ccc8dddeeeeeeeeeeee","` + idB + `"]`, wantMatch: true},
		"a UUID in braces":                                           {want: `["{{uuid:a}}","{{uuid:a|braced}}"]`, got: `["` + idA + `","{` + idA + `}"]`, wantMatch: true},
		"a UUID as a URN":                                            {want: `["{{uuid:a}}","x urn {{uuid:a|urn}}"]`, got: `["` + idA + `","x urn urn:uuid:` + idA + `"]`, wantMatch: true},
		"a time has no fraction or six digits":                       {want: `["{{time:a}}","{{time:b}}"]`, got: `["2026-01-02T03:04:05Z","2026-01-02T03:04:05.678901Z"]`, wantMatch: true},
		"a time with three digits is a mismatch":                     {want: `"{{time:a}}"`, got: `"2026-01-02T03:04:05.678Z"`},
		"a time ends in Z":                                           {want: `"{{time:a}}"`, got: `"2026-01-02T03:04:05+00:00"`},
		"the offset of a time is not part of its name":               {want: `["{{time:a}}","{{time:a+60}}"]`, got: `["2026-01-02T03:04:05Z","2026-01-02T03:04:05Z"]`, wantMatch: true},
		"any number":                                   {want: `"{{num:a}}"`, got: `1.5`, wantMatch: true},
		"a text is not a number":                       {want: `"{{num:a}}"`, got: `"1.5"`},
		"a bound number matches by value":              {want: `["{{num:a}}","{{num:a}}"]`, got: `[1,1.0]`, wantMatch: true},
		"a bound number does not match another number": {want: `["{{num:a}}","{{num:a}}"]`, got: `[1,2]`},
		"an integer":                                   {want: `"{{int:a}}"`, got: `3`, wantMatch: true},
		"a float is not an integer":                    {want: `"{{int:a}}"`, got: `3.0`},
		"a slug of two words":                          {want: `"{{slug:a}}"`, got: `"wise-owl"`, wantMatch: true},
		"one word is not a slug":                       {want: `"{{slug:a}}"`, got: `"owl"`},
		"any text that is not empty":                   {want: `"{{any:a}}"`, got: `"x\ny"`, wantMatch: true},
		"an empty text does not match any text":        {want: `"{{any:a}}"`, got: `""`},
		"any list":                                     {want: `"{{list:a}}"`, got: `[1,2]`, wantMatch: true},
		"an object is not a list":                      {want: `"{{list:a}}"`, got: `{}`},
		"any object":                                   {want: `"{{object:a}}"`, got: `{"a":1}`, wantMatch: true},
		"a response cannot mint a unique text":         {want: `"{{uniq:a}}"`, got: `"c0123456789ab"`},
		"a key may hold a name":                        {want: `{"{{uuid:a}}":1,"id":"{{uuid:a}}"}`, got: `{"` + idA + `":1,"id":"` + idA + `"}`, wantMatch: true},
		"the base URL is known":                        {want: `"{{base}}/x"`, got: `"http://host/api/x"`, wantMatch: true},
		"an unknown kind is a mismatch":                {want: `"{{what:a}}"`, got: `"x"`},
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

func TestDecode_keepsKeyOrderAndNumberSpelling(t *testing.T) {
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
