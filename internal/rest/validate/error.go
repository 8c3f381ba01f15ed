// Package validate reads JSON values as something and reports faults in the
// words of pydantic, which Prefect's clients see (contract §1.2).
package validate

import (
	"slices"
	"strconv"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Error is one item of an answer's exception_detail.
type Error struct {
	Type  string
	Loc   []any // strings and ints; the first names the part of the request
	Msg   string
	Input pyjson.Value // the value at fault
	Ctx   []byte       // a JSON object; nil: none
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

// appendPart writes a part of a place.
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

// Context makes a Ctx of one text.
func Context(key pyjson.Key, text string) []byte {
	return pyjson.BeginObject(nil).Text(key, text).End()
}

// hiddenError is what pydantic shows of a validator's own error.
var hiddenError = []byte(`{"error":{}}`)

// Missing tells that something required is not there. The input is the
// enclosing object, or null where there is none.
func Missing(input pyjson.Value, loc ...any) Error {
	return Error{Type: "missing", Loc: loc, Msg: "Field required", Input: input}
}

// NotAnObject tells that the value at the loc should be an object.
func NotAnObject(input pyjson.Value, loc ...any) Error {
	return Error{
		Type: "model_attributes_type", Loc: loc, Input: input,
		Msg: "Input should be a valid dictionary or object to extract fields from",
	}
}

// MaxErrors is how many errors are collected. A body of a megabyte can hold
// hundreds of thousands, and the answer would be many times its size.
const MaxErrors = 1000

// Unlisted stands at the end of a list of errors that does not tell all.
func Unlisted() Error {
	return Error{
		Type: "value_error", Loc: []any{"body"}, Msg: "Value error, there are too many errors: others are not listed", Ctx: hiddenError,
	}
}

// Faults collects errors in the order in which they are found, up to MaxErrors.
type Faults struct {
	items []Error
	trial bool // whether there is any is all that matters
}

// Errors returns what was collected, nil if there was nothing. If there may be
// more than MaxErrors, the last one says so.
func (f *Faults) Errors() []Error {
	if len(f.items) < MaxErrors {
		return f.items
	}
	return append(slices.Clip(f.items), Unlisted())
}

// Report adds an error that concerns no node.
func (f *Faults) Report(e Error) {
	if !f.full() {
		f.items = append(f.items, e)
	}
}

// full reports whether looking for more errors is of no use.
func (f *Faults) full() bool { return len(f.items) >= MaxErrors || f.trial && len(f.items) > 0 }

// Node returns the value as the node at the loc, whose faults are collected.
func (f *Faults) Node(value pyjson.Value, loc ...any) Node {
	return Node{Value: value, loc: loc, faults: f}
}

// Node is a value of a request with its place. Its methods read it as
// something; where it is something else, they report that and return a zero.
type Node struct {
	Value  pyjson.Value
	loc    []any
	faults *Faults
}

// Add reports a fault of the node. A nil ctx is none.
func (n Node) Add(typ, msg string, ctx []byte) {
	n.faults.Report(Error{Type: typ, Loc: n.loc, Msg: msg, Input: n.Value, Ctx: ctx})
}

// Refuse reports what a validator of the model says against the node.
func (n Node) Refuse(text string) {
	n.Add("value_error", "Value error, "+text, hiddenError)
}

// Sound reports whether reading the node finds no fault; nothing is reported.
func (n Node) Sound(read func(Node)) bool {
	trial := Faults{trial: true}
	n.faults = &trial
	read(n)
	return len(trial.items) == 0
}

// Tagged is the same value with one more word at the end of its loc, which
// tells the member of a union that was tried.
func (n Node) Tagged(tag string) Node { return n.below(n.Value, tag) }

func (n Node) below(value pyjson.Value, part any) Node {
	return Node{Value: value, loc: append(slices.Clip(n.loc), part), faults: n.faults}
}
