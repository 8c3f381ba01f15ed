package orchestration

import "time"

// Decide judges one proposed transition: it picks the policy (contract §3.1),
// lets its rules speak in order, and applies the global transforms to whatever
// is to be written (contract §3.3, §3.5).
//
// It always answers, whatever the facts are, and equal facts get equal answers.
// The facts are not changed, and the Decision shares no memory with them. That
// the proposed type is one of StateTypes is the caller's to see to: no rule
// looks at others.
func Decide(f Facts) Decision {
	return policyFor(f).judge(f)
}

// Facts are everything a judgement rests on, gathered before it. Time, random
// numbers and new ids are facts too, so that Decide stays a pure function.
type Facts struct {
	Run      Run
	Proposed State // with the id and timestamp it will have if it is accepted
	Force    bool
	Now      time.Time
	Draw     float64  // uniform in [0,1): where in the jitter's range a retry delay falls
	NewID    string   // id for a state that a rule puts in place of the proposed one
	FlowRun  *FlowRun // nil: the run has no flow run
	// CacheEntry is the newest state under the proposed state's cache key whose
	// expiration has not come; nil: there is none, or it is not asked for (AsksCache).
	CacheEntry *State
	// TagLimits are the active limits on the run's tags, each once, in the order
	// of the tags. A tag without one is not limited.
	TagLimits []TagLimit
}

// FlowRun holds the facts of the flow run a task run belongs to.
type FlowRun struct {
	State    *State
	RunCount int64
}

// Status is the answer to a proposal (contract §2.8).
type Status string

// The four answers.
const (
	Accept Status = "ACCEPT"
	Reject Status = "REJECT"
	Wait   Status = "WAIT"
	Abort  Status = "ABORT"
)

// Decision is the outcome of a judgement.
type Decision struct {
	Status Status
	Reason string        // empty when accepted, or when no reason was given
	Delay  time.Duration // whole seconds, only with Wait
	// AwaitsSlots tells of a Wait that it is for a slot. Delay is a guess then: a
	// slot can be free at any moment, or be gone again after Delay.
	AwaitsSlots bool
	// State is the state to write, nil when nothing is to be written. After a
	// Reject it can be another state than the one proposed.
	State *State
	// Progress is the run's progress once State is written; equal to what it
	// was when State is nil.
	Progress Progress
	// Slots are the tags whose limits the run needs a slot of before State may be
	// written: all of them or none. Empty when State is nil.
	Slots []string
	// Trace says which rule said what, in order.
	Trace []TraceEntry
}

// TraceEntry is what one rule did in a judgement.
type TraceEntry struct {
	Rule string
	Did  string
}
