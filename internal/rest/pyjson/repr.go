package pyjson

import (
	"fmt"
	"strings"
	"unicode"
)

// Repr spells a text as Python's repr does: in single quotes, or in double ones
// if it has single ones only; what cannot be printed is escaped.
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

// printable spells a character that needs no escape for being a quote.
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
