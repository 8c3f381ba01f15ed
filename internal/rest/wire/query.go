package wire

import "strings"

// queryValue returns the last value of the key in a query. It parses queries as
// Python does: a semicolon is not a separator, and a percent sign that does not
// begin an escape is kept.
func queryValue(query, key string) (value string, given bool) {
	for pair := range strings.SplitSeq(query, "&") {
		name, text, _ := strings.Cut(pair, "=")
		if pair != "" && unescape(name) == key {
			value, given = unescape(text), true
		}
	}
	return value, given
}

// unescape decodes a part of a query. Invalid UTF-8 becomes U+FFFD.
func unescape(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(text):
			if escaped, ok := hexByte(text[i+1], text[i+2]); ok {
				c = escaped
				i += 2
			}
		}
		out = append(out, c)
	}
	return strings.ToValidUTF8(string(out), "\ufffd")
}

// hexByte returns the byte with two hexadecimal digits.
func hexByte(high, low byte) (b byte, ok bool) {
	for _, digit := range []byte{high, low} {
		c, ok := lowerHex(digit)
		if !ok {
			return 0, false
		}
		if c >= 'a' {
			c -= 'a' - '9' - 1
		}
		b = b<<4 | (c - '0')
	}
	return b, true
}
