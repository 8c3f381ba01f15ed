package taskrun

import (
	"context"
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Event reports that a run entered a state elsewhere. No rule is evaluated, because the worker has already entered the
// state (contract §4.4).
type Event struct {
	RunID string              // UUID; the stored run can have another id, see Record
	State orchestration.State // with Follows, if the event has it
	Patch Patch
}

// EventRecorder stores events of clients.
type EventRecorder interface {
	// Record returns nil when each event is durable or was rejected permanently. It calls rejected for each rejected
	// event: a retry would be rejected again. After an error, retry the whole batch. Recording an event again has no
	// effect.
	Record(ctx context.Context, events []Event, rejected func(Event, error)) error
}

// Patch holds the fields of a run that an event reports. Fields that are not set do not change; a null clears the field
// (contract §4.4).
type Patch struct {
	FlowRunID       Optional[string] // set by every event: null outside a flow run
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

// Optional is a field that may be unset or null.
type Optional[T any] struct {
	Given bool
	Value *T // nil is null
}

// Set returns a field with this value.
func Set[T any](value T) Optional[T] { return Optional[T]{Given: true, Value: &value} }

// Null returns a field that is null.
func Null[T any]() Optional[T] { return Optional[T]{Given: true} }
