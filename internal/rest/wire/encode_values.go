package wire

// appendRaw writes JSON text unchanged, or null if it is empty.
func appendRaw(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, "null"...)
	}
	return append(b, text...)
}
