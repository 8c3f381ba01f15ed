package index

// orderedID is a UUID as a number. Two compare as their texts do.
type orderedID struct{ high, low uint64 }

// orderID parses a UUID in lower case with hyphens. The result is false for any other
// text: clients send UUIDs only, but the UID of an object need not be one.
func orderID(text string) (orderedID, bool) {
	if len(text) != 36 {
		return orderedID{}, false
	}
	var id orderedID
	for i := range len(text) {
		c := text[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return orderedID{}, false
			}
			continue
		}
		digit := hexValues[c]
		if digit == noDigit {
			return orderedID{}, false
		}
		id.high = id.high<<4 | id.low>>60
		id.low = id.low<<4 | uint64(digit)
	}
	return id, true
}

const noDigit = 0xff

var hexValues = func() (values [256]byte) {
	for c := range values {
		switch {
		case '0' <= c && c <= '9':
			values[c] = byte(c - '0')
		case 'a' <= c && c <= 'f':
			values[c] = byte(c - 'a' + 10)
		default:
			values[c] = noDigit
		}
	}
	return values
}()
