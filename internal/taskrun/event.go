package taskrun

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Event tells that a run entered a state somewhere else: a worker decided it,
// and nothing is left to judge (contract §4.4).
type Event struct {
	RunID   string              // UUID; the run may turn out to be known by another id, see Record
	State   orchestration.State // with what it follows, if the event says so
	Columns Columns
}

// Columns are the fields of a run that an event reports. Those that it does not
// name stay as they are; a null clears (contract §4.4).
type Columns struct {
	FlowRunID       Column[string] // every event names it: null outside a flow run
	Name            Column[string]
	TaskKey         Column[string]
	DynamicKey      Column[string]
	CacheKey        Column[string]
	CacheExpiration Column[time.Time]
	TaskVersion     Column[string]
	Policy          Column[Policy]
	Tags            Column[[]string]
	Labels          Column[map[string]json.RawMessage]
	TaskInputs      Column[map[string][]TaskInput]

	RunCount               Column[int64]
	FlowRunRunCount        Column[int64]
	ExpectedStartTime      Column[time.Time]
	NextScheduledStartTime Column[time.Time]
	StartTime              Column[time.Time]
	EndTime                Column[time.Time]
	TotalRunTime           Column[time.Duration]
}

// Column is a field that may be named or not, and be null if it is.
type Column[T any] struct {
	Given bool
	Value *T // nil is null
}

// Give returns a column of this value.
func Give[T any](value T) Column[T] { return Column[T]{Given: true, Value: &value} }

// Null returns a column that clears.
func Null[T any]() Column[T] { return Column[T]{Given: true} }
