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

// CutKey is the key of the mark in a map of which entries were dropped.
const CutKey = "taskrun.dev/cut"

// leastText is what every text is left when it is cut: room for the longest mark.
const leastText = 96

// The marks that stand where something was cut. Each has the full length, so a
// value that is cut again keeps the length that it had at first.
var (
	charactersMark = regexp.MustCompile(`… \[cut, (\d{1,18}) characters in all(?:, sha256 [0-9a-f]{32})?\]$`)
	itemsMark      = regexp.MustCompile(`^… \[cut, (\d{1,18}) items in all\]$`)
	dataMark       = regexp.MustCompile(` ?\[data cut, \d{1,18} characters in all\]$`)
)

// charactersMarkOf is the mark of a text that had n characters.
func charactersMarkOf(n int) string { return fmt.Sprintf("… [cut, %d characters in all]", n) }

// itemsMarkOf is the mark of a list or map that had n items.
func itemsMarkOf(n int) string { return fmt.Sprintf("… [cut, %d items in all]", n) }

// dataMarkOf is the mark in the message of a state whose data had n characters.
func dataMarkOf(n int) string { return fmt.Sprintf("[data cut, %d characters in all]", n) }

// splitText returns a text without its mark, and how many characters it had at
// first; mark is empty if the text was not cut.
func splitText(text string) (body, mark string, total int) {
	at := charactersMark.FindStringSubmatchIndex(text)
	if at == nil {
		return text, "", utf8.RuneCountInString(text)
	}
	total, _ = strconv.Atoi(text[at[2]:at[3]])
	return text[:at[0]], text[at[0]:], total
}

// itemsOf reads the mark of a list or map.
func itemsOf(text string) (total int, ok bool) {
	found := itemsMark.FindStringSubmatch(text)
	if found == nil {
		return 0, false
	}
	total, _ = strconv.Atoi(found[1])
	return total, true
}

// measure says how much of a bound things take.
type measure struct {
	char func(rune) int
	// What each takes besides its characters.
	tag, label, list, input int
	leastLabel              int // what a label's value takes at least
}

// ruleMeasure measures as the rules of the CRD count the texts of spec.
var ruleMeasure = measure{char: func(rune) int { return 1 }, input: inputText, leastLabel: labelText}

// jsonMeasure measures what the fields take in status.effective, in JSON.
var jsonMeasure = measure{
	char: jsonChar, tag: len(`"",`), label: len(`"":,`), list: len(`"":[],`),
	input: len(`{"inputType":"parameter","id":"","name":"","type":""},`),
}

// jsonChar is how many characters JSON spells a character with.
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

// cutText cuts a text to most; its mark has the original length.
func (m *measure) cutText(text string, most int) string {
	return m.cutMarked(text, most, func(_ string, total int) string { return charactersMarkOf(total) })
}

// cutKey cuts a text that has to stay different from all others: the mark has a
// digest of the whole.
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

// cutMessage cuts a message, and keeps what it says of data.
func (m *measure) cutMessage(text string, most int) string {
	end := dataMark.FindString(text)
	return m.cutText(strings.TrimSuffix(text, end), most-m.text(end)) + end
}

// Truncate shortens a text to at most most characters; a mark has the original length.
func Truncate(text string, most int) string { return ruleMeasure.cutText(text, most) }
