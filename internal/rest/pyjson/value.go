// Package pyjson reads and writes JSON like Python's json module and FastAPI.
// It accepts their extensions of the standard, rejects what they reject with
// their error texts, and keeps the texts of numbers and the order of keys.
package pyjson

import "slices"

// Kind is one of the six kinds of JSON values.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is one JSON value. The zero Value is null. Copies share their contents;
// do not change the results of Items and Members.
type Value struct {
	kind    Kind
	truth   bool
	whole   bool     // of a number: it is an integer
	text    string   // of a string: its characters; of a number: its canonical text
	content *content // of an array or object that is not empty
}

// content holds the elements of an array or object. It is separate from Value
// because most values are neither: so a value in an array takes only 32 bytes.
type content struct {
	items   []Value
	members []Member
}

// Member is one key of an object with its value.
type Member struct {
	Key   string
	Value Value
}

// StringValue returns a JSON string with these characters.
func StringValue(text string) Value { return Value{kind: String, text: text} }

// ArrayValue returns the JSON array with these items, which must not change any more.
func ArrayValue(items []Value) Value {
	v := Value{kind: Array}
	if len(items) > 0 {
		v.content = &content{items: items}
	}
	return v
}

// ObjectValue returns the JSON object with these members, which must not change any more.
// No key may occur twice.
func ObjectValue(members []Member) Value {
	v := Value{kind: Object}
	if len(members) > 0 {
		v.content = &content{members: members}
	}
	return v
}

// Kind returns the kind of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == Null }

// Bool returns the value of a boolean, and false for any other value.
func (v Value) Bool() bool { return v.truth }

// Text returns the characters of a string or the canonical text of a number
// (see Int and Float), and "" for any other value.
func (v Value) Text() string { return v.text }

// IsInt reports whether the value is a number without fraction and exponent.
// Python distinguishes such numbers from floats: 1 is one, 1.0 and 1e3 are not.
func (v Value) IsInt() bool { return v.whole }

// Items returns the items of an array, and nil for any other value.
func (v Value) Items() []Value {
	if v.content == nil {
		return nil
	}
	return v.content.items
}

// Members returns the members of an object in their order, and nil for any
// other value. No key occurs twice.
func (v Value) Members() []Member {
	if v.content == nil {
		return nil
	}
	return v.content.members
}

// Member returns the value of the key in an object. found is false if the
// object does not have the key, or if the value is not an object.
func (v Value) Member(key string) (value Value, found bool) {
	for _, m := range v.Members() {
		if m.Key == key {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Truthy returns Python's bool() of the value: null, false, zeros and empty
// values are false.
func (v Value) Truthy() bool {
	switch v.kind {
	case Bool:
		return v.truth
	case Number:
		return v.text != "0" && v.text != "0.0" && v.text != "-0.0"
	case String:
		return v.text != ""
	case Array:
		return v.content != nil
	case Object:
		return v.content != nil
	default:
		return false
	}
}

// With returns the object with the value under the key, at the position of an
// existing member, otherwise at the end. It returns other values unchanged.
func (v Value) With(key string, value Value) Value {
	if v.kind != Object {
		return v
	}
	members := slices.Clone(v.Members())
	for i := range members {
		if members[i].Key == key {
			members[i].Value = value
			v.content = &content{members: members}
			return v
		}
	}
	v.content = &content{members: append(members, Member{Key: key, Value: value})}
	return v
}
