package taskrun

import "unicode/utf8"

// like reports whether the text holds the pattern somewhere, in which % stands
// for any characters and _ for one; ASCII letters match in either case
// (contract §2.7). It matches greedily from the last % on, so its time is
// bounded by the product of the lengths.
func like(text, pattern string) bool {
	// The pattern stands between two more %: it may begin at mark, and anything
	// may follow it.
	t, p, mark, star := 0, 0, 0, 0
	for p < len(pattern) {
		want, wantSize := runeAt(pattern, p)
		if want == '%' {
			p += wantSize
			mark, star = t, p
			continue
		}
		if t == len(text) {
			return false // from a later mark on there would be even less text
		}
		got, gotSize := runeAt(text, t)
		if want == '_' || lowerASCII(want) == lowerASCII(got) {
			t, p = t+gotSize, p+wantSize
			continue
		}
		_, skipped := runeAt(text, mark)
		mark += skipped
		t, p = mark, star
	}
	return true
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// runeAt is utf8.DecodeRuneInString, faster for ASCII.
func runeAt(text string, i int) (r rune, size int) {
	if c := text[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(text[i:])
}
