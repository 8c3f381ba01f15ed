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
		"no match":                              {"hello", "world", false},
		"longer than the text":                  {"hell", "hello", false},
		"in another case":                       {"Hello", "hELL", true},
		"only ASCII letters fold":               {"École", "école", false},
		"letters beyond ASCII match themselves": {"école", "éC", true},
		"% matches any characters":              {"hello world", "he%ld", true},
		"% matches no characters":               {"hello", "hel%lo", true},
		"% keeps the order":                     {"hello", "lo%he", false},
		"% alone":                               {"", "%", true},
		"_ matches one character":               {"hello", "h_llo", true},
		"_ matches one character beyond ASCII":  {"héllo", "h_llo", true},
		"_ does not match nothing":              {"hllo", "h_llo", false},
		"_ does not match an empty text":        {"", "_", false},
		"a backslash has no meaning":            {`100%`, `\%`, false},
		"a backslash in the text":               {`a\b`, `\`, true},
		"% after a partial match":               {"aab aac", "a%ac", true},
		"a pattern that needs backtracking":     {"abcabd", "abd", true},
		"many wildcards that do not match":      {strings.Repeat("a", 1000), strings.Repeat("a%", 200) + "b", false},
		"brackets have no meaning":              {"a[b]*", "[b]*", true},
		"a dot matches a dot":                   {"ab", "a.", false},
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

// TestLike_matchesTheRegularExpression compares like with the equivalent
// regular expression, on texts that are short enough to match often.
func TestLike_matchesTheRegularExpression(t *testing.T) {
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
