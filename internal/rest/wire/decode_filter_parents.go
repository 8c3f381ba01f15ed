package wire

import (
	"slices"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// parentMember is a member of a filter on what runs belong to.
type parentMember struct {
	name    string
	read    func(validate.Node) taskrun.ParentCriterion
	ignored bool // what was read means nothing
}

// unknown is a member on what runs do not tell (taskrun.ParentFilter).
func unknown(name string, check func(validate.Node)) parentMember {
	return parentMember{name: name, read: func(n validate.Node) taskrun.ParentCriterion {
		check(n)
		if restricts(n.Value) {
			return taskrun.ParentCriterion{Fact: taskrun.FactUnknown}
		}
		return taskrun.ParentCriterion{}
	}}
}

// knownID is a member on an id that runs tell.
func knownID(name string, fact taskrun.ParentFact) parentMember {
	return parentMember{name: name, read: func(n validate.Node) taskrun.ParentCriterion {
		c := taskrun.ParentCriterion{Fact: fact}
		n.Closed(func(m *validate.Model) {
			c.Any = ReadList(m, "any_", validate.Node.UUID)
			c.NotAny = ReadList(m, "not_any_", validate.Node.UUID)
		})
		return c
	}}
}

// knownIDOrNull is knownID of an id that may be missing.
func knownIDOrNull(name string, fact taskrun.ParentFact) parentMember {
	return parentMember{name: name, read: func(n validate.Node) taskrun.ParentCriterion {
		c := taskrun.ParentCriterion{Fact: fact}
		n.Closed(func(m *validate.Model) {
			c.Or = ReadOr(m)
			c.Any = ReadList(m, "any_", validate.Node.UUID)
			c.IsNull = ReadOptional(m, "is_null_", validate.Node.Bool)
		})
		return c
	}}
}

var flowFilter = []parentMember{
	knownID("id", taskrun.FactFlowID),
	unknown("deployment", schema{{"operator", anOperator}, {"is_null_", aBool}}.check),
	unknown("name", nameFilter.check),
	unknown("tags", tagsFilter.check),
}

var flowRunFilter = []parentMember{
	knownID("id", taskrun.FactFlowRunID),
	unknown("name", nameFilter.check),
	unknown("tags", allTagsFilter.check),
	knownIDOrNull("deployment_id", taskrun.FactDeploymentID),
	unknown("work_queue_name", schema{{"operator", anOperator}, {"any_", texts}, {"is_null_", aBool}}.check),
	unknown("state", schema{
		{"operator", anOperator},
		{"type", schema{{"any_", stateTypes}, {"not_any_", stateTypes}}.check},
		{"name", schema{{"any_", texts}, {"not_any_", texts}}.check},
	}.check),
	unknown("flow_version", schema{{"any_", texts}}.check),
	unknown("start_time", timeFilter.check),
	unknown("end_time", timeFilter.check),
	unknown("expected_start_time", spanFilter.check),
	unknown("next_scheduled_start_time", spanFilter.check),
	unknown("parent_flow_run_id", schema{{"operator", anOperator}, {"any_", ids}}.check),
	unknown("parent_task_run_id", idOrNullFilter.check),
	unknown("idempotency_key", schema{{"any_", texts}, {"not_any_", texts}}.check),
	unknown("created_by", schema{{"operator", anOperator}, {"id_", ids}, {"type_", texts}, {"is_null_", aBool}}.check),
}

var deploymentFilter = []parentMember{
	knownID("id", taskrun.FactDeploymentID),
	unknown("name", nameFilter.check),
	unknown("flow_or_deployment_name", schema{{"like_", aText}}.check),
	unknown("paused", schema{{"eq_", aBool}}.check),
	unknown("tags", allTagsFilter.check),
	unknown("work_queue_name", schema{{"any_", texts}}.check),
	ignored("concurrency_limit", schema{{"ge_", anInt}, {"le_", anInt}, {"is_null_", aBool}}.check), // by Prefect, too
}

// ignored is a member that is checked, but means nothing.
func ignored(name string, check func(validate.Node)) parentMember {
	member := unknown(name, check)
	member.ignored = true
	return member
}

// Filters on what no run tells anything of.
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
)

// readParent reads the filter under the key, nil if there is none.
func readParent(p *validate.Model, key string, members []parentMember) *taskrun.ParentCriteria {
	n, given := p.Given(key)
	if !given {
		return nil
	}
	criteria := &taskrun.ParentCriteria{}
	n.Closed(func(m *validate.Model) {
		criteria.Or = ReadOr(m)
		for _, member := range members {
			n, given := m.Given(member.name)
			if !given {
				continue
			}
			if criterion := member.read(n); !member.ignored {
				criteria.Members = append(criteria.Members, criterion)
			}
		}
	})
	return criteria
}

// restricts reports whether a member on what runs do not tell has a criterion
// that any value could fail.
func restricts(member pyjson.Value) bool {
	return slices.ContainsFunc(member.Members(), func(m pyjson.Member) bool {
		switch v := m.Value; {
		case v.IsNull():
			return false
		case m.Key == "operator":
			return false
		case m.Key == "all_", m.Key == "not_any_":
			return len(v.Items()) > 0
		case m.Key == "like_":
			return v.Text() != ""
		case v.Kind() == pyjson.Object:
			return restrictsState(v)
		default:
			return true
		}
	})
}

// restrictsState judges the type or the name in a filter on states: one that
// names both what is wanted and what is not is left out by Prefect.
func restrictsState(v pyjson.Value) bool {
	wanted, _ := v.Member("any_")
	unwanted, _ := v.Member("not_any_")
	return wanted.IsNull() != unwanted.IsNull() && restricts(v)
}
