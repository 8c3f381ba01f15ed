package runinput

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// fault is one way in which an input does not match its schema, as Python's jsonschema
// counts them.
type fault struct {
	path []string // of the value, from that of the parent
	kind jsonschema.ErrorKind
	// context are the faults by each of the schemas of which one must match.
	context []fault
}

// describe returns the text of Prefect about the fault that matters most.
func (in Input) describe(invalid *jsonschema.ValidationError) string {
	worst := bestMatch(faultsOf(invalid, nil))
	place, value := locate(in.value, worst.path)
	field := ""
	if len(worst.path) > 0 {
		field = " for field " + pyjson.Repr(place)
	}
	return "Validation failed" + field + ". Failure reason: " + worst.text(value)
}

// circular reports whether a schema referred to itself without an end.
func circular(e *jsonschema.ValidationError) bool {
	_, is := e.ErrorKind.(*kind.RefCycle)
	return is || slices.ContainsFunc(e.Causes, circular)
}

// faultsOf returns the faults below an error of the library. parent is the path that
// theirs begin with.
func faultsOf(e *jsonschema.ValidationError, parent []string) (faults []fault) {
	f := fault{path: e.InstanceLocation[min(len(parent), len(e.InstanceLocation)):], kind: e.ErrorKind}
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range e.Causes {
			faults = append(faults, faultsOf(cause, parent)...)
		}
		return faults
	case *kind.AnyOf, *kind.OneOf:
		for _, cause := range e.Causes {
			f.context = append(f.context, faultsOf(cause, e.InstanceLocation)...)
		}
	case *kind.Required:
		for _, name := range k.Missing {
			faults = append(faults, fault{path: f.path, kind: &kind.Required{Missing: []string{name}}})
		}
		return faults
	}
	return []fault{f}
}

// bestMatch selects a fault as Python's jsonschema does: one that is closest to the
// root; of the faults below it, if one schema of several must match, one that is deepest.
// Paths of equal length follow each other by their text, so that the choice is stable.
func bestMatch(faults []fault) fault {
	slices.SortStableFunc(faults, func(a, b fault) int { return compareFaults(b, a) })
	best := faults[0]
	for len(best.context) > 0 {
		below := slices.Clone(best.context)
		slices.SortStableFunc(below, compareFaults)
		if len(below) > 1 && compareFaults(below[0], below[1]) == 0 {
			return best
		}
		below[0].path = slices.Concat(best.path, below[0].path)
		best = below[0]
	}
	return best
}

// compareFaults orders faults by relevance, the most relevant last.
func compareFaults(a, b fault) int {
	return cmp.Or(
		-cmp.Compare(len(a.path), len(b.path)),
		slices.Compare(a.path, b.path),
		cmp.Compare(a.rank(), b.rank()),
	)
}

// rank is higher for what is more relevant: that alternatives do not match matters least,
// and that a value has the wrong type most.
func (f *fault) rank() int {
	switch f.kind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return 0
	case *kind.Type:
		return 2
	default:
		return 1
	}
}

// plainKey matches the keys that a path has after a dot.
var plainKey = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`)

// locate returns the value at a path, and the path in the notation of Python's jsonschema
// without its root.
func locate(value pyjson.Value, path []string) (place string, at pyjson.Value) {
	var b strings.Builder
	b.WriteByte('$')
	for _, token := range path {
		switch {
		case value.Kind() == pyjson.Array:
			b.WriteString("[" + token + "]")
			index, _ := strconv.Atoi(token)
			value = itemAt(value, index)
			continue
		case plainKey.MatchString(token):
			b.WriteString("." + token)
		default:
			b.WriteString("['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(token) + "']")
		}
		value, _ = value.Member(token)
	}
	return strings.ReplaceAll(b.String(), "$.", ""), value
}

// itemAt returns an item of an array, null if there is none.
func itemAt(array pyjson.Value, index int) pyjson.Value {
	if items := array.Items(); index >= 0 && index < len(items) {
		return items[index]
	}
	return pyjson.Value{}
}
