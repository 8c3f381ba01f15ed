package taskrun

// ParentFilter restricts runs by the flow run that they belong to, its flow and
// its deployment (contract §2.7). Where flow runs are stored, it has the ids of those that
// match. A program that stores none matches by what a run itself has of them:
//
//   - the flow run's id is the run's flow_run_id;
//   - the flow's id is the run's label prefect.flow.id;
//   - the deployment's id is the run's label prefect.deployment.id, and a run
//     without that label has no deployment.
//
// Whichever object is given, even an empty one, leaves only runs that belong to
// a flow run; Deployment leaves only those that have a deployment too. A
// criterion on anything else (names, tags, states, times, parents, work queues,
// …) holds for no run, is_null_ and not_any_ included: what is not known is
// neither there nor missing. The same goes for the flow's id where a run does
// not tell it. With or_ one criterion that holds is enough, as everywhere; a
// member without criteria holds.
type ParentFilter struct {
	// FlowRunIDs are the ids of flow runs, one of which a run must belong to. Nil: the other
	// members count.
	FlowRunIDs map[string]struct{}

	FlowRun    *ParentCriteria // nil: not given
	Flow       *ParentCriteria // nil: not given
	Deployment *ParentCriteria // nil: not given
	// Unknown tells that an object of which runs tell nothing was given (a work
	// pool or work queue): no run matches.
	Unknown bool
}

// ParentCriteria are the members of one object of a ParentFilter.
type ParentCriteria struct {
	Or      bool              // one is enough; else all are needed
	Members []ParentCriterion // none: no restriction
}

// ParentCriterion is one member of ParentCriteria.
type ParentCriterion struct {
	Fact   ParentFact
	Or     bool     // joins Any and IsNull; else both are needed
	Any    []string // ids, one of which it must be; nil: no criterion
	NotAny []string // ids, none of which it may be; nil: no criterion
	IsNull *bool    // FactDeploymentID only. true: there is none; false: there is one; nil: no criterion
}

// ParentFact is what a ParentCriterion is about.
type ParentFact int

// The facts.
const (
	FactAny          ParentFact = iota // a member without criteria: it holds for every run
	FactFlowRunID                      // the run's flow run
	FactFlowID                         // the flow of its flow run
	FactDeploymentID                   // the deployment of its flow run
	FactUnknown                        // what runs do not have: it matches none
)

// The labels with the ids of a run's parents (contract §2.6).
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

// matchParent matches by the id, if it is known.
func matchParent[T string | []byte](s *parentSets, id T, known bool) bool {
	var joined Criteria
	c := s.criterion
	joined.Add(c.Any != nil, known && Has(&s.any, id))
	joined.Add(c.NotAny != nil, known && !Has(&s.notAny, id))
	joined.Add(c.IsNull != nil, c.IsNull != nil && *c.IsNull == !known)
	return joined.Hold(c.Or)
}

// labelID is the text of a label that is one and needs no escapes, as ids do not.
func labelID(run *Run, key string) (text []byte, ok bool) {
	label := run.Labels[key]
	if len(label) <= 2 || label[0] != '"' {
		return nil, false
	}
	return label[1 : len(label)-1], true
}
