package wire

// appendRaw writes JSON text as it is, null if there is none.
func appendRaw(b, text []byte) []byte {
	if len(text) == 0 {
		return append(b, "null"...)
	}
	return append(b, text...)
}
