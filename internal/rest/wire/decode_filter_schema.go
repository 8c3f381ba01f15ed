package wire

import "github.com/taskrun-dev/taskrun-operator/internal/rest/validate"

// schema lists the keys of a filter that is checked but has no effect, because
// runs have no data of its subject (contract §2.7).
type schema []struct {
	name  string
	check func(validate.Node)
}

// check reports the errors of a filter. All keys except operator may be null.
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
func anInt(n validate.Node)      { n.Int() }
func ids(n validate.Node)        { validate.List(n, validate.Node.UUID) }
func texts(n validate.Node)      { validate.List(n, validate.Node.Text) }

// Filters that several others contain.
var (
	workPoolFilter = schema{
		{"operator", anOperator},
		{"id", schema{{"any_", ids}}.check},
		{"name", schema{{"any_", texts}}.check},
		{"type", schema{{"any_", texts}}.check},
	}
	workQueueFilter = schema{
		{"operator", anOperator},
		{"id", schema{{"any_", ids}}.check},
		{"name", schema{{"any_", texts}, {"startswith_", texts}}.check},
	}
	deploymentLimitFilter = schema{{"ge_", anInt}, {"le_", anInt}, {"is_null_", aBool}}
)
