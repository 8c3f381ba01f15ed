package taskrun

// ParentFilter restricts runs by their flow run, its flow and its deployment
// (contract §2.7). None of these is stored, so the filter matches fields of the
// run itself:
//
//   - the id of the flow run is the run's flow_run_id;
//   - the id of the flow is the run's label prefect.flow.id;
//   - the id of the deployment is the run's label prefect.deployment.id, and a run
//     without that label has no deployment.
//
// Each given object, even an empty one, restricts the filter to runs of a flow
// run; Deployment also requires a deployment. A criterion on any other value
// (names, tags, states, times, parents, work queues, …) matches no run, also with
// is_null_ and not_any_, because the value is unknown. The same applies to the id
// of the flow if the run does not have the label. With or_ one matching criterion
// is enough, as in all filters. A member without criteria matches.
type ParentFilter struct {
	// FlowRunIDs are the ids of flow runs, one of which a run must belong to. Nil: the other
	// members count.
	FlowRunIDs map[string]struct{}

	FlowRun    *ParentCriteria // nil: not given
	Flow       *ParentCriteria // nil: not given
	Deployment *ParentCriteria // nil: not given
	// Unknown means that the filter has an object that runs have no fields for (a
	// work pool or work queue): no run matches.
	Unknown bool
}

// ParentCriteria are the members of one object of a ParentFilter.
type ParentCriteria struct {
	Or      bool              // one member is enough; otherwise all are required
	Members []ParentCriterion // none: no restriction
}

// ParentCriterion is one member of ParentCriteria.
type ParentCriterion struct {
	Fact   ParentFact
	Or     bool     // joins Any and IsNull; otherwise both are required
	Any    []string // ids, one of which must match; nil: no criterion
	NotAny []string // ids, none of which may match; nil: no criterion
	IsNull *bool    // FactDeploymentID only. true: no deployment; false: a deployment; nil: no criterion
}

// ParentFact is the subject of a ParentCriterion.
type ParentFact int

// The facts.
const (
	FactAny          ParentFact = iota // a member without criteria: matches every run
	FactFlowRunID                      // the run's flow run
	FactFlowID                         // the flow of its flow run
	FactDeploymentID                   // the deployment of its flow run
	FactUnknown                        // a value that runs do not have: matches none
)

// The labels with the ids of a run's flow and deployment (contract §2.6).
const (
	labelFlowID       = "prefect.flow.id"
	labelDeploymentID = "prefect.deployment.id"
)

func (f *ParentFilter) matcher() predicate {
	if f.FlowRunIDs != nil {
		return func(run *Run) bool {
			_, found := f.FlowRunIDs[run.FlowRunID]
			return found && run.FlowRunID != ""
		}
	}
	all := []predicate{func(run *Run) bool { return run.FlowRunID != "" && !f.Unknown }}
	if f.Deployment != nil {
		all = append(all, func(run *Run) bool {
			_, known := labelID(run, labelDeploymentID)
			return known
		})
	}
	for _, criteria := range []*ParentCriteria{f.FlowRun, f.Flow, f.Deployment} {
		if criteria != nil {
			all = append(all, criteria.matcher())
		}
	}
	return Join(false, all)
}

func (c *ParentCriteria) matcher() predicate {
	var all []predicate
	for i := range c.Members {
		all = append(all, c.Members[i].matcher())
	}
	return Join(c.Or, all)
}

func (c *ParentCriterion) matcher() predicate {
	holds := c.holds()
	switch c.Fact {
	case FactAny:
		return Join[*Run](false, nil)
	case FactFlowRunID:
		return func(run *Run) bool { return holds.text(run.FlowRunID, run.FlowRunID != "") }
	case FactFlowID:
		return func(run *Run) bool { return holds.label(run, labelFlowID) }
	case FactDeploymentID:
		return func(run *Run) bool { return holds.label(run, labelDeploymentID) }
	default:
		return func(*Run) bool { return false }
	}
}

// parentSets are the compiled lists of a ParentCriterion.
type parentSets struct {
	criterion   *ParentCriterion
	any, notAny TextSet
}

func (c *ParentCriterion) holds() *parentSets {
	return &parentSets{criterion: c, any: NewTextSet(c.Any), notAny: NewTextSet(c.NotAny)}
}

func (s *parentSets) text(id string, known bool) bool { return matchParent(s, id, known) }

func (s *parentSets) label(run *Run, key string) bool {
	id, known := labelID(run, key)
	return matchParent(s, id, known)
}

// matchParent matches the id. An unknown id does not match.
func matchParent[T string | []byte](s *parentSets, id T, known bool) bool {
	var joined Criteria
	c := s.criterion
	joined.Add(c.Any != nil, known && Has(&s.any, id))
	joined.Add(c.NotAny != nil, known && !Has(&s.notAny, id))
	joined.Add(c.IsNull != nil, c.IsNull != nil && *c.IsNull == !known)
	return joined.Hold(c.Or)
}

// labelID returns the text of a label that is a string without escapes, as ids
// are.
func labelID(run *Run, key string) (text []byte, ok bool) {
	label := run.Labels[key]
	if len(label) <= 2 || label[0] != '"' {
		return nil, false
	}
	return label[1 : len(label)-1], true
}
