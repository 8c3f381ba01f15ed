package taskrun

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CutKey is the key of the mark in a map whose entries were dropped.
const CutKey = "taskrun.dev/cut"

// leastText is the minimum length to which a text is truncated, enough for the longest
// mark.
const leastText = 96

// The marks of truncated values. Each has the original length, so a value that is
// truncated again keeps it.
var (
	charactersMark = regexp.MustCompile(`… \[cut, (\d{1,18}) characters in all(?:, sha256 [0-9a-f]{32})?\]$`)
	itemsMark      = regexp.MustCompile(`^… \[cut, (\d{1,18}) items in all\]$`)
	dataMark       = regexp.MustCompile(` ?\[data cut, \d{1,18} characters in all\]$`)
)

// charactersMarkOf returns the mark of a text that had n characters.
func charactersMarkOf(n int) string { return fmt.Sprintf("… [cut, %d characters in all]", n) }

// itemsMarkOf returns the mark of a list or map that had n items.
func itemsMarkOf(n int) string { return fmt.Sprintf("… [cut, %d items in all]", n) }

// dataMarkOf returns the mark in the message of a state whose data had n characters.
func dataMarkOf(n int) string { return fmt.Sprintf("[data cut, %d characters in all]", n) }

// splitText returns a text without its mark, and its original number of characters.
// mark is empty if the text was not truncated.
func splitText(text string) (body, mark string, total int) {
	at := charactersMark.FindStringSubmatchIndex(text)
	if at == nil {
		return text, "", utf8.RuneCountInString(text)
	}
	total, _ = strconv.Atoi(text[at[2]:at[3]])
	return text[:at[0]], text[at[0]:], total
}

// itemsOf parses the mark of a list or map.
func itemsOf(text string) (total int, ok bool) {
	found := itemsMark.FindStringSubmatch(text)
	if found == nil {
		return 0, false
	}
	total, _ = strconv.Atoi(found[1])
	return total, true
}

// measure computes the sizes of values for one limit.
type measure struct {
	char func(rune) int
	// Sizes besides the characters.
	tag, label, list, input int
	leastLabel              int // minimum size of a label's value
}

// ruleMeasure computes sizes like the CRD's rules for the texts of spec.
var ruleMeasure = measure{char: func(rune) int { return 1 }, input: inputText, leastLabel: labelText}

// jsonMeasure computes the sizes of the fields in status.effective, as JSON.
var jsonMeasure = measure{
	char: jsonChar, tag: len(`"",`), label: len(`"":,`), list: len(`"":[],`),
	input: len(`{"inputType":"parameter","id":"","name":"","type":""},`),
}

// jsonChar returns the number of characters of a character in JSON.
func jsonChar(r rune) int {
	switch {
	case r == '"', r == '\\', r == '\n', r == '\r', r == '\t', r == '\b', r == '\f':
		return len(`\n`)
	case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029', r == utf8.RuneError:
		return len(`\u003c`)
	default:
		return 1
	}
}

func (m *measure) text(text string) (n int) {
	for _, r := range text {
		n += m.char(r)
	}
	return n
}

// cutText truncates a text to most characters. The mark has the original length.
func (m *measure) cutText(text string, most int) string {
	return m.cutMarked(text, most, func(_ string, total int) string { return charactersMarkOf(total) })
}

// cutKey truncates a text that must stay different from all others: the mark has a
// digest of the whole text.
func (m *measure) cutKey(text string, most int) string {
	return m.cutMarked(text, most, func(text string, total int) string {
		digest := sha256.Sum256([]byte(text))
		mark := charactersMarkOf(total)
		return strings.TrimSuffix(mark, "]") + ", sha256 " + hex.EncodeToString(digest[:16]) + "]"
	})
}

func (m *measure) cutMarked(text string, most int, markOf func(text string, total int) string) string {
	if m.text(text) <= most {
		return text
	}
	body, mark, total := splitText(text)
	if mark == "" {
		mark = markOf(text, total)
	}
	room := most - m.text(mark)
	for at, r := range body {
		if room -= m.char(r); room < 0 {
			return body[:at] + mark
		}
	}
	return body + mark
}

// cutMessage truncates a message, and keeps the mark of dropped data.
func (m *measure) cutMessage(text string, most int) string {
	end := dataMark.FindString(text)
	return m.cutText(strings.TrimSuffix(text, end), most-m.text(end)) + end
}

// Truncate truncates a text to most characters. The mark has the original length.
func Truncate(text string, most int) string { return ruleMeasure.cutText(text, most) }
