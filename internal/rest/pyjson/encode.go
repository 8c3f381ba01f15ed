package pyjson

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// AppendTo writes the value as FastAPI does: without spaces, without unnecessary escapes, and with null for numbers
// that JSON does not support.
func (v Value) AppendTo(b []byte) []byte {
	switch v.kind {
	case Bool:
		return strconv.AppendBool(b, v.truth)
	case Number:
		if !v.Finite() {
			return append(b, "null"...)
		}
		return append(b, v.text...)
	case String:
		return AppendText(b, v.text)
	case Array:
		b = append(b, '[')
		for i, item := range v.Items() {
			b = appendComma(b, i)
			b = item.AppendTo(b)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i, m := range v.Members() {
			b = appendComma(b, i)
			b = append(AppendText(b, m.Key), ':')
			b = m.Value.AppendTo(b)
		}
		return append(b, '}')
	default:
		return append(b, "null"...)
	}
}

func appendComma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

const hexDigits = "0123456789abcdef"

// AppendText writes a JSON string. It escapes only what JSON requires. Invalid UTF-8 becomes U+FFFD.
func AppendText(b []byte, text string) []byte {
	b = append(b, '"')
	clean := plainPrefix(text)
	b = append(b, text[:clean]...)
	for _, r := range text[clean:] { // range returns U+FFFD for an invalid byte
		switch {
		case r == '"' || r == '\\':
			b = utf8.AppendRune(append(b, '\\'), r)
		case r < ' ':
			b = appendControl(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// plainPrefix returns the length of the prefix of the text whose characters need no escape.
func plainPrefix(text string) int {
	const block = 8
	i := 0
	for i+block <= len(text) && plainBlock(text[i:i+block]) {
		i += block
	}
	if len(text) >= block && i+block > len(text) && plainBlock(text[len(text)-block:]) {
		return len(text)
	}
	for i < len(text) && plain[text[i]] {
		i++
	}
	return i
}

// plainBlock reports whether all of eight bytes are equal in the table plain. A difference or a byte beyond ASCII sets
// the high bit.
func plainBlock(text string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	x := binary.LittleEndian.Uint64([]byte(text))
	controls, quotes, backslashes := x-ones*' ', (x^ones*'"')-ones, (x^ones*'\\')-ones
	return (x|controls|quotes|backslashes)&high == 0
}

// plain holds the ASCII characters that need no escape. Most texts have no others.
var plain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

func appendControl(b []byte, c rune) []byte {
	switch c {
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	default:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
}
