package orchestration

import "time"

// Decide evaluates one proposed transition. It selects the policy (contract §3.1),
// evaluates its rules in order, and applies the global transforms to the state to write
// (contract §3.3, §3.5).
//
// Decide never fails, and equal facts have equal decisions. It does not change the facts,
// and the Decision shares no memory with them. The caller must check that the proposed
// type is one of StateTypes, because no rule matches other types.
func Decide(f Facts) Decision {
	return decide(policyFor(f), f)
}

// Facts is the input of an evaluation. It includes the time, random numbers and new ids,
// so that Decide is a pure function.
type Facts struct {
	Run      Run
	Proposed State // with the id and timestamp it will have if it is accepted
	Force    bool
	Now      time.Time
	Draw     float64  // uniform in [0,1): position of a retry delay in the range of the jitter
	NewID    string   // id of a state that replaces the proposed one
	FlowRun  *FlowRun // nil: the run has no flow run
	// CacheEntry is the newest state with the cache key of the proposed state that has
	// not expired; nil: there is none, or the lookup was not necessary (AsksCache).
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

// Status is the status of a verdict (contract §2.8).
type Status string

// Values of Status.
const (
	Accept Status = "ACCEPT"
	Reject Status = "REJECT"
	Wait   Status = "WAIT"
	Abort  Status = "ABORT"
)

// Decision is the outcome of an evaluation.
type Decision struct {
	Status Status
	Reason string        // empty when accepted, or when no reason was given
	Delay  time.Duration // whole seconds, only with Wait
	// AwaitsSlots is true for a Wait for a slot. Then Delay is an estimate: a slot can
	// be free earlier, or be in use again after Delay.
	AwaitsSlots bool
	// State is the state to write, nil if nothing is written. After a
	// Reject it can be another state than the one proposed.
	State *State
	// Progress is the progress of the run after the write of State, unchanged if State
	// is nil.
	Progress Progress
	// Slots are the tags on whose limits the run needs a slot before the write of State:
	// all of them or none. Empty if State is nil.
	Slots []string
	// Trace has the result of each rule, in order.
	Trace []TraceEntry
}

// TraceEntry is the result of one rule.
type TraceEntry struct {
	Rule string
	Did  string
}

// decide evaluates the transition of a task run. Without a state to write, the progress
// of the run is unchanged. The decision is a deep copy, because the rules share pointers
// with the facts.
func decide(policy Policy[Facts], f Facts) Decision {
	t := evaluate[Facts, *Facts](policy, f)
	d := t.outcome
	if t.target() == None {
		d.Progress = f.Run.clone()
		d.Slots = nil
		return d
	}
	d.State = new(t.facts.Proposed.clone())
	d.Progress = t.facts.Run.clone()
	return d
}

func (f *Facts) proposed() *State { return &f.Proposed }

func (f *Facts) progress() *Progress { return &f.Run.Progress }

func (f *Facts) flowRun() *FlowRunProgress { return nil }

func (f *Facts) transform(initial *State) {
	for _, apply := range globalTransforms() {
		apply(initial, &f.Proposed, &f.Run.Progress)
	}
	incrementTaskRunCount(initial, &f.Proposed, &f.Run.Progress) // the rules have read the count without this start
}
