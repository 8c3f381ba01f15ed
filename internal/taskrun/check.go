package taskrun

import "time"

// noTime stands where a time does not matter.
var noTime time.Time

// What a short label value, and the fixed parts of an input, count as among the texts.
const (
	labelText = 64
	inputText = 20
)
