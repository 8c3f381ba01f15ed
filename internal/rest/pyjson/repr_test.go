package pyjson

import "testing"

func TestRepr_matchesPython(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":               `''`,
		"a,b":            `'a,b'`,
		"it's":           `"it's"`,
		`say "hi"`:       `'say "hi"'`,
		`it's "both"`:    `'it\'s "both"'`,
		`back\slash`:     `'back\\slash'`,
		"a\nb\rc\td":     `'a\nb\rc\td'`,
		"\x00\x7f\u0085": `'\x00\x7f\x85'`,
		"ä €":            `'ä €'`,
		"\u00a0\u200b":   `'\xa0\u200b'`,
		"\U000e0001":     `'\U000e0001'`,
		"🚀":              `'🚀'`,
	} {
		if got := Repr(text); got != want {
			t.Errorf("Repr(%q) = %s, want %s", text, got, want)
		}
	}
}
