package flowrun

import (
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Filters restricts runs, or flows, by what they are and by what they belong to (contract
// §2.7, flows contract §5). All given filters are required. The zero Filters matches
// everything.
type Filters struct {
	Runs  *RunFilter
	Flows *FlowFilter
	// TaskRuns leaves runs that have a task run which matches.
	TaskRuns *taskrun.Filter
	// Deployments leaves runs that have a deployment which matches.
	Deployments *DeploymentFilter
	// WorkPools and WorkQueues tell that a filter on them is given. Runs are in no work
	// pool and in no queue of one, so that no run matches.
	WorkPools, WorkQueues bool
}

// Given reports whether there is a filter.
func (f *Filters) Given() bool { return *f != Filters{} }

// RunFilter restricts runs. The zero RunFilter matches every run, and so does the zero
// value of each member, but see StateFilter.
type RunFilter struct {
	// Or makes one matching member enough, else all given ones are required. A member that
	// is given without criteria matches, also with Or.
	Or            bool
	ID            *ListFilter[string]
	Name          *taskrun.NameFilter
	Tags          *TagsFilter
	DeploymentID  *NullableFilter
	WorkQueueName *NullableFilter
	State         *StateFilter
	FlowVersion   *AnyFilter
	// StartTime compares the expected start time of a run that has not started. IsNull is
	// about the start time alone.
	StartTime              *taskrun.TimeFilter
	EndTime                *taskrun.TimeFilter
	ExpectedStartTime      *taskrun.TimeFilter
	NextScheduledStartTime *taskrun.TimeFilter
	// ParentFlowRunID matches the subflows of flow runs: those whose placeholder belongs to
	// one of them.
	ParentFlowRunID *AnyFilter
	ParentTaskRunID *NullableFilter
	IdempotencyKey  *ListFilter[string]
	CreatedBy       *CreatorFilter
}

// ListFilter matches a text that may be missing. A missing text passes no criterion.
type ListFilter[T ~string] struct {
	Any    []T // one of which it must be; nil: no criterion
	NotAny []T // none of which it may be; empty: no criterion
}

// AnyFilter matches a text that may be missing.
type AnyFilter struct {
	Any []string // one of which it must be; nil: no criterion
}

// NullableFilter matches a text that may be missing.
type NullableFilter struct {
	Or     bool     // joins the criteria
	Any    []string // one of which it must be; nil: no criterion
	IsNull *bool    // true: it is missing; false: it is there
}

// TagsFilter matches tags.
type TagsFilter struct {
	Or     bool
	All    []string // every one must be there; empty: no criterion
	Any    []string // one must be there; nil: no criterion
	IsNull *bool    // true: no tags; false: at least one
}

// StateFilter matches the current state. A member without criteria, and one with both
// lists, is left out, and does not match by itself.
type StateFilter struct {
	Or   bool
	Type *ListFilter[orchestration.StateType]
	Name *ListFilter[string]
}

// CreatorFilter matches what created a run. A run without a creator passes IsNull only.
type CreatorFilter struct {
	Or     bool
	ID     []string // nil: no criterion
	Type   []string // nil: no criterion
	IsNull *bool    // true: there is none; false: there is one
}

// FlowFilter restricts flows, with the meaning of RunFilter.
type FlowFilter struct {
	Or   bool
	ID   *ListFilter[string]
	Name *taskrun.NameFilter
	Tags *TagsFilter
	// Deployment matches flows with or without deployments. No flow has one.
	Deployment *PresenceFilter
}

// PresenceFilter matches by whether there is something.
type PresenceFilter struct {
	IsNull *bool // true: there is nothing; false: there is something; nil: no criterion
}

// DeploymentFilter restricts deployments. Deployments are not stored, and a run has the id
// of its deployment only: a criterion on any other member matches none.
type DeploymentFilter struct {
	Or                   bool
	ID                   *ListFilter[string]
	Name                 *taskrun.NameFilter
	FlowOrDeploymentName *taskrun.NameFilter // Like only
	Paused               *PausedFilter
	Tags                 *TagsFilter
	WorkQueueName        *AnyFilter
}

// PausedFilter matches deployments that are paused, or are not.
type PausedFilter struct {
	Eq *bool // nil: no criterion
}
