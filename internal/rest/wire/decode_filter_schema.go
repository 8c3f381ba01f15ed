package wire

import "github.com/taskrun-dev/taskrun-operator/internal/rest/validate"

// schema lists the keys of a filter that is checked, but not read: runs
// tell nothing of what it is about (contract §2.7).
type schema []struct {
	name  string
	check func(validate.Node)
}

// check reports the faults of a filter. All keys may be null, but operator.
func (s schema) check(n validate.Node) {
	n.Closed(func(m *validate.Model) {
		for _, key := range s {
			n, given := m.Field(key.name)
			if given && (key.name == "operator" || !n.Value.IsNull()) {
				key.check(n)
			}
		}
	})
}

func anOperator(n validate.Node) { readOperator(n) }
func aBool(n validate.Node)      { n.Bool() }
func aText(n validate.Node)      { n.Text() }
func aTime(n validate.Node)      { n.Time() }
func anInt(n validate.Node)      { n.Int() }
func ids(n validate.Node)        { validate.List(n, validate.Node.UUID) }
func texts(n validate.Node)      { validate.List(n, validate.Node.Text) }
func stateTypes(n validate.Node) { validate.List(n, ReadStateType) }

// Filters that several others are made of.
var (
	nameFilter     = schema{{"any_", texts}, {"like_", aText}}
	tagsFilter     = schema{{"operator", anOperator}, {"all_", texts}, {"is_null_", aBool}}
	allTagsFilter  = schema{{"operator", anOperator}, {"all_", texts}, {"any_", texts}, {"is_null_", aBool}}
	idOrNullFilter = schema{{"operator", anOperator}, {"any_", ids}, {"is_null_", aBool}}
	spanFilter     = schema{{"before_", aTime}, {"after_", aTime}}
	timeFilter     = schema{{"before_", aTime}, {"after_", aTime}, {"is_null_", aBool}}
)
