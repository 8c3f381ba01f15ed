package pyjson

import (
	"strconv"
	"time"
)

// ObjectWriter is a buffer that ends within a JSON object. Its methods append members in the order of the calls, with
// the commas between them, and return the longer buffer as append does:
//
//	return pyjson.BeginObject(b).Text("id", id).Time("created", created).End()
//
// For a member of any other type, Member writes the key, and an Append function the value:
//
//	o := pyjson.BeginObject(b)
//	o = appendTags(o.Member("tags"), tags)
type ObjectWriter []byte

// Key is the key of a member that needs no escapes. Constants of a program are keys; TextMember accepts any text.
type Key string

// BeginObject begins an object at the end of the buffer.
func BeginObject(b []byte) ObjectWriter { return append(b, '{') }

// End ends the object and returns the buffer.
func (o ObjectWriter) End() []byte { return append(o, '}') }

// Member begins a member. The caller appends the value.
func (o ObjectWriter) Member(key Key) ObjectWriter {
	if o[len(o)-1] == '{' {
		o = append(o, '"')
	} else {
		o = append(o, ',', '"')
	}
	return append(append(o, key...), '"', ':')
}

// TextMember is Member with any text as the key.
func (o ObjectWriter) TextMember(key string) ObjectWriter {
	return append(AppendText(o.separated(), key), ':')
}

// separated writes the comma after the previous member, if there is one. The value of a member never ends with the
// brace that begins an object.
func (o ObjectWriter) separated() ObjectWriter {
	if o[len(o)-1] == '{' {
		return o
	}
	return append(o, ',')
}

// Null writes null.
func (o ObjectWriter) Null(key Key) ObjectWriter { return append(o.Member(key), "null"...) }

// Text writes a string.
func (o ObjectWriter) Text(key Key, text string) ObjectWriter {
	return AppendText(o.Member(key), text)
}

// TextOrNull writes a string, null for a nil text.
func (o ObjectWriter) TextOrNull(key Key, text *string) ObjectWriter {
	if text == nil {
		return o.Null(key)
	}
	return AppendText(o.Member(key), *text)
}

// NonEmpty writes a string, null for an empty text.
func (o ObjectWriter) NonEmpty(key Key, text string) ObjectWriter {
	if text == "" {
		return o.Null(key)
	}
	return AppendText(o.Member(key), text)
}

// Int writes an integer.
func (o ObjectWriter) Int(key Key, n int64) ObjectWriter {
	return strconv.AppendInt(o.Member(key), n, 10)
}

// Float writes a float as AppendFloat does.
func (o ObjectWriter) Float(key Key, f float64) ObjectWriter { return AppendFloat(o.Member(key), f) }

// Bool writes a boolean.
func (o ObjectWriter) Bool(key Key, v bool) ObjectWriter {
	return strconv.AppendBool(o.Member(key), v)
}

// BoolOrNull writes a boolean, null for a nil one.
func (o ObjectWriter) BoolOrNull(key Key, v *bool) ObjectWriter {
	if v == nil {
		return o.Null(key)
	}
	return o.Bool(key, *v)
}

// Time writes a time as AppendTime does.
func (o ObjectWriter) Time(key Key, t time.Time) ObjectWriter { return AppendTime(o.Member(key), t) }

// TimeOrNull writes a time, null for a nil one.
func (o ObjectWriter) TimeOrNull(key Key, t *time.Time) ObjectWriter {
	if t == nil {
		return o.Null(key)
	}
	return AppendTime(o.Member(key), *t)
}

// Seconds writes a duration as AppendSeconds does.
func (o ObjectWriter) Seconds(key Key, d time.Duration) ObjectWriter {
	return AppendSeconds(o.Member(key), d)
}

// Raw writes JSON text as it is, null for an empty one.
func (o ObjectWriter) Raw(key Key, text []byte) ObjectWriter {
	if len(text) == 0 {
		return o.Null(key)
	}
	return append(o.Member(key), text...)
}

// Value writes a value.
func (o ObjectWriter) Value(key Key, v Value) ObjectWriter { return v.AppendTo(o.Member(key)) }

// OptionalText writes a string. It omits a nil one.
func (o ObjectWriter) OptionalText(key Key, text *string) ObjectWriter {
	if text == nil {
		return o
	}
	return AppendText(o.Member(key), *text)
}

// OptionalNonEmpty writes a string. It omits an empty one.
func (o ObjectWriter) OptionalNonEmpty(key Key, text string) ObjectWriter {
	if text == "" {
		return o
	}
	return AppendText(o.Member(key), text)
}

// OptionalTime writes a time. It omits a nil one.
func (o ObjectWriter) OptionalTime(key Key, t *time.Time) ObjectWriter {
	if t == nil {
		return o
	}
	return AppendTime(o.Member(key), *t)
}

// OptionalTrue writes true. It omits false.
func (o ObjectWriter) OptionalTrue(key Key, v bool) ObjectWriter {
	if !v {
		return o
	}
	return o.Bool(key, v)
}

// AppendList writes a JSON list of the items.
func AppendList[T any](b []byte, items []T, appendOne func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, item)
	}
	return append(b, ']')
}
