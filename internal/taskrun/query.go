package taskrun

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Query selects runs. It is a value, so that each store can evaluate it in its
// own way.
type Query struct {
	Filter Filter
	Sort   Sort
	Limit  int // 0: no runs are returned
	Offset int
	// Counted requests Page.Total, which reads every run that may match.
	Counted bool
	// Now is the time for which running times are computed.
	Now time.Time
}

// Page is the result of a Query, from one snapshot.
type Page struct {
	Runs  []*Run
	Total int // number of matching runs, regardless of Limit and Offset; 0 unless Query.Counted
}

// Sort orders runs. Runs that are equal are ordered by id, so that pages
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

// Filter restricts runs (contract §2.7). The zero Filter matches every run, as
// does the zero value of each member.
type Filter struct {
	// Or makes one matching member enough; otherwise all given ones must match.
	// A given member without criteria matches, also with Or.
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
	// Parents must also match, regardless of Or; nil: no restriction.
	Parents *ParentFilter
}

// IDFilter matches ids. A nil Any is no criterion; an empty one matches
// nothing.
type IDFilter struct{ Any []string }

// NameFilter matches names.
type NameFilter struct {
	Any  []string // nil: no criterion
	Like string   // substring, case-insensitive; empty: no criterion
}

// TagsFilter matches tags.
type TagsFilter struct {
	Or     bool
	All    []string // all of these tags are required; empty: no criterion
	IsNull *bool    // true: no tags; false: at least one
}

// StateFilter matches the current state. Members without criteria are ignored.
type StateFilter struct {
	Or    bool
	Types []orchestration.StateType // nil: no criterion
	Names []string                  // nil: no criterion
}

// TimeFilter matches a time that may be missing. Both ends are inclusive.
type TimeFilter struct {
	Before *time.Time // nil: no criterion; otherwise a missing time does not match
	After  *time.Time // nil: no criterion; otherwise a missing time does not match
	IsNull *bool      // true: the time is missing; false: it is set
}

// SubflowFilter matches runs that represent a flow run called by another. Flow
// runs are not stored, so no run matches.
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
