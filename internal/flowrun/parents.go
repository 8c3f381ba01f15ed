package flowrun

import "github.com/taskrun-dev/taskrun-operator/internal/taskrun"

// ParentsByID returns the filters as a filter on task runs, by what task runs themselves
// have of their flow run. It is for a program without a store of flow runs. The result is
// nil without filters.
func (f *Filters) ParentsByID() *taskrun.ParentFilter {
	if !f.Given() {
		return nil
	}
	parents := &taskrun.ParentFilter{Unknown: f.WorkPools || f.WorkQueues}
	if f.Flows != nil {
		parents.Flow = f.Flows.criteria()
	}
	if f.Runs != nil {
		parents.FlowRun = f.Runs.criteria()
	}
	if f.Deployments != nil {
		parents.Deployment = f.Deployments.criteria()
	}
	return parents
}

// parentIDs returns the ids of the flow runs that a filter names by ids alone, nil if it
// has another criterion. Prefect does not look for such flow runs (contract §2.7).
func (f *Filters) parentIDs() idSet {
	id := f.onlyID()
	if id == nil || len(id.Any) == 0 || len(id.NotAny) > 0 {
		return nil
	}
	ids := idSet{}
	for _, text := range id.Any {
		ids.add(text)
	}
	return ids
}

// onlyID returns the filter on ids of flow runs, nil if there is none or another filter is
// given besides.
func (f *Filters) onlyID() *ListFilter[string] {
	if f.Runs == nil || *f != (Filters{Runs: f.Runs}) || *f.Runs != (RunFilter{Or: f.Runs.Or, ID: f.Runs.ID}) {
		return nil
	}
	return f.Runs.ID
}

// Parents returns the filters as a filter on task runs: by the ids of the flow runs of the
// snapshot that match. The result is nil without filters. joined is what Join returned.
func (f *Filters) Parents(s Snapshot, joined Joined) *taskrun.ParentFilter {
	if !f.Given() {
		return nil
	}
	ids := f.parentIDs()
	if ids == nil {
		ids = idSet{}
		for run := range f.Matching(s, joined) {
			ids.add(run.ID)
		}
	}
	return &taskrun.ParentFilter{FlowRunIDs: ids}
}

// criteria are the members of a filter on flows. Task runs have the id of the flow.
func (f *FlowFilter) criteria() *taskrun.ParentCriteria {
	c := criteria{Or: f.Or}
	c.addID(f.ID, taskrun.FactFlowID)
	c.add(f.Deployment != nil, f.Deployment.restricts)
	c.add(f.Name != nil, func() bool { return restrictsName(f.Name) })
	c.add(f.Tags != nil, f.Tags.restricts)
	return (*taskrun.ParentCriteria)(&c)
}

// criteria are the members of a filter on flow runs. Task runs have the ids of the flow
// run and of its deployment.
func (f *RunFilter) criteria() *taskrun.ParentCriteria {
	c := criteria{Or: f.Or}
	c.addID(f.ID, taskrun.FactFlowRunID)
	c.add(f.Name != nil, func() bool { return restrictsName(f.Name) })
	c.add(f.Tags != nil, f.Tags.restricts)
	if d := f.DeploymentID; d != nil {
		c.Members = append(c.Members, taskrun.ParentCriterion{Fact: taskrun.FactDeploymentID, Or: d.Or, Any: d.Any, IsNull: d.IsNull})
	}
	c.add(f.WorkQueueName != nil, f.WorkQueueName.restricts)
	c.add(f.State != nil, func() bool {
		return f.State.Type != nil && f.State.Type.restricts() || f.State.Name != nil && f.State.Name.restricts()
	})
	c.add(f.FlowVersion != nil, f.FlowVersion.restricts)
	for _, span := range []*taskrun.TimeFilter{f.StartTime, f.EndTime, f.ExpectedStartTime, f.NextScheduledStartTime} {
		c.add(span != nil, func() bool { return *span != taskrun.TimeFilter{} })
	}
	c.add(f.ParentFlowRunID != nil, f.ParentFlowRunID.restricts)
	c.add(f.ParentTaskRunID != nil, f.ParentTaskRunID.restricts)
	c.add(f.IdempotencyKey != nil, func() bool { return f.IdempotencyKey.Any != nil || len(f.IdempotencyKey.NotAny) > 0 })
	c.add(f.CreatedBy != nil, func() bool { return f.CreatedBy.ID != nil || f.CreatedBy.Type != nil || f.CreatedBy.IsNull != nil })
	return (*taskrun.ParentCriteria)(&c)
}

// criteria are the members of a filter on deployments. Task runs have the id of the
// deployment.
func (f *DeploymentFilter) criteria() *taskrun.ParentCriteria {
	c := criteria{Or: f.Or}
	c.addID(f.ID, taskrun.FactDeploymentID)
	c.add(f.Name != nil, func() bool { return restrictsName(f.Name) })
	c.add(f.FlowOrDeploymentName != nil, func() bool { return restrictsName(f.FlowOrDeploymentName) })
	c.add(f.Paused != nil, f.Paused.restricts)
	c.add(f.Tags != nil, f.Tags.restricts)
	c.add(f.WorkQueueName != nil, f.WorkQueueName.restricts)
	return (*taskrun.ParentCriteria)(&c)
}

type criteria taskrun.ParentCriteria

// addID adds a member on an id that task runs have.
func (c *criteria) addID(id *ListFilter[string], fact taskrun.ParentFact) {
	if id != nil {
		c.Members = append(c.Members, taskrun.ParentCriterion{Fact: fact, Any: id.Any, NotAny: id.NotAny})
	}
}

// add adds a member on what task runs do not have: it matches none if it restricts, else all.
func (c *criteria) add(given bool, restricts func() bool) {
	switch {
	case !given:
	case restricts():
		c.Members = append(c.Members, taskrun.ParentCriterion{Fact: taskrun.FactUnknown})
	default:
		c.Members = append(c.Members, taskrun.ParentCriterion{Fact: taskrun.FactAny})
	}
}

// What follows reports whether a filter has a criterion.

func restrictsName(f *taskrun.NameFilter) bool { return f.Any != nil || f.Like != "" }

func (f *TagsFilter) restricts() bool { return len(f.All) > 0 || f.Any != nil || f.IsNull != nil }

func (f *NullableFilter) restricts() bool { return f.Any != nil || f.IsNull != nil }

func (f *AnyFilter) restricts() bool { return f.Any != nil }

func (f *PresenceFilter) restricts() bool { return f.IsNull != nil }

func (f *PausedFilter) restricts() bool { return f.Eq != nil }
