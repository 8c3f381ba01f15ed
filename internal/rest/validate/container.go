package validate

import (
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Optional reads a node that may be null. It returns nil for null.
func Optional[T any](n Node, read func(Node) T) *T {
	if n.Value.IsNull() {
		return nil
	}
	v := read(n)
	return &v
}

// List reads an array, each item with read. The result is never nil. It is incomplete if there are too
// many errors.
func List[T any](n Node, read func(Node) T) []T {
	if n.Value.Kind() != pyjson.Array {
		n.Add("list_type", "Input should be a valid list", nil)
	}
	items := make([]T, 0, len(n.Value.Items()))
	for i, item := range n.Value.Items() {
		if n.faults.full() {
			break
		}
		items = append(items, read(n.below(item, i)))
	}
	return items
}

// Dict reads an object with any keys, each value with read. The result is never nil. It is incomplete if
// there are too many errors.
func Dict[T any](n Node, read func(Node) T) map[string]T {
	if n.Value.Kind() != pyjson.Object {
		n.Add("dict_type", notDict, nil)
	}
	items := make(map[string]T, len(n.Value.Members()))
	for _, m := range n.Value.Members() {
		if n.faults.full() {
			break
		}
		items[m.Key] = read(n.below(m.Value, m.Key))
	}
	return items
}

// Set reads an array whose items count once, each with read, in the order of their first
// place. The result is never nil; it is not whole if there are too many faults.
func Set[T comparable](n Node, read func(Node) T) []T {
	if n.Value.Kind() != pyjson.Array {
		n.Add("set_type", "Input should be a valid set", nil)
		return []T{}
	}
	items, seen := List(n, read), map[T]bool{}
	return slices.DeleteFunc(items, func(item T) bool {
		again := seen[item]
		seen[item] = true
		return again
	})
}

// Object reads an object with any keys and values, as it is.
func (n Node) Object() pyjson.Value {
	if n.Value.Kind() != pyjson.Object {
		n.Add("dict_type", notDict, nil)
	}
	return n.Value
}

const notDict = "Input should be a valid dictionary"

// Model is an object with declared keys, which are to be asked for in the order
// of their declaration: so the faults come in pydantic's order.
type Model struct {
	node     Node
	declared []string
}

// Model reads an object. ok is false if the node is not an object.
func (n Node) Model() (m *Model, ok bool) {
	if n.Value.Kind() != pyjson.Object {
		n.faults.Report(NotAnObject(n.Value, n.loc...))
		return nil, false
	}
	return &Model{node: n}, true
}

// Closed calls read with the object as Model returns it, and reports the keys that read did not request.
func (n Node) Closed(read func(*Model)) {
	if m, ok := n.Model(); ok {
		read(m)
		m.ForbidOthers()
	}
}

// Field returns the node under the key. given is false if the object does not have the key.
func (m *Model) Field(key string) (n Node, given bool) {
	m.declared = append(m.declared, key)
	value, given := m.node.Value.Member(key)
	return m.node.below(value, key), given
}

// Has reports whether there is a node under the key, and does not ask for it.
func (m *Model) Has(key string) bool {
	_, given := m.node.Value.Member(key)
	return given
}

// Given is Field without the keys that are null.
func (m *Model) Given(key string) (n Node, given bool) {
	n, given = m.Field(key)
	return n, given && !n.Value.IsNull()
}

// Required is like Field, but reports an error if the key is missing.
func (m *Model) Required(key string) (n Node, given bool) {
	n, given = m.Field(key)
	if !given {
		m.node.faults.Report(Missing(m.node.Value, n.loc...))
	}
	return n, given
}

// ForbidOthers reports every key that was not requested, in the order of the object. Call it after all
// fields.
func (m *Model) ForbidOthers() {
	for _, member := range m.node.Value.Members() {
		if m.node.faults.full() {
			return
		}
		if !slices.Contains(m.declared, member.Key) {
			m.node.below(member.Value, member.Key).Add("extra_forbidden", "Extra inputs are not permitted", nil)
		}
	}
}
