package taskrun

import "unicode/utf8"

// like reports whether the text holds the pattern somewhere, in which % stands
// for any characters and _ for one; ASCII letters match in either case
// (contract §2.7). It matches greedily from the last % on, so its time is
// bounded by the product of the lengths; it takes no memory.
func like(text, pattern string) bool { return likeFrom(text, pattern, 0) }

// LikePrefix reports whether the text begins with the pattern, of which like says what
// its characters mean.
func LikePrefix(text, pattern string) bool { return likeFrom(text, pattern, noStar) }

// noStar is the place of the last % before there was one.
const noStar = -1

// likeFrom matches the pattern. With star 0 it matches as if a % stood before the pattern.
func likeFrom(text, pattern string, star int) bool {
	t, p, mark := 0, 0, 0
	for p < len(pattern) {
		d := pattern[p]
		if d == '%' {
			p++
			star, mark = p, t
			continue
		}
		if t == len(text) {
			return false // no text is left for the rest of the pattern
		}
		if c := text[t]; lowered[c] == lowered[d] && c < utf8.RuneSelf {
			t, p = t+1, p+1
			continue
		}
		if size, patternSize, alike := likeRune(text[t:], pattern[p:]); alike {
			t, p = t+size, p+patternSize
			continue
		}
		if star == noStar {
			return false
		}
		mark = nextLike(text, mark, pattern[star])
		t, p = mark, star
	}
	return true // as if the pattern ended with %
}

// likeRune compares the first characters of both and returns their sizes.
func likeRune(text, pattern string) (size, patternSize int, alike bool) {
	if text[0] < utf8.RuneSelf {
		return 1, 1, pattern[0] == '_'
	}
	r, size := utf8.DecodeRuneInString(text)
	if pattern[0] == '_' {
		return size, 1, true
	}
	s, patternSize := utf8.DecodeRuneInString(pattern)
	return size, patternSize, r == s
}

// nextLike returns the next position after the mark at which a text could match
// a pattern that begins with d.
func nextLike(text string, mark int, d byte) int {
	_, size := utf8.DecodeRuneInString(text[mark:])
	mark += size
	if d == '_' || d >= utf8.RuneSelf {
		return mark
	}
	for mark < len(text) && lowered[text[mark]] != lowered[d] {
		mark++
	}
	return mark
}

// lowered maps ASCII letters to lower case, and other bytes to themselves.
var lowered = func() (to [256]byte) {
	for c := range to {
		to[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			to[c] += 'a' - 'A'
		}
	}
	return to
}()
