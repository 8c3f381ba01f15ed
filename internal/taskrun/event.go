package taskrun

import (
	"context"
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Event reports that a run entered a state elsewhere. A worker decided it, so that no
// rule is evaluated (contract §4.4).
type Event struct {
	RunID string              // UUID; the run may turn out to be known by another id, see Record
	State orchestration.State // with what it follows, if the event says so
	Patch Patch
}

// EventRecorder stores events of clients.
type EventRecorder interface {
	// Record returns nil when each event is durable or was rejected permanently. It calls rejected for each rejected event:
	// a retry would be rejected again. After an error the whole batch has to be retried. An event can be recorded any
	// number of times.
	Record(ctx context.Context, events []Event, rejected func(Event, error)) error
}

// Patch are the fields of a run that an event reports. Those that it does not
// name stay as they are; a null clears (contract §4.4).
type Patch struct {
	FlowRunID       Optional[string] // every event names it: null outside a flow run
	Name            Optional[string]
	TaskKey         Optional[string]
	DynamicKey      Optional[string]
	CacheKey        Optional[string]
	CacheExpiration Optional[time.Time]
	TaskVersion     Optional[string]
	Policy          Optional[Policy]
	Tags            Optional[[]string]
	Labels          Optional[map[string]json.RawMessage]
	TaskInputs      Optional[map[string][]TaskInput]

	RunCount               Optional[int64]
	FlowRunRunCount        Optional[int64]
	ExpectedStartTime      Optional[time.Time]
	NextScheduledStartTime Optional[time.Time]
	StartTime              Optional[time.Time]
	EndTime                Optional[time.Time]
	TotalRunTime           Optional[time.Duration]
}

// Optional is a field that may be named or not, and be null if it is.
type Optional[T any] struct {
	Given bool
	Value *T // nil is null
}

// Set returns a column of this value.
func Set[T any](value T) Optional[T] { return Optional[T]{Given: true, Value: &value} }

// Null returns a column that clears.
func Null[T any]() Optional[T] { return Optional[T]{Given: true} }
