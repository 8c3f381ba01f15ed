// Package validate reads JSON values as typed values and reports errors with
// the texts of pydantic, which Prefect's clients see (contract §1.2).
package validate

import (
	"slices"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Error is one item of exception_detail in a response.
type Error struct {
	Type  string
	Loc   []any // strings and ints; the first one is the part of the request
	Msg   string
	Input pyjson.Value // the invalid value
	Ctx   []byte       // a JSON object, or nil
}

// AppendTo writes the item as JSON.
func (e Error) AppendTo(b []byte) []byte {
	o := pyjson.BeginObject(b).Text("type", e.Type)
	o = pyjson.AppendList(o.Member("loc"), e.Loc, appendPart)
	o = o.Text("msg", e.Msg).Value("input", e.Input)
	if e.Ctx != nil {
		o = o.Raw("ctx", e.Ctx)
	}
	return o.End()
}

// appendPart writes one part of a loc.
func appendPart(b []byte, part any) []byte {
	switch part := part.(type) {
	case int:
		return strconv.AppendInt(b, int64(part), 10)
	case string:
		return pyjson.AppendText(b, part)
	default:
		return b
	}
}

// Context returns a Ctx with one text.
func Context(key pyjson.Key, text string) []byte {
	return pyjson.BeginObject(nil).Text(key, text).End()
}

// hiddenError is pydantic's text in place of the error of a validator.
var hiddenError = []byte(`{"error":{}}`)

// Missing returns the error for a missing required value. The input is the
// enclosing object, or null if there is none.
func Missing(input pyjson.Value, loc ...any) Error {
	return Error{Type: "missing", Loc: loc, Msg: "Field required", Input: input}
}

// NotAnObject returns the error for a value that should be an object.
func NotAnObject(input pyjson.Value, loc ...any) Error {
	return Error{
		Type: "model_attributes_type", Loc: loc, Input: input,
		Msg: "Input should be a valid dictionary or object to extract fields from",
	}
}

// MaxErrors is the maximum number of errors collected. A body of a megabyte can
// hold hundreds of thousands, and the response would be many times its size.
const MaxErrors = 1000

// Unlisted is the last item of an incomplete list of errors.
func Unlisted() Error {
	return Error{
		Type: "value_error", Loc: []any{"body"}, Msg: "Value error, there are too many errors: others are not listed", Ctx: hiddenError,
	}
}

// Faults collects errors in the order in which they are found, up to MaxErrors.
type Faults struct {
	items []Error
	trial bool // only whether there is an error matters
}

// Errors returns the collected errors, nil if there are none. If there may be
// more than MaxErrors, the last item is Unlisted.
func (f *Faults) Errors() []Error {
	if len(f.items) < MaxErrors {
		return f.items
	}
	return append(slices.Clip(f.items), Unlisted())
}

// Report adds an error that does not belong to a node.
func (f *Faults) Report(e Error) {
	if !f.full() {
		f.items = append(f.items, e)
	}
}

// full reports whether further errors would be dropped.
func (f *Faults) full() bool { return len(f.items) >= MaxErrors || f.trial && len(f.items) > 0 }

// Node returns a node for the value at the loc. Errors of the node are added to
// f.
func (f *Faults) Node(value pyjson.Value, loc ...any) Node {
	return Node{Value: value, loc: loc, faults: f}
}

// Node is a value of a request with its loc. Its methods read the value as a
// type. If the value is not of this type, they report an error and return a
// zero value.
type Node struct {
	Value  pyjson.Value
	loc    []any
	faults *Faults
}

// Add reports an error of the node. ctx may be nil.
func (n Node) Add(typ, msg string, ctx []byte) {
	n.faults.Report(Error{Type: typ, Loc: n.loc, Msg: msg, Input: n.Value, Ctx: ctx})
}

// Refuse reports an error of a validator of the model.
func (n Node) Refuse(text string) {
	n.Add("value_error", "Value error, "+text, hiddenError)
}

// Sound reports whether read finds no error in the node. The errors are not
// collected.
func (n Node) Sound(read func(Node)) bool {
	trial := Faults{trial: true}
	n.faults = &trial
	read(n)
	return len(trial.items) == 0
}

// Tagged returns the same value with one more word at the end of its loc: the
// tried member of a union.
func (n Node) Tagged(tag string) Node { return n.below(n.Value, tag) }

func (n Node) below(value pyjson.Value, part any) Node {
	return Node{Value: value, loc: append(slices.Clip(n.loc), part), faults: n.faults}
}
