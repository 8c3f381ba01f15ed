package wire

import "strings"

// queryValue returns the last value that a query gives the key. It reads
// queries as Python does: a semicolon separates nothing, and a percent sign
// that begins no escape stands for itself.
func queryValue(query, key string) (value string, given bool) {
	for pair := range strings.SplitSeq(query, "&") {
		name, text, _ := strings.Cut(pair, "=")
		if pair != "" && unescape(name) == key {
			value, given = unescape(text), true
		}
	}
	return value, given
}

// unescape reads a part of a query. Bytes that are no UTF-8 become U+FFFD.
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

// hexByte is the byte that two hexadecimal digits stand for.
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
