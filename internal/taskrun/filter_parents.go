package taskrun

// ParentFilter restricts runs by the flow run that they belong to, its flow and
// its deployment (contract §2.7). None of those is stored, so a filter matches by
// what a run itself has of them:
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

func (f *ParentFilter) match(run *Run, in Sets) bool {
	if run.FlowRunID == "" || f.Unknown {
		return false
	}
	if f.Deployment != nil {
		if _, ok := labelID(run, labelDeploymentID); !ok {
			return false
		}
	}
	return f.FlowRun.match(run, in) && f.Flow.match(run, in) && f.Deployment.match(run, in)
}

func (c *ParentCriteria) match(run *Run, in Sets) bool {
	if c == nil {
		return true
	}
	var joined Criteria
	for i := range c.Members {
		joined.Add(true, c.Members[i].match(run, in))
	}
	return joined.Hold(c.Or)
}

func (c *ParentCriterion) match(run *Run, in Sets) bool {
	switch c.Fact {
	case FactAny:
		return true
	case FactFlowRunID:
		return matchParent(c, in, run.FlowRunID, run.FlowRunID != "")
	case FactFlowID:
		id, known := labelID(run, labelFlowID)
		return matchParent(c, in, id, known)
	case FactDeploymentID:
		id, known := labelID(run, labelDeploymentID)
		return matchParent(c, in, id, known)
	default:
		return false
	}
}

// matchParent matches by the id, if there is one.
func matchParent[T string | []byte](c *ParentCriterion, in Sets, id T, there bool) bool {
	var joined Criteria
	joined.Add(c.Any != nil, there && Has(in, c.Any, id))
	joined.Add(c.NotAny != nil, there && !Has(in, c.NotAny, id))
	joined.Add(c.IsNull != nil, c.IsNull != nil && *c.IsNull == !there)
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
