package rest

import "github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"

// appendInvalid writes the answer to a request that is not valid (contract §1.1).
func appendInvalid(b []byte, e *invalidError) []byte {
	b = append(b, `{"exception_message":`...)
	b = pyjson.AppendText(b, textInvalid)
	b = append(b, `,"exception_detail":[`...)
	for i := range e.items {
		b = appendComma(b, i)
		b = e.items[i].AppendTo(b)
	}
	b = append(b, `],"request_body":`...)
	b = e.body.AppendTo(b)
	return append(b, '}')
}
