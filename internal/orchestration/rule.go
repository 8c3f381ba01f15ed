package orchestration

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rule judges one kind of transition. Rules are data: a name, the transitions
// it looks at, and a pure judgement.
type Rule struct {
	// Name is Prefect's name of the rule (contract §3.4).
	Name string
	// From and To hold the initial and proposed types the rule looks at. None
	// is a member only where the contract says so.
	From, To []StateType
	// Judge sees the facts as the earlier rules left them: their edits of the
	// proposed state and of the run count are in. It must not write through
	// the pointers, slices and maps it is given.
	Judge func(Facts) Verdict
}

// covers reports whether the rule looks at a transition at all.
func (r Rule) covers(from, to StateType) bool {
	return slices.Contains(r.From, from) && slices.Contains(r.To, to)
}

// Type sets of rules that look at more than a few types.
var (
	anyTypeOrNone = append([]StateType{None}, StateTypes...)
	terminalTypes = []StateType{Completed, Failed, Crashed, Cancelled}
)

// Verdict is what a rule says of a transition. The zero Verdict lets it pass
// as it is. What Prefect's rules do in hooks before, after and in place of the
// write is said here as data, and the engine does it at the right moment.
type Verdict struct {
	// Status is empty when the rule lets the transition pass. Reject, Wait and
	// Abort end it, with Reason, and with Delay in case of Wait.
	Status Status
	Reason string
	Delay  time.Duration
	// AwaitsSlots tells of a Wait that it is for a slot: see Decision.
	AwaitsSlots bool
	// State takes the place of the proposed state. Nil keeps it if the rule
	// lets it pass, and else leaves nothing to write.
	State *State
	// RunCount is the run's count from now on: later rules see it. If the rule
	// fizzles, the engine puts the old count back (Prefect's cleanup hook).
	RunCount *int64
	// FlowRunRunCount is set after everything else, and only if the transition
	// came about as the rule saw it (Prefect's after hook).
	FlowRunRunCount *int64
	// CacheEntry makes the state that is written an entry of the cache, under the
	// same condition.
	CacheEntry bool
	// Slots are the tags whose limits have to give a slot each, for the state to
	// be written: only if the transition comes about as the rule saw it. A rule
	// that fizzles gives back what it asked for (Prefect's cleanup hook).
	Slots []string
}

// pass lets the transition go on unchanged.
func pass() Verdict { return Verdict{} }

// edit lets the transition go on with a proposed state that was edited.
func edit(s State) Verdict { return Verdict{State: &s} }

// reject puts another state in the place of the proposed one.
func reject(s State, reason string) Verdict {
	return Verdict{Status: Reject, Reason: reason, State: &s}
}

// rejectWithNothing refuses the proposed state and leaves the run as it is.
func rejectWithNothing(reason string) Verdict { return Verdict{Status: Reject, Reason: reason} }

// wait asks the caller to propose again after a delay of whole seconds.
func wait(delay time.Duration, reason string) Verdict {
	return Verdict{Status: Wait, Delay: delay, Reason: reason}
}

// abort tells the caller to give up.
func abort(reason string) Verdict { return Verdict{Status: Abort, Reason: reason} }

// ends reports whether the rule ended the intended transition.
func (v Verdict) ends() bool { return v.Status != "" }

// String describes the verdict for the trace.
func (v Verdict) String() string {
	var did []string
	switch {
	case v.Status == Wait:
		did = append(did, fmt.Sprintf("WAIT %s: %s", v.Delay, v.Reason))
	case v.Status == Reject && v.State != nil:
		did = append(did, fmt.Sprintf("REJECT in favour of %s %q: %s", v.State.Type, v.State.Name, v.Reason))
	case v.ends():
		did = append(did, fmt.Sprintf("%s: %s", v.Status, v.Reason))
	case v.State != nil:
		did = append(did, fmt.Sprintf("edited the proposed %s %q", v.State.Type, v.State.Name))
	}
	if v.RunCount != nil {
		did = append(did, fmt.Sprintf("run count %d", *v.RunCount))
	}
	if len(v.Slots) > 0 {
		did = append(did, "asked for slots of "+strings.Join(v.Slots, ", "))
	}
	if len(did) == 0 {
		return "passed"
	}
	return strings.Join(did, ", ")
}

// newState makes the state that a rule puts in place of the proposed one. As
// in Prefect its deferred detail is false, not null (contract §2.3).
func (f Facts) newState(t StateType, name string) State {
	return State{
		ID:        f.NewID,
		Type:      t,
		Name:      name,
		Timestamp: f.now(),
		Details:   StateDetails{Deferred: new(false)},
	}
}

// now is the time of the judgement in the precision that clients see.
func (f Facts) now() time.Time { return f.Now.UTC().Truncate(time.Microsecond) }
