package taskrun

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// likePlainly is a simple implementation of like.
func likePlainly(text, pattern []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(text) == 0
	case pattern[0] == '%':
		return likePlainly(text, pattern[1:]) || (len(text) > 0 && likePlainly(text[1:], pattern))
	default:
		return len(text) > 0 && (pattern[0] == '_' || pattern[0] == text[0]) && likePlainly(text[1:], pattern[1:])
	}
}

func TestLike_matchesSimpleImplementationOnRandomTexts(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 9))
	letters := []rune("aAbBéÉ\u00e8_%ß\u212a") // the last is a Kelvin sign, which is not an ASCII letter
	word := func(most int) string {
		var b strings.Builder
		for range random.IntN(most + 1) {
			b.WriteRune(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	lower := func(text string) []rune { return []rune(strings.NewReplacer("A", "a", "B", "b").Replace(text)) }
	for range 50_000 {
		text, pattern := word(8), word(5)
		if got, want := like(text, pattern), likePlainly(lower(text), lower("%"+pattern+"%")); got != want {
			t.Fatalf("like(%q, %q) = %v, want %v", text, pattern, got, want)
		}
		if got, want := LikePrefix(text, pattern), likePlainly(lower(text), lower(pattern+"%")); got != want {
			t.Fatalf("LikePrefix(%q, %q) = %v, want %v", text, pattern, got, want)
		}
	}
}
