package rest

import "github.com/taskrun-dev/taskrun-operator/internal/rest/validate"

// schema lists the keys of a filter that is checked, but not judged here: this
// service keeps no flows, flow runs and deployments (contract §2.7).
type schema []struct {
	name  string
	check func(validate.Node)
}

// check reports the faults of a filter. All keys may be null, but operator.
func (s schema) check(n validate.Node) {
	m, ok := n.Model()
	if !ok {
		return
	}
	for _, key := range s {
		n, given := m.Field(key.name)
		if given && (key.name == "operator" || !n.Value.IsNull()) {
			key.check(n)
		}
	}
	m.ForbidOthers()
}

func anOperator(n validate.Node) { readOperator(n) }
func aBool(n validate.Node)      { n.Bool() }
func aText(n validate.Node)      { n.Text() }
func aTime(n validate.Node)      { n.Time() }
func anInt(n validate.Node)      { n.Int() }
func ids(n validate.Node)        { validate.List(n, validate.Node.UUID) }
func texts(n validate.Node)      { validate.List(n, validate.Node.Text) }
func stateTypes(n validate.Node) { validate.List(n, readStateType) }

// Filters that several others are made of.
var (
	idFilter       = schema{{"any_", ids}, {"not_any_", ids}}
	nameFilter     = schema{{"any_", texts}, {"like_", aText}}
	tagsFilter     = schema{{"operator", anOperator}, {"all_", texts}, {"is_null_", aBool}}
	allTagsFilter  = schema{{"operator", anOperator}, {"all_", texts}, {"any_", texts}, {"is_null_", aBool}}
	idOrNullFilter = schema{{"operator", anOperator}, {"any_", ids}, {"is_null_", aBool}}
	spanFilter     = schema{{"before_", aTime}, {"after_", aTime}}
	timeFilter     = schema{{"before_", aTime}, {"after_", aTime}, {"is_null_", aBool}}
)

var flowFilter = schema{
	{"operator", anOperator},
	{"id", idFilter.check},
	{"deployment", schema{{"operator", anOperator}, {"is_null_", aBool}}.check},
	{"name", nameFilter.check},
	{"tags", tagsFilter.check},
}

var flowRunFilter = schema{
	{"operator", anOperator},
	{"id", idFilter.check},
	{"name", nameFilter.check},
	{"tags", allTagsFilter.check},
	{"deployment_id", idOrNullFilter.check},
	{"work_queue_name", schema{{"operator", anOperator}, {"any_", texts}, {"is_null_", aBool}}.check},
	{"state", schema{
		{"operator", anOperator},
		{"type", schema{{"any_", stateTypes}, {"not_any_", stateTypes}}.check},
		{"name", schema{{"any_", texts}, {"not_any_", texts}}.check},
	}.check},
	{"flow_version", schema{{"any_", texts}}.check},
	{"start_time", timeFilter.check},
	{"end_time", timeFilter.check},
	{"expected_start_time", spanFilter.check},
	{"next_scheduled_start_time", spanFilter.check},
	{"parent_flow_run_id", schema{{"operator", anOperator}, {"any_", ids}}.check},
	{"parent_task_run_id", idOrNullFilter.check},
	{"idempotency_key", schema{{"any_", texts}, {"not_any_", texts}}.check},
	{"created_by", schema{{"operator", anOperator}, {"id_", ids}, {"type_", texts}, {"is_null_", aBool}}.check},
}

var deploymentFilter = schema{
	{"operator", anOperator},
	{"id", idFilter.check},
	{"name", nameFilter.check},
	{"flow_or_deployment_name", schema{{"like_", aText}}.check},
	{"paused", schema{{"eq_", aBool}}.check},
	{"tags", allTagsFilter.check},
	{"work_queue_name", schema{{"any_", texts}}.check},
	{"concurrency_limit", schema{{"ge_", anInt}, {"le_", anInt}, {"is_null_", aBool}}.check},
}

// readParentFilter checks the filter under the key and names it if it is given.
// Even without criteria it leaves only runs whose flow run is known.
func readParentFilter(p *validate.Model, key string, filter schema) (unserved []string) {
	n, given := p.Given(key)
	if !given {
		return nil
	}
	filter.check(n)
	return []string{key}
}
