package validate

import (
	"fmt"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// UUID reads a UUID with hyphens, as 32 digits, in braces, or as a URN, in
// upper or lower case. It returns the UUID in lower case with hyphens.
func (n Node) UUID() string {
	if n.Value.Kind() != pyjson.String {
		n.Add("uuid_type", "UUID input should be a string, bytes or UUID object", nil)
		return ""
	}
	id, fault := parseUUID(n.Value.Text())
	if fault != "" {
		n.Add("uuid_parsing", "Input should be a valid UUID, "+fault, Context("error", fault))
	}
	return id
}

const (
	uuidDigits     = 32
	uuidCharacters = 36 // with hyphens
	uuidURN        = "urn:uuid:"
)

// uuidGroups holds the lengths of the groups between hyphens.
var uuidGroups = [...]int{8, 4, 4, 4, 12}

// parseUUID returns the id, or the error in the words of the parser that
// pydantic uses. If the characters around the id are correct, the error is
// about the text inside them, otherwise about the whole text.
func parseUUID(text string) (id, fault string) {
	if inner, _ := unwrapUUID(text); len(inner) == uuidCharacters {
		text = inner
	}
	digits, offset := unwrapUUID(text)
	for i, r := range digits {
		if r != '-' && !isHexDigit(r) {
			return "", fmt.Sprintf("invalid character: found `%c` at %d", r, offset+i+1)
		}
	}
	groups := strings.Split(digits, "-")
	if len(groups) == 1 && offset == 0 {
		return simpleUUID(text)
	}
	if len(groups) != len(uuidGroups) {
		return "", fmt.Sprintf("invalid group count: expected %d, found %d", len(uuidGroups), len(groups))
	}
	for i, group := range groups {
		if len(group) != uuidGroups[i] {
			return "", wrongGroup(i, len(group), len(text))
		}
	}
	return strings.ToLower(digits), ""
}

// wrongGroup returns the error for a group of the wrong length. The length of
// the last group includes the rest of the text and the characters around the
// id.
func wrongGroup(i, length, all int) string {
	if last := len(uuidGroups) - 1; i == last {
		length = all
		for _, size := range uuidGroups[:last] {
			length -= size + len("-")
		}
	}
	return fmt.Sprintf("invalid group length in group %d: expected %d, found %d", i, uuidGroups[i], length)
}

// unwrapUUID removes the characters around an id and returns how many of them
// were in front of it.
func unwrapUUID(text string) (digits string, offset int) {
	if inner, ok := strings.CutPrefix(text, "{"); ok && strings.HasSuffix(inner, "}") {
		return strings.TrimSuffix(inner, "}"), 1
	}
	if inner, ok := strings.CutPrefix(text, uuidURN); ok {
		return inner, len(uuidURN)
	}
	return text, 0
}

func simpleUUID(text string) (id, fault string) {
	if len(text) != uuidDigits {
		return "", fmt.Sprintf("invalid length: expected length %d for simple format, found %d", uuidDigits, len(text))
	}
	groups := make([]string, 0, len(uuidGroups))
	for _, size := range uuidGroups {
		groups = append(groups, text[:size])
		text = text[size:]
	}
	return strings.ToLower(strings.Join(groups, "-")), ""
}

func isHexDigit(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F'
}
