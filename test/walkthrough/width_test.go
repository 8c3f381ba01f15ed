package walkthrough

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// columns is the width at which prose in the docs is wrapped.
const columns = 120

// tooWide reports whether a line of prose is longer than the width although it could
// be wrapped: it has a space before the width that is not in code.
func tooWide(line string) bool {
	if utf8.RuneCountInString(line) <= columns {
		return false
	}
	text := strings.TrimLeft(line, " ->*0123456789.")
	column, inCode := utf8.RuneCountInString(line)-utf8.RuneCountInString(text), false
	for _, r := range text {
		switch {
		case r == '`':
			inCode = !inCode
		case r == ' ' && !inCode && column <= columns:
			return true
		}
		column++
	}
	return false
}

func TestProseOfTheDocsWraps(t *testing.T) {
	t.Parallel()
	for _, page := range docsPages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		inBlock := false
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				inBlock = !inBlock
			}
			if !inBlock && !strings.HasPrefix(strings.TrimSpace(line), "|") && tooWide(line) {
				t.Errorf("%s:%d is longer than %d columns", page, i+1, columns)
			}
		}
	}
}
