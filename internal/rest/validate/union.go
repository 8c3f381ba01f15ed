package validate

import "github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"

// Scalar reads a boolean, a number or a text without conversion.
func (n Node) Scalar() pyjson.Value {
	switch n.Value.Kind() {
	case pyjson.Bool, pyjson.Number, pyjson.String:
	default:
		n.Tagged("bool").Add("bool_type", notBool, nil)
		n.Tagged("int").Add("int_type", notInt, nil)
		n.Tagged("float").Add("float_type", notFloat, nil)
		n.Tagged("str").Text()
	}
	return n.Value
}

// IntOrFloat reads a number or a list of numbers, and returns their canonical
// texts. Integers stay integers. In a list with a float, all numbers become
// floats, unless a value had to be converted.
func (n Node) IntOrFloat() (numbers []string, list bool) {
	if n.Value.Kind() == pyjson.Array {
		return n.intsOrFloats(), true
	}
	isFloat := n.Value.Kind() == pyjson.Number && !n.Value.IsInt()
	switch {
	case !isFloat && n.Sound(func(n Node) { n.Int() }):
		return []string{n.Int()}, false
	case n.Sound(func(n Node) { n.Float() }):
		return []string{n.Float()}, false
	}
	n.noIntOrFloat()
	return nil, false
}

// noIntOrFloat reports the errors for each member of the union.
func (n Node) noIntOrFloat() {
	n.Tagged("int").Int()
	n.Tagged("float").Float()
	List(n.Tagged("list[int]"), Node.Int)
	List(n.Tagged("list[float]"), Node.Float)
}

func (n Node) intsOrFloats() []string {
	ints := n.Sound(func(n Node) { List(n, Node.Int) })
	floats := n.Sound(func(n Node) { List(n, Node.Float) })
	switch {
	case ints && (!floats || !n.floatsFit()):
		return List(n, Node.Int)
	case floats:
		return List(n, Node.Float)
	}
	n.noIntOrFloat()
	return nil
}

// floatsFit reports whether the list is better read as floats: all items are
// numbers and one is a float.
func (n Node) floatsFit() bool {
	float := false
	for _, item := range n.Value.Items() {
		if item.Kind() != pyjson.Number {
			return false
		}
		float = float || !item.IsInt()
	}
	return float
}
