package pyjson

// CountValues returns an upper limit of the number of values in a JSON text: of
// legal JSON, at most one too many for each empty array and object. It allocates
// nothing, so it can be asked before Parse about a text that nothing is known of.
func CountValues(body []byte) int {
	n, inString := 1, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			inString = !inString
		case inString:
			if c == '\\' {
				i++
			}
		case c == ',' || c == '[' || c == '{':
			n++
		}
	}
	return n
}

// BytesPerValue is an upper limit of the memory that a parsed value takes, without
// its characters: one in an object of a few members takes most.
const BytesPerValue = 160

// ParsedBytes returns the memory that the values of a text take at most, in bytes, with their strings and what handlers
// make of them. values is the result of CountValues.
func ParsedBytes(text []byte, values int) int64 {
	return 2*int64(len(text)) + int64(values)*BytesPerValue
}
