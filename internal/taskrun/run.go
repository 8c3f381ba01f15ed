// Package taskrun is the model of a task run: the run and its delivery, proposals,
// reported events, filters and queries, the limits on stored texts, and the Store
// that keeps runs. Package usecase holds what can be done with them.
package taskrun

import (
	"encoding/json"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// Run is one task run. The fields follow contract §2.1; texts and ids are kept
// as the client sent them, ids in lower case with hyphens.
//
// Runs are values shared between readers: a caller that got one from a Store must
// not change what its pointers, slices and maps refer to.
type Run struct {
	ID              string
	Created         time.Time // microseconds count
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
	Labels          map[string]json.RawMessage // each value one JSON scalar, spelt as sent
	TaskInputs      map[string][]TaskInput
	Named           *NamedInputs // what TaskInputs are made from, if the object names other objects; else nil

	// Progress holds the current state and what the transitions count.
	orchestration.Progress

	History        []orchestration.State // past states, oldest first, without the current one
	HistoryDropped int64                 // how many older states fell off History

	// EndRecorded is when it was recorded that the run finished, by the operator's
	// clock; zero if the run is not finished.
	EndRecorded time.Time
	// ExpirationTime is when the stored progress says that the run will be deleted;
	// nil if it says nothing. Service.Expiration has the time that holds.
	ExpirationTime *time.Time

	// Reported are the fields, of those that a run is made with, in which the
	// events of its worker differ from what was asked; nil: none. They are applied
	// already.
	Reported *Patch

	// Delivery says which worker holds a background run, nil for any other.
	Delivery *Delivery

	// Decisions are the verdicts on NamedProposals, oldest first, at most
	// MaxDecisions.
	Decisions []ProposalDecision

	TTL *time.Duration // lifetime after the run finished; nil: that of the namespace
	// StatusStale reports that the stored progress is missing (it was derived from
	// the initial state) or older than the rest of the run. Any write of
	// progress catches up.
	StatusStale bool
	// OnHold reports that the run's progress is still to be restored: until then
	// nothing is done about the run unasked. Only the store sets it.
	OnHold bool
	// CreatedViaREST reports that the run was stored by Create: what is asked for names
	// the run, its creation and its first state with id and time, so the stored
	// progress, once written, will say no more than that. Set by the store.
	CreatedViaREST bool

	// Revision identifies what was read: the store accepts a change only if the
	// stored run still has it (compare-and-swap). Opaque; set by the store.
	Ref ObjectRef
}

// ObjectChanged is called with the namespace and name of an object that changed, and with
// its run. A nil run means that the object was deleted, that it cannot be decoded, or that
// its id belongs to another object.
type ObjectChanged func(namespace, name string, run *Run)

// ObjectRef says which object, and which version of it, a Run was read from.
type ObjectRef struct {
	UID             string // identity of the stored object: a deleted run made again has another
	ResourceVersion string // changes with every write
	Name            string // the store's own name of the object
	Generation      int64  // changes with every write of what is asked, not of progress
	Asked           uint64 // tells apart the names that the run is asked to have
}

// Policy is the documented empirical_policy (contract §2.4). Numbers are JSON
// number texts, so that 4 and 5.0 and integers of any size survive.
type Policy struct {
	MaxRetries        string      // deprecated by Prefect, still answered; "" is 0
	RetryDelaySeconds string      // deprecated by Prefect, still answered; "" is 0.0
	Retries           string      // integer; "" is null
	RetryDelay        *RetryDelay // nil is null
	RetryJitterFactor string      // decimal; "" is null
}

// RetryDelay is a delay for all retries or one for each.
type RetryDelay struct {
	List    bool     // spelt as a list on the wire; else Seconds has one entry
	Seconds []string // JSON number texts
}

// TaskInput names where an argument of a run comes from (contract §2.5).
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

// States returns all states that are kept, oldest first, the current one last.
func (r *Run) States() []orchestration.State {
	states := make([]orchestration.State, 0, len(r.History)+1)
	states = append(states, r.History...)
	if r.State != nil {
		states = append(states, *r.State)
	}
	return states
}

// StateCount is the number of states that are kept.
func (r *Run) StateCount() int {
	if r.State == nil {
		return len(r.History)
	}
	return len(r.History) + 1
}

// StateAt returns the i-th of the states that are kept, oldest first. It must not be
// changed.
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

// Renamed returns the run with another name. It is noted beside what is asked for,
// which stays as it is. The time of the change is later than that of the last
// one, so that it shows.
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

// RecordEnd notes since when the run is finished.
func (r *Run) RecordEnd(now time.Time) {
	switch {
	case !r.Finished():
		r.EndRecorded = time.Time{}
	case r.EndRecorded.IsZero():
		r.EndRecorded = now
	}
}

// EndUnknown reports whether the run finished and nothing tells when: a user wrote
// the stored progress.
func (r *Run) EndUnknown() bool { return r.Finished() && r.EndRecorded.IsZero() }

// Finished reports whether the current state is terminal.
func (r *Run) Finished() bool { return r.State != nil && r.State.Type.Terminal() }

// Holds reports whether the run holds the slots it claimed for the state with
// this id: the state was written, and the run has not left RUNNING and
// CANCELLING since.
func (r *Run) Holds(stateID string) bool {
	return orchestration.HoldsSlots(r.States(), stateID, r.HistoryDropped == 0)
}

// Has reports whether the state with this id is, or was, the run's; of states
// that fell off its history nothing is known.
func (r *Run) Has(stateID string) bool {
	for i := range r.StateCount() {
		if r.StateAt(i).ID == stateID {
			return true
		}
	}
	return false
}

// expirationPrecision is the difference up to which two expiration times are
// equal: a stored run has the time of its end to the second in some cases.
const expirationPrecision = time.Second

// ShowsExpiration reports whether the stored expiration time of the run is this
// one, to the second.
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
