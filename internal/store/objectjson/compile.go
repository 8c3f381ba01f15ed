package objectjson

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// decodeFunc decodes the next value of the text.
type decodeFunc func(*state, reflect.Value) error

// compiler builds the decodeFuncs of a type and of the types in it.
type compiler struct {
	skipped []string
	structs map[reflect.Type]*structPlan
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (c *compiler) decoderOf(t reflect.Type) decodeFunc {
	pointer := reflect.PointerTo(t)
	switch {
	case t.Kind() == reflect.Pointer:
		return c.pointerTo(t.Elem())
	case t == reflect.TypeFor[metav1.Time]():
		return decodeTime
	case pointer.Implements(unmarshaler):
		return decodeUnmarshaler
	case pointer.Implements(textUnmarshaler):
		return decodeOther
	default:
		return c.decoderOfKind(t)
	}
}

// decoderOfKind returns the decodeFunc of a type without its own JSON methods.
func (c *compiler) decoderOfKind(t reflect.Type) decodeFunc {
	switch t.Kind() {
	case reflect.String:
		return decodeString
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return decodeInt
	case reflect.Slice:
		return c.sliceOf(t)
	case reflect.Map:
		return c.mapOf(t)
	case reflect.Struct:
		return c.structOf(t)
	default:
		return decodeOther
	}
}

func (c *compiler) pointerTo(t reflect.Type) decodeFunc {
	elem := c.decoderOf(t)
	return func(s *state, v reflect.Value) error {
		if null, err := s.null(); null || err != nil {
			v.SetZero()
			return err
		}
		if v.IsNil() {
			v.Set(reflect.New(t))
		}
		return elem(s, v.Elem())
	}
}

func (c *compiler) sliceOf(t reflect.Type) decodeFunc {
	if t.Elem().Kind() == reflect.Uint8 {
		return decodeOther
	}
	elem := c.decoderOf(t.Elem())
	return func(s *state, v reflect.Value) error {
		if null, err := s.null(); null || err != nil {
			v.SetZero()
			return err
		}
		if !v.IsNil() { // a member that occurs twice
			return ErrRefused
		}
		v.Set(reflect.MakeSlice(t, 0, 0))
		return s.each('[', ']', func() error {
			n := v.Len()
			v.Grow(1)
			v.SetLen(n + 1)
			return elem(s, v.Index(n))
		})
	}
}

func (c *compiler) mapOf(t reflect.Type) decodeFunc {
	if t.Key().Kind() != reflect.String || reflect.PointerTo(t.Key()).Implements(textUnmarshaler) {
		return decodeOther
	}
	elem := c.decoderOf(t.Elem())
	return func(s *state, v reflect.Value) error {
		if null, err := s.null(); null || err != nil {
			v.SetZero()
			return err
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(t))
		}
		key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		return s.each('{', '}', func() error {
			if err := decodeString(s, key); err != nil || !s.take(':') {
				return ErrRefused
			}
			value.SetZero()
			if err := elem(s, value); err != nil {
				return err
			}
			v.SetMapIndex(key, value)
			return nil
		})
	}
}

// structPlan holds the members of a struct.
type structPlan struct{ fields map[string]*field }

// field is a member. A member without decode is skipped.
type field struct {
	index  []int
	decode decodeFunc
}

func (c *compiler) structOf(t reflect.Type) decodeFunc {
	plan, known := c.structs[t]
	if !known {
		plan = &structPlan{fields: map[string]*field{}}
		c.structs[t] = plan // before its fields, because a type can contain itself
		c.addFields(plan, t)
	}
	return plan.decode
}

func (c *compiler) addFields(plan *structPlan, t reflect.Type) {
	for _, f := range reflect.VisibleFields(t) {
		name, options, named := nameOf(&f)
		if !named {
			continue
		}
		if known := plan.fields[name]; known != nil && len(known.index) <= len(f.Index) {
			continue // an outer field hides it
		}
		added := &field{index: f.Index}
		switch {
		case slices.Contains(c.skipped, name):
		case slices.Contains(options, "string"):
			added.decode = refuse
		default:
			added.decode = c.decoderOf(f.Type)
		}
		plan.fields[name] = added
	}
}

// nameOf returns the name of a field in JSON. The result is empty for a field that is not
// in JSON, and for an embedded field, whose own fields are in JSON instead.
func nameOf(f *reflect.StructField) (name string, options []string, named bool) {
	name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
	embedded := f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct
	if embedded || !f.IsExported() || name == "-" {
		return "", nil, false
	}
	return cmp.Or(name, f.Name), strings.Split(rest, ","), true
}

func (p *structPlan) decode(s *state, v reflect.Value) error {
	if null, err := s.null(); null || err != nil {
		return err
	}
	return s.each('{', '}', func() error {
		name, err := s.plain()
		if err != nil || !s.take(':') {
			return ErrRefused
		}
		f := p.fields[string(name)]
		switch {
		case f == nil && p.folds(string(name)):
			return ErrRefused
		case f == nil || f.decode == nil:
			return s.skip()
		case len(f.index) == 1:
			return f.decode(s, v.Field(f.index[0]))
		default:
			return f.decode(s, v.FieldByIndex(f.index))
		}
	})
}

// folds reports whether encoding/json would match an unknown name with a known one of
// another case.
func (p *structPlan) folds(name string) bool {
	for known := range p.fields {
		if strings.EqualFold(known, name) {
			return true
		}
	}
	return false
}
