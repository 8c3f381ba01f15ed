package wire

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/logs"
)

// searchOf parses a search as Prefect does. Terms are separated by spaces. A
// phrase of several words is in double quotes, in which a backslash escapes a
// quote or a backslash. One of the plain terms must occur, all terms after a
// plus, and none after a minus or exclamation mark.
func searchOf(query string) (f logs.TextFilter) {
	for query = blanksCut(query); query != ""; query = blanksCut(query) {
		sign := query[0]
		if strings.IndexByte("+-!", sign) >= 0 {
			query = query[1:]
			if query == "" || blanksCut(query) != query {
				continue // a sign without a term is ignored
			}
		} else {
			sign = 0
		}
		var term string
		term, query = termOf(query)
		if strings.TrimSpace(term) == "" {
			continue
		}
		switch sign {
		case '+':
			f.AllOf = append(f.AllOf, term)
		case '-', '!':
			f.NoneOf = append(f.NoneOf, term)
		default:
			f.AnyOf = append(f.AnyOf, term)
		}
	}
	return f
}

func blanksCut(text string) string { return strings.TrimLeftFunc(text, unicode.IsSpace) }

// termOf returns the term at the start of a text that does not start with a
// space.
func termOf(text string) (term, rest string) {
	if text[0] == '"' {
		return phraseOf(text[1:])
	}
	end := strings.IndexFunc(text, func(r rune) bool { return r == '"' || unicode.IsSpace(r) })
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:]
}

// phraseOf returns the phrase after an opening quote. The closing quote may be
// missing.
func phraseOf(text string) (phrase, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '"':
			return b.String(), text[i+size:]
		case r == '\\' && i+1 < len(text):
			if next := text[i+1]; next != '"' && next != '\\' {
				b.WriteByte('\\')
			}
			i++
			_, size = utf8.DecodeRuneInString(text[i:])
		}
		b.WriteString(text[i : i+size])
		i += size
	}
	return b.String(), ""
}
