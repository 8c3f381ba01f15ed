package wire

import (
	"net/http"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// textInvalid is the text of responses to invalid requests (contract §1.1).
const textInvalid = "Invalid request received."

// InvalidError is the error of an invalid request. The response is 422 with all invalid fields.
type InvalidError struct {
	Items []validate.Error
	Body  pyjson.Value // of the request
}

// DetailError is an error whose response has a status and one text.
type DetailError struct {
	Status int
	Text   string
}

func (e *InvalidError) Error() string { return textInvalid }

// Invalid returns the *InvalidError of a request with that body, or nil if there are no faults. The body is null for
// a request without one.
func Invalid(faults *validate.Faults, body pyjson.Value) error {
	if items := faults.Errors(); len(items) > 0 {
		return &InvalidError{Items: items, Body: body}
	}
	return nil
}

// missingBody returns the error of a request without its required body.
func missingBody() error {
	return &InvalidError{Items: []validate.Error{validate.Missing(nullValue, "body")}}
}

func (e *DetailError) Error() string { return e.Text }

// NewDetailError returns a DetailError.
func NewDetailError(status int, text string) error { return &DetailError{status, text} }

// unprocessable returns the error of a valid body that a handler of Prefect rejects.
func unprocessable(text string) error { return NewDetailError(http.StatusUnprocessableEntity, text) }

// NewLimitError returns the error of a text or list that exceeds a limit of this operator, in the format of a
// validation error.
func NewLimitError(e *taskrun.InvalidError, body pyjson.Value) *InvalidError {
	path := fieldPath(e.Field)
	loc := []any{"body"}
	for _, key := range path {
		loc = append(loc, key)
	}
	var faults validate.Faults
	faults.Node(inputAt(body, path), loc...).Refuse(e.Reason)
	return &InvalidError{Items: faults.Errors(), Body: body}
}

// fieldPath splits a documented name at its dots. Keys of clients can contain more dots. An error about the whole run
// has no path.
func fieldPath(field string) []string {
	const whole = "task_run"
	if field == whole {
		return nil
	}
	for _, free := range []string{"labels", "task_inputs"} {
		if key, ok := strings.CutPrefix(field, free+"."); ok {
			return []string{free, key}
		}
	}
	return strings.Split(field, ".")
}

// maxFaultBytes is the size of the list of errors above which no further error is added. Each error repeats the input,
// and its loc has keys of any length.
const maxFaultBytes = 1 << 20

// AppendInvalid writes the response to an invalid request (contract §1.1).
func AppendInvalid(b []byte, e *InvalidError) []byte {
	o := pyjson.BeginObject(b).Text("exception_message", textInvalid)
	o = appendFaults(o.Member("exception_detail"), e.Items)
	return o.Value("request_body", e.Body).End()
}

func appendFaults(b []byte, items []validate.Error) []byte {
	b = append(b, '[')
	for i := range items {
		b = AppendComma(b, i)
		if len(b) > maxFaultBytes {
			b = validate.Unlisted().AppendTo(b)
			break
		}
		b = items[i].AppendTo(b)
	}
	return append(b, ']')
}

// NewMalformedError returns the error of a body that is not JSON (contract §1.1).
func NewMalformedError(fault *pyjson.SyntaxError, body pyjson.Value) *InvalidError {
	return &InvalidError{Body: body, Items: []validate.Error{{
		Type: "json_invalid", Loc: []any{"body", fault.Pos}, Msg: "JSON decode error", Input: emptyObject,
		Ctx: validate.Context("error", fault.Msg),
	}}}
}
