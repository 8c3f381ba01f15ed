package taskrun

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestLike(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text, pattern string
		want          bool
	}{
		"a substring":                           {"hello world", "lo wo", true},
		"the whole text":                        {"hello", "hello", true},
		"at the start":                          {"hello", "he", true},
		"at the end":                            {"hello", "lo", true},
		"not there":                             {"hello", "world", false},
		"longer than the text":                  {"hell", "hello", false},
		"in another case":                       {"Hello", "hELL", true},
		"only ASCII letters fold":               {"École", "école", false},
		"letters beyond ASCII match themselves": {"école", "éC", true},
		"% is any characters":                   {"hello world", "he%ld", true},
		"% is also none":                        {"hello", "hel%lo", true},
		"% does not turn the order around":      {"hello", "lo%he", false},
		"% alone":                               {"", "%", true},
		"_ is one character":                    {"hello", "h_llo", true},
		"_ is one character beyond ASCII":       {"héllo", "h_llo", true},
		"_ is not none":                         {"hllo", "h_llo", false},
		"_ in an empty text":                    {"", "_", false},
		"a backslash is only that":              {`100%`, `\%`, false},
		"a backslash in the text":               {`a\b`, `\`, true},
		"% after a false start":                 {"aab aac", "a%ac", true},
		"a pattern that needs to go back":       {"abcabd", "abd", true},
		"many wildcards that do not match":      {strings.Repeat("a", 1000), strings.Repeat("a%", 200) + "b", false},
		"brackets and the like have no meaning": {"a[b]*", "[b]*", true},
		"a dot is a dot":                        {"ab", "a.", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := like(tc.text, tc.pattern); got != tc.want {
				t.Errorf("like(%q, %q) = %v, want %v", tc.text, tc.pattern, got, tc.want)
			}
		})
	}
}

// TestLikeIsTheExpression compares like with the regular expression that says
// the same, on texts that are short enough to match often.
func TestLikeIsTheExpression(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	word := func(letters []string, most int) string {
		var b strings.Builder
		for range random.IntN(most + 1) {
			b.WriteString(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	matches := 0
	for range 20_000 {
		text, pattern := word([]string{"a", "B", "é"}, 8), word([]string{"A", "b", "é", "%", "_"}, 5)
		expression := regexp.MustCompile("(?s)^.*" + strings.NewReplacer("%", ".*", "_", ".", "A", "[aA]", "b", "[bB]").Replace(pattern) + ".*$")
		want := expression.MatchString(text)
		if got := like(text, pattern); got != want {
			t.Fatalf("like(%q, %q) = %v, want %v", text, pattern, got, want)
		}
		if want {
			matches++
		}
	}
	if matches < 1000 || matches > 19_000 {
		t.Errorf("%d of 20000 match: the texts tell too little", matches)
	}
}
