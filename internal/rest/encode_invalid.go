package rest

import (
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// maxFaultBytes is how long the list of faults may get before no other is
// added: each repeats the input, and its place with keys of any length.
const maxFaultBytes = 1 << 20

// appendInvalid writes the answer to a request that is not valid (contract §1.1).
func appendInvalid(b []byte, e *invalidError) []byte {
	b = append(b, `{"exception_message":`...)
	b = pyjson.AppendText(b, textInvalid)
	b = append(b, `,"exception_detail":[`...)
	for i := range e.items {
		b = appendComma(b, i)
		if len(b) > maxFaultBytes {
			b = validate.Unlisted().AppendTo(b)
			break
		}
		b = e.items[i].AppendTo(b)
	}
	b = append(b, `],"request_body":`...)
	b = e.body.AppendTo(b)
	return append(b, '}')
}
