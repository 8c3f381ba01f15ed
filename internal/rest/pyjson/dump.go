package pyjson

import "unicode/utf8"

// DumpedBytes returns the length of the text that Python's json.dumps writes of the value without blanks, in bytes. That
// text is ASCII: other characters are escaped.
func (v Value) DumpedBytes() int {
	switch v.kind {
	case Bool:
		if v.truth {
			return len("true")
		}
		return len("false")
	case Number:
		return len(v.text)
	case String:
		return dumpedText(v.text)
	case Array:
		n := len("[]") + max(len(v.Items())-1, 0)
		for _, item := range v.Items() {
			n += item.DumpedBytes()
		}
		return n
	case Object:
		n := len("{}") + max(len(v.Members())-1, 0)
		for _, m := range v.Members() {
			n += dumpedText(m.Key) + len(":") + m.Value.DumpedBytes()
		}
		return n
	default:
		return len("null")
	}
}

func dumpedText(text string) int {
	n := len(`""`) + len(text)
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf && plain[c] && c != delete7 {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		n += dumpedRune(r) - size
		i += size
	}
	return n
}

// delete7 is the last ASCII character. Python escapes it.
const delete7 = '\x7f'

// dumpedRune returns the length of the escape of a character.
func dumpedRune(r rune) int {
	const unit = len(`\u0000`)
	switch {
	case r == '"', r == '\\', r == '\b', r == '\f', r == '\n', r == '\r', r == '\t':
		return len(`\n`)
	case r > '\uffff':
		return 2 * unit // a surrogate pair
	default:
		return unit
	}
}
