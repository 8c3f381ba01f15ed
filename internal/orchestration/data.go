package orchestration

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Unpersisted reports whether a state's data is an object whose type is
// "unpersisted": a result that the client did not store (contract §2.3).
func Unpersisted(data json.RawMessage) bool {
	// Decode into a map, because a struct would match TYPE as well.
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		return false
	}
	var kind string
	return json.Unmarshal(object["type"], &kind) == nil && kind == "unpersisted"
}

// persistedResult reports whether a state's data refers to a stored result: any
// truthy JSON value that is not Unpersisted. Prefect expects an object and fails
// on other truthy values (contract §3.4); here they count.
func persistedResult(data json.RawMessage) bool {
	return truthy(data) && !Unpersisted(data)
}

// persistedFlowResult is the same for flow runs, whose data must be an object that is not
// empty (flows contract §4.4.3).
func persistedFlowResult(data json.RawMessage) bool {
	data = bytes.TrimSpace(data)
	return len(data) > 0 && data[0] == '{' && persistedResult(data)
}

// truthy reports whether Python would take a JSON value for true: absent, null,
// false, zero and everything empty are not. What is not JSON counts as text.
func truthy(data json.RawMessage) bool {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return false
	}
	switch data[0] {
	case '[', '{':
		return !empty(data)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		// A number beyond the range of float64 is infinite, not zero.
		n, err := strconv.ParseFloat(string(data), 64)
		return err != nil || n != 0
	default:
		switch string(data) {
		case "null", "false", `""`:
			return false
		}
		return true
	}
}

// empty reports whether a JSON array or object has no elements.
func empty(data []byte) bool {
	inner := bytes.TrimSpace(data[1:])
	return len(inner) == 1 && (inner[0] == ']' || inner[0] == '}')
}
