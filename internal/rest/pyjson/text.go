package pyjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// text reads the string whose opening quote is the next byte.
func (p *parser) text() (string, *SyntaxError) {
	open := p.at
	p.at++
	var text []byte // characters before the last escape
	for clean := p.at; ; {
		if p.at >= len(p.body) {
			return "", p.fail(msgUnterminated, open)
		}
		switch c := p.body[p.at]; {
		case c == '"':
			text = append(text, p.body[clean:p.at]...)
			p.at++
			return string(text), nil
		case c < ' ':
			return "", p.fail(msgControl, p.at)
		case c != '\\':
			p.at++
		default:
			text = append(text, p.body[clean:p.at]...)
			r, err := p.escape(open)
			if err != nil {
				return "", err
			}
			text = utf8.AppendRune(text, r)
			clean = p.at
		}
	}
}

var escapes = map[byte]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape reads an escape sequence of the string that starts at the index.
func (p *parser) escape(open int) (rune, *SyntaxError) {
	start := p.at
	if start+1 >= len(p.body) {
		return 0, p.fail(msgUnterminated, open)
	}
	if p.body[start+1] != 'u' {
		r, ok := escapes[p.body[start+1]]
		if !ok {
			return 0, p.fail(msgEscape, start)
		}
		p.at += 2
		return r, nil
	}
	first, ok := p.hex(start + 2)
	if !ok {
		return 0, p.fail(msgUnicode, start+1)
	}
	p.at += 6
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	return p.pair(first)
}

// pair reads the second half of a surrogate pair, if there is one. An unpaired
// surrogate becomes U+FFFD.
func (p *parser) pair(first rune) (rune, *SyntaxError) {
	if first >= 0xdc00 || !p.next('\\') || p.at+6 >= len(p.body) || p.body[p.at+1] != 'u' {
		return utf8.RuneError, nil
	}
	second, ok := p.hex(p.at + 2)
	if !ok {
		return 0, p.fail(msgUnicode, p.at+1)
	}
	r := utf16.DecodeRune(first, second)
	if r != utf8.RuneError {
		p.at += 6
	}
	return r, nil
}

// hex reads four hexadecimal digits. They must not be at the end of the text.
func (p *parser) hex(at int) (rune, bool) {
	if at+4 >= len(p.body) {
		return 0, false
	}
	var r rune
	for _, c := range p.body[at : at+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
