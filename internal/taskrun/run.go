// Package taskrun is the model of a task run: the run and its delivery, proposals,
// reported events, filters and queries, the limits on stored texts, and the Store that
// keeps runs. Package usecase has the operations on runs.
package taskrun

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Run is one task run. The fields follow contract §2.1; texts and ids are kept as the
// client sent them, ids in lower case with hyphens.
//
// Readers share runs: a caller that receives a run from a Store must not change what its
// pointers, slices and maps refer to.
type Run struct {
	ID              string
	Created         time.Time // to the microsecond
	Updated         time.Time // time of the last write
	Name            string
	FlowRunID       string // empty outside a flow run
	TaskKey         string
	DynamicKey      string
	CacheKey        *string
	CacheExpiration *time.Time
	TaskVersion     *string
	Policy          Policy
	Tags            []string
	Labels          map[string]json.RawMessage // each value one JSON scalar, with the text as sent
	TaskInputs      map[string][]TaskInput
	Named           *NamedInputs // source of TaskInputs if the object names other objects; else nil

	// Progress holds the current state and the fields that transitions change.
	orchestration.Progress

	History        []orchestration.State // past states, oldest first, without the current one
	HistoryDropped int64                 // number of older states dropped from History

	// EndRecorded is the time at which the operator recorded the end of the run, by its
	// own clock; zero if the run is not finished.
	EndRecorded time.Time
	// ExpirationTime is the expiration time in the stored progress, nil if there is none.
	// Service.Expiration returns the effective time.
	ExpirationTime *time.Time

	// Reported holds the fields of spec in which the worker's events differ from the
	// stored spec; nil: none. They are already applied to the run.
	Reported *Patch

	// Delivery is the delivery lease of a background run, nil for any other.
	Delivery *Delivery

	// Decisions are the verdicts on NamedProposals, oldest first, at most
	// MaxDecisions.
	Decisions []ProposalDecision

	TTL *time.Duration // lifetime after the run finished; nil: that of the namespace
	// StatusStale reports that the stored progress is missing (it was derived from the
	// initial state) or older than the rest of the run. The next write of progress updates
	// it.
	StatusStale bool
	// OnHold reports that the run's progress is still to be restored. Until then, the
	// operator does not act on the run by itself. Only the store sets it.
	OnHold bool
	// CreatedViaREST reports that Create stored the run: spec has the run, its creation
	// and its first state with id and time, so the first status adds no information. Set
	// by the store.
	CreatedViaREST bool

	// Ref identifies the version that was read. The store accepts a change only if the
	// stored run still has this version (compare-and-swap). Opaque; set by the store.
	Ref ObjectRef
}

// ObjectChanged is called with the namespace and name of an object that changed, and with
// its run. A nil run means that the object was deleted, that it cannot be decoded, or that
// its id belongs to another object.
type ObjectChanged func(namespace, name string, run *Run)

// ObjectRef identifies the object, and the version of it, that a Run was read from.
type ObjectRef struct {
	UID             string // identity of the stored object: a run that is created again has another
	ResourceVersion string // changes with every write
	Name            string // the store's own name of the object
	Generation      int64  // changes with every write of spec, not of progress
	Asked           uint64 // identifies the names in spec
}

// Policy is the documented empirical_policy (contract §2.4). Numbers are JSON number
// texts, which keep the difference between 4 and 4.0 and integers of any size.
type Policy struct {
	MaxRetries        string      // deprecated by Prefect, still returned; "" is 0
	RetryDelaySeconds string      // deprecated by Prefect, still returned; "" is 0.0
	Retries           string      // integer; "" is null
	RetryDelay        *RetryDelay // nil is null
	RetryJitterFactor string      // decimal; "" is null
}

// RetryDelay is a delay for all retries or one for each.
type RetryDelay struct {
	List    bool     // a list on the wire; otherwise Seconds has one entry
	Seconds []string // JSON number texts
}

// TaskInput is the source of an argument of a run (contract §2.5).
type TaskInput struct {
	InputType InputType
	ID        string // UUID; task_run and flow_run only
	Name      string // parameter only; see NamedInputs
	Type      string // constant only
}

// InputType distinguishes the four kinds of TaskInput.
type InputType string

// The input types.
const (
	InputTaskRun   InputType = "task_run"
	InputFlowRun   InputType = "flow_run"
	InputParameter InputType = "parameter"
	InputConstant  InputType = "constant"
)

// States returns all stored states, oldest first, the current one last.
func (r *Run) States() []orchestration.State {
	states := make([]orchestration.State, 0, len(r.History)+1)
	states = append(states, r.History...)
	if r.State != nil {
		states = append(states, *r.State)
	}
	return states
}

// StateCount returns the number of stored states.
func (r *Run) StateCount() int {
	if r.State == nil {
		return len(r.History)
	}
	return len(r.History) + 1
}

// StateAt returns the i-th of the stored states, oldest first. Do not change it.
func (r *Run) StateAt(i int) *orchestration.State {
	if i < len(r.History) {
		return &r.History[i]
	}
	return r.State
}

// Touch notes that the run was changed. The time of the last change never goes
// back, though the clocks of replicas differ.
func (r *Run) Touch(now time.Time) {
	if now.After(r.Updated) {
		r.Updated = now
	}
}

// Renamed returns the run with another name. The name is stored in the status; spec does
// not change. The time of the change is later than that of the last one, so that the
// change is visible.
func (r *Run) Renamed(name string, at time.Time) *Run {
	next := *r
	next.Name, next.Updated = name, at
	if !at.After(r.Updated) {
		next.Updated = orchestration.NextTime(r.Updated)
	}
	var reported Patch
	if r.Reported != nil {
		reported = *r.Reported
	}
	reported.Name = Set(name)
	next.Reported = &reported
	return &next
}

// RecordEnd records the time at which the run finished.
func (r *Run) RecordEnd(now time.Time) {
	switch {
	case !r.Finished():
		r.EndRecorded = time.Time{}
	case r.EndRecorded.IsZero():
		r.EndRecorded = now
	}
}

// EndUnknown reports whether the run is finished without a time of its end, because a user
// wrote the stored progress.
func (r *Run) EndUnknown() bool { return r.Finished() && r.EndRecorded.IsZero() }

// Finished reports whether the current state is terminal.
func (r *Run) Finished() bool { return r.State != nil && r.State.Type.Terminal() }

// Holds reports whether the run holds the slots it claimed for the state with this id: the
// state was written, and the run has stayed in RUNNING or CANCELLING since.
func (r *Run) Holds(stateID string) bool {
	return orchestration.HoldsSlots(r.States(), stateID, r.HistoryDropped == 0)
}

// Has reports whether the run has or had the state with this id. The result can be false
// for a state that was dropped from the history.
func (r *Run) Has(stateID string) bool {
	for i := range r.StateCount() {
		if r.StateAt(i).ID == stateID {
			return true
		}
	}
	return false
}

// expirationPrecision is the maximum difference between equal expiration times. In some
// cases, a stored run has the time of its end to the second only.
const expirationPrecision = time.Second

// ShowsExpiration reports whether the stored expiration time of the run equals this one,
// to the second.
func (r *Run) ShowsExpiration(at *time.Time) bool {
	return SameExpiration(at, r.ExpirationTime)
}

// SameExpiration reports whether two expiration times are equal, to the second.
func SameExpiration(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.Sub(*b).Abs() < expirationPrecision
}
