package objectjson

import (
	"encoding/json"
	"hash/maphash"
	"strings"
	"unicode/utf8"
)

// maxDepth is the maximum nesting of decoded values.
const maxDepth = 500

// state is the decoded text and the position in it.
type state struct {
	text  []byte
	at    int
	depth int
	texts *textCache
}

// peek returns the next character that is not white space, or 0 at the end.
func (s *state) peek() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take consumes the next character if it is this one.
func (s *state) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// literal reads true, false or null.
func (s *state) literal(want string) error {
	s.peek()
	if end := s.at + len(want); end > len(s.text) || string(s.text[s.at:end]) != want {
		return ErrRefused
	}
	s.at += len(want)
	return nil
}

// null consumes null if it is next.
func (s *state) null() (bool, error) {
	if s.peek() != 'n' {
		return false, nil
	}
	return true, s.literal("null")
}

// each calls do for each element or member.
func (s *state) each(opening, closing byte, do func() error) error {
	if s.depth++; !s.take(opening) || s.depth > maxDepth {
		return ErrRefused
	}
	if s.peek() != closing {
		if err := do(); err != nil {
			return err
		}
		for s.take(',') {
			if err := do(); err != nil {
				return err
			}
		}
	}
	s.depth--
	if !s.take(closing) {
		return ErrRefused
	}
	return nil
}

// skip reads a value.
func (s *state) skip() error {
	switch c := s.peek(); c {
	case '{':
		return s.each('{', '}', func() error {
			if _, _, err := s.quoted(); err != nil || !s.take(':') {
				return ErrRefused
			}
			return s.skip()
		})
	case '[':
		return s.each('[', ']', s.skip)
	case '"':
		_, _, err := s.quoted()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

// raw reads a value and returns its text.
func (s *state) raw() ([]byte, error) {
	s.peek()
	start := s.at
	if err := s.skip(); err != nil {
		return nil, err
	}
	return s.text[start:s.at], nil
}

// number reads a number.
func (s *state) number() error {
	s.oneOf("-")
	whole := s.at
	if s.digits() == 0 || (s.text[whole] == '0' && s.at > whole+1) {
		return ErrRefused
	}
	if s.oneOf(".") && s.digits() == 0 {
		return ErrRefused
	}
	if s.oneOf("eE") {
		s.oneOf("+-")
		if s.digits() == 0 {
			return ErrRefused
		}
	}
	return nil
}

// oneOf consumes the character at the position if it is one of these.
func (s *state) oneOf(characters string) bool {
	if s.at == len(s.text) || strings.IndexByte(characters, s.text[s.at]) < 0 {
		return false
	}
	s.at++
	return true
}

// digits consumes digits and returns their number.
func (s *state) digits() int {
	start := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at - start
}

// quoted reads a string with its quotes. plain is true for a string of ASCII characters
// without escapes. Any other string can be invalid.
func (s *state) quoted() (text []byte, plain bool, err error) {
	if s.peek() != '"' {
		return nil, false, ErrRefused
	}
	start := s.at
	plain = true
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			text = s.text[start:s.at]
			if !plain && !json.Valid(text) {
				return nil, false, ErrRefused
			}
			return text, plain, nil
		case c == '\\':
			plain = false
			s.at++
		case c < ' ':
			return nil, false, ErrRefused
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return nil, false, ErrRefused
}

// plain reads a plain string, and returns it without quotes.
func (s *state) plain() ([]byte, error) {
	text, plain, err := s.quoted()
	if err != nil || !plain {
		return nil, ErrRefused
	}
	return text[1 : len(text)-1], nil
}

// string reads a string.
func (s *state) string() (string, error) {
	text, plain, err := s.quoted()
	if err != nil {
		return "", err
	}
	if plain {
		return s.texts.of(text[1 : len(text)-1]), nil
	}
	var decoded string
	err = json.Unmarshal(text, &decoded)
	return decoded, refusedUnless(err)
}

const (
	cachedTexts   = 1024 // a power of two
	maxCachedText = 64
)

// textCache holds recently decoded short texts, so that equal ones are in memory once.
type textCache struct {
	seed  maphash.Seed
	texts [cachedTexts]string
}

func newTextCache() *textCache { return &textCache{seed: maphash.MakeSeed()} }

// of returns the text as a string.
func (c *textCache) of(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if len(text) > maxCachedText {
		return string(text)
	}
	known := &c.texts[maphash.Bytes(c.seed, text)%cachedTexts]
	if *known != string(text) {
		*known = string(text)
	}
	return *known
}
