package wire

import (
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
)

// Lengths of the formats of a UUID.
const (
	uuidDigits = 32
	uuidLength = 36
)

// PathID reads an id in a path: 32 hexadecimal digits of any case, with or without each of the four hyphens (contract
// §1.1). The id is returned in lower case with hyphens.
func PathID(s string) (id string, ok bool) {
	if len(s) < uuidDigits || len(s) > uuidLength {
		return "", false
	}
	out := make([]byte, 0, uuidLength)
	for i := range len(s) {
		if atHyphen(len(out)) {
			out = append(out, '-')
			if s[i] == '-' {
				continue
			}
		}
		c, ok := lowerHex(s[i])
		if !ok || len(out) == uuidLength {
			return "", false
		}
		out = append(out, c)
	}
	return string(out), len(out) == uuidLength
}

// atHyphen reports whether a hyphen belongs at this index.
func atHyphen(i int) bool { return i == 8 || i == 13 || i == 18 || i == 23 }

func lowerHex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		return c, true
	case 'A' <= c && c <= 'F':
		return c + ('a' - 'A'), true
	default:
		return 0, false
	}
}

// LimitKey reads the id or the name of a limit. A text that the UUID type of Python accepts is an id: 32 hexadecimal
// digits, with or without hyphens, braces and the prefix urn:uuid:.
func LimitKey(text string) concurrency.Key {
	digits := strings.ReplaceAll(strings.ReplaceAll(text, "urn:", ""), "uuid:", "")
	digits = strings.ReplaceAll(strings.Trim(digits, "{}"), "-", "")
	if id, ok := PathID(digits); ok {
		return concurrency.Key{ID: id}
	}
	return concurrency.Key{Name: text}
}

// TagKey returns the key of the limit on a tag.
func TagKey(tag string) concurrency.Key { return concurrency.Key{Name: TagPrefix + tag} }
