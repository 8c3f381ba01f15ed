package pyjson

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// MaxDepth is the maximum nesting of arrays and objects.
const MaxDepth = 500

// SyntaxError reports that a text is not JSON.
type SyntaxError struct {
	Msg string // text of Python's json; can hold a backslash
	Pos int    // index of the character, without a byte order mark
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s: char %d", e.Msg, e.Pos) }

// The error texts of Python's json.
const (
	msgValue        = "Expecting value"
	msgKey          = "Expecting property name enclosed in double quotes"
	msgComma        = "Expecting ',' delimiter"
	msgColon        = "Expecting ':' delimiter"
	msgExtra        = "Extra data"
	msgUnterminated = "Unterminated string starting at"
	msgControl      = "Invalid control character at"
	msgEscape       = `Invalid \escape`
	msgUnicode      = `Invalid \uXXXX escape`
)

// Error texts that are not Python's, which reports these errors in other ways.
const (
	msgEncoding = "Invalid UTF-8"
	msgDepth    = "Too deeply nested"
)

var byteOrderMark = []byte("\ufeff")

// Parse parses one JSON value. Beyond the standard, it skips a byte order mark
// and accepts NaN, Infinity and -Infinity. Of duplicate keys, the last value is
// kept at the position of the first. Unpaired surrogates become U+FFFD.
func Parse(body []byte) (Value, *SyntaxError) {
	p := &parser{body: bytes.TrimPrefix(body, byteOrderMark)}
	if !utf8.Valid(p.body) {
		return Value{}, p.fail(msgEncoding, invalidAt(p.body))
	}
	p.skipBlanks()
	v, err := p.value()
	if err != nil {
		return Value{}, err
	}
	if p.skipBlanks(); p.at < len(p.body) {
		return Value{}, p.fail(msgExtra, p.at)
	}
	return v, nil
}

// invalidAt returns the index of the first byte of invalid UTF-8.
func invalidAt(body []byte) int {
	at := 0
	for at < len(body) {
		r, size := utf8.DecodeRune(body[at:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		at += size
	}
	return at
}

type parser struct {
	body  []byte
	at    int // index of the next byte
	depth int
}

// fail returns an error at the byte with the index.
func (p *parser) fail(msg string, at int) *SyntaxError {
	return &SyntaxError{Msg: msg, Pos: utf8.RuneCount(p.body[:at])}
}

func (p *parser) skipBlanks() {
	for p.at < len(p.body) {
		switch p.body[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next reports whether the next byte is c.
func (p *parser) next(c byte) bool { return p.at < len(p.body) && p.body[p.at] == c }

// value reads the value that starts at the next byte.
func (p *parser) value() (Value, *SyntaxError) {
	switch {
	case p.next('"'):
		text, err := p.text()
		return StringValue(text), err
	case p.next('{'):
		return p.nested((*parser).object)
	case p.next('['):
		return p.nested((*parser).array)
	}
	if v, ok := p.word(); ok {
		return v, nil
	}
	return p.number()
}

// nested reads an object or array after its opening bracket.
func (p *parser) nested(read func(*parser) (Value, *SyntaxError)) (Value, *SyntaxError) {
	if p.depth == MaxDepth {
		return Value{}, p.fail(msgDepth, p.at)
	}
	p.depth++
	p.at++
	p.skipBlanks()
	v, err := read(p)
	p.depth--
	return v, err
}

var words = []struct {
	text  string
	value Value
}{
	{"null", Value{}},
	{"true", Value{kind: Bool, truth: true}},
	{"false", Value{kind: Bool}},
	{textNaN, Value{kind: Number, text: textNaN}},
	{textInfinity, Value{kind: Number, text: textInfinity}},
	{textNegInfinity, Value{kind: Number, text: textNegInfinity}},
}

func (p *parser) word() (Value, bool) {
	for _, w := range words {
		if p.next(w.text[0]) && bytes.HasPrefix(p.body[p.at:], []byte(w.text)) {
			p.at += len(w.text)
			return w.value, true
		}
	}
	return Value{}, false
}

func (p *parser) array() (Value, *SyntaxError) {
	var items []Value
	for !p.next(']') || len(items) > 0 {
		item, err := p.value()
		if err != nil {
			return Value{}, err
		}
		items = append(items, item)
		more, err := p.more(']')
		if err != nil {
			return Value{}, err
		}
		if !more {
			return Value{kind: Array, content: &content{items: items}}, nil
		}
	}
	p.at++
	return Value{kind: Array}, nil
}

// more reads the comma after an item and returns true, or reads the closing
// bracket and returns false.
func (p *parser) more(end byte) (bool, *SyntaxError) {
	p.skipBlanks()
	switch {
	case p.next(end):
		p.at++
		return false, nil
	case p.next(','):
		p.at++
		p.skipBlanks()
		return true, nil
	default:
		return false, p.fail(msgComma, p.at)
	}
}

func (p *parser) object() (Value, *SyntaxError) {
	if p.next('}') {
		p.at++
		return Value{kind: Object}, nil
	}
	var members memberList
	for {
		m, err := p.member()
		if err != nil {
			return Value{}, err
		}
		members.add(m)
		more, err := p.more('}')
		if err != nil {
			return Value{}, err
		}
		if !more {
			return Value{kind: Object, content: &content{members: members.list}}, nil
		}
	}
}

// memberList holds the members of an object while the object is read.
type memberList struct {
	list   []Member
	places map[string]int // index in list by key; nil while the list is short
}

// scannedMembers is the length up to which a list is scanned for a key: most
// objects never need a map.
const scannedMembers = 8

// add appends a member, or replaces the value of the member with that key.
func (l *memberList) add(m Member) {
	if place, known := l.find(m.Key); known {
		l.list[place].Value = m.Value
		return
	}
	if l.places == nil && len(l.list) == scannedMembers {
		l.places = make(map[string]int, 2*scannedMembers)
		for i := range l.list {
			l.places[l.list[i].Key] = i
		}
	}
	if l.places != nil {
		l.places[m.Key] = len(l.list)
	}
	l.list = append(l.list, m)
}

func (l *memberList) find(key string) (place int, known bool) {
	if l.places != nil {
		place, known = l.places[key]
		return place, known
	}
	place = slices.IndexFunc(l.list, func(m Member) bool { return m.Key == key })
	return place, place >= 0
}

func (p *parser) member() (Member, *SyntaxError) {
	if !p.next('"') {
		return Member{}, p.fail(msgKey, p.at)
	}
	key, err := p.text()
	if err != nil {
		return Member{}, err
	}
	if p.skipBlanks(); !p.next(':') {
		return Member{}, p.fail(msgColon, p.at)
	}
	p.at++
	p.skipBlanks()
	v, err := p.value()
	return Member{Key: key, Value: v}, err
}

// number reads the longest prefix that is a number.
func (p *parser) number() (Value, *SyntaxError) {
	start := p.at
	end := start
	if p.next('-') {
		end++
	}
	digits := p.digits(end)
	switch {
	case digits == 0:
		return Value{}, p.fail(msgValue, start)
	case p.body[end] == '0':
		end++
	default:
		end += digits
	}
	whole := end
	if end < len(p.body) && p.body[end] == '.' {
		if digits := p.digits(end + 1); digits > 0 {
			end += 1 + digits
		}
	}
	end += p.exponent(end)
	p.at = end
	text := string(p.body[start:end])
	if end == whole {
		return intValue(text), nil
	}
	return floatValue(text), nil
}

// digits counts the decimal digits from the index on.
func (p *parser) digits(at int) int {
	n := 0
	for at+n < len(p.body) && '0' <= p.body[at+n] && p.body[at+n] <= '9' {
		n++
	}
	return n
}

// exponent returns the length of the exponent at the index, 0 if there is none.
func (p *parser) exponent(at int) int {
	if at >= len(p.body) || p.body[at]|0x20 != 'e' {
		return 0
	}
	n := 1
	if at+n < len(p.body) && (p.body[at+n] == '+' || p.body[at+n] == '-') {
		n++
	}
	digits := p.digits(at + n)
	if digits == 0 {
		return 0
	}
	return n + digits
}
