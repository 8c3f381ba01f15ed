package pyjson

// CountValues returns an upper limit of the number of values in a JSON text. For valid JSON, it is too high by at most
// one for each empty array and object. CountValues allocates no memory, so it can be called on unchecked text before
// Parse.
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

// BytesPerValue is an upper limit of the memory of a parsed value without its characters, in bytes. A value in an
// object of a few members uses the most.
const BytesPerValue = 160

// ParsedBytes returns an upper limit of the memory of the values of a text, in bytes, including their strings and the
// data that handlers derive from them. values is the result of CountValues.
func ParsedBytes(text []byte, values int) int64 {
	return 2*int64(len(text)) + int64(values)*BytesPerValue
}
