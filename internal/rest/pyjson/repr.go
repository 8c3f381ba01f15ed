package pyjson

import (
	"fmt"
	"strings"
	"unicode"
)

// Repr returns Python's repr of a text: in single quotes, or in double quotes
// if the text has only single quotes. Unprintable characters are escaped.
func Repr(text string) string {
	quote := '\''
	if strings.ContainsRune(text, '\'') && !strings.ContainsRune(text, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range text {
		if r == quote || r == '\\' {
			b.WriteByte('\\')
			b.WriteRune(r)
			continue
		}
		b.WriteString(printable(r))
	}
	b.WriteRune(quote)
	return b.String()
}

// printable returns the form of a character that is not a quote to escape.
func printable(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case unicode.IsPrint(r):
		return string(r)
	case r <= 0xff:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return fmt.Sprintf(`\U%08x`, r)
	}
}
