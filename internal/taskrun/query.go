package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Query asks for runs. It is a value, so that any store can answer it in its
// own way.
type Query struct {
	Filter Filter
	Sort   Sort
	Limit  int // 0: none are returned
	Offset int
	// Counted requests Page.Total, which reads every run that may match.
	Counted bool
	// Now is the moment for which running times are computed.
	Now time.Time
}

// Page answers a Query. All of it is of one moment.
type Page struct {
	Runs  []*Run
	Total int // how many match, whatever Limit and Offset say; 0 unless Query.Counted
}

// Sort orders runs; equal ones follow in the order of their ids, so that pages
// neither repeat nor skip a run.
type Sort string

// The sorts of contract §1.4. Missing times come last in ascending and first in
// descending order, as on PostgreSQL.
const (
	SortIDDesc                    Sort = "ID_DESC"
	SortExpectedStartTimeAsc      Sort = "EXPECTED_START_TIME_ASC"
	SortExpectedStartTimeDesc     Sort = "EXPECTED_START_TIME_DESC"
	SortNameAsc                   Sort = "NAME_ASC"
	SortNameDesc                  Sort = "NAME_DESC"
	SortNextScheduledStartTimeAsc Sort = "NEXT_SCHEDULED_START_TIME_ASC"
	SortEndTimeDesc               Sort = "END_TIME_DESC"
	SortDurationDesc              Sort = "DURATION_DESC"
	SortDurationAsc               Sort = "DURATION_ASC"
)

// Filter restricts runs (contract §2.7). The zero Filter matches every run; so
// does the zero value of each member.
type Filter struct {
	// Or makes one matching member enough; else all given ones must match. A
	// member that is given without criteria matches, also with Or.
	Or                bool
	ID                *IDFilter
	Name              *NameFilter
	Tags              *TagsFilter
	State             *StateFilter
	StartTime         *TimeFilter
	EndTime           *TimeFilter
	ExpectedStartTime *TimeFilter
	Subflows          *SubflowFilter
	FlowRunID         *FlowRunIDFilter
	// Parents must match besides, whatever Or says; nil: no restriction.
	Parents *ParentFilter
}

// IDFilter matches ids; nil Any is no criterion, an empty one matches nothing.
type IDFilter struct{ Any []string }

// NameFilter matches names.
type NameFilter struct {
	Any  []string // nil: no criterion
	Like string   // substring without regard to case; empty: no criterion
}

// TagsFilter matches tags.
type TagsFilter struct {
	Or     bool
	All    []string // every one must be there; empty: no criterion
	IsNull *bool    // true: no tags; false: at least one
}

// StateFilter matches the current state; members without criteria are left out.
type StateFilter struct {
	Or    bool
	Types []orchestration.StateType // nil: no criterion
	Names []string                  // nil: no criterion
}

// TimeFilter matches a time that may be missing; both ends are inclusive.
type TimeFilter struct {
	Before *time.Time // nil: no criterion; else a missing time does not match
	After  *time.Time // nil: no criterion; else a missing time does not match
	IsNull *bool      // true: the time is missing; false: it is there
}

// SubflowFilter matches placeholders: runs that stand for a flow run called by another.
type SubflowFilter struct {
	Exists *bool // true: is a placeholder; false: is none; nil: no criterion
	// Placeholders are the ids of all placeholders. They come from the store of flow runs;
	// without one, nil, no run is a placeholder.
	Placeholders map[string]struct{}
}

// FlowRunIDFilter matches the flow run id.
type FlowRunIDFilter struct {
	Or     bool
	Any    []string // nil: no criterion
	IsNull *bool    // true: outside flows, Any is ignored; false without Any: inside a flow
}
