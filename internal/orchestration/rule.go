package orchestration

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rule evaluates one kind of transition. Rules are data: a name, the matching
// transitions, and a pure function. F is the type of the facts: Facts for the rules of
// task runs, FlowRunFacts for those of flow runs.
type Rule[F any] struct {
	// Name is Prefect's name of the rule (contract §3.4, flows contract §4.4).
	Name string
	// From and To are the matching initial and proposed types. None is a member only if
	// the contract requires it.
	From, To []StateType
	// Evaluate receives the facts with the edits of the earlier rules to the proposed
	// state and the progress. It must not write through the pointers, slices and maps
	// of the facts.
	Evaluate func(F) Verdict
}

// matches reports whether the rule applies to a transition.
func (r Rule[F]) matches(from, to StateType) bool {
	return slices.Contains(r.From, from) && slices.Contains(r.To, to)
}

// Type sets of rules that match many types.
var (
	anyTypeOrNone = append([]StateType{None}, StateTypes...)
	terminalTypes = []StateType{Completed, Failed, Crashed, Cancelled}
)

// Verdict is the result of a rule. The zero Verdict accepts the transition without
// edits. Prefect's rules have hooks before, after and in place of the write. Here they
// are data, which the engine applies at the time of the hook.
type Verdict struct {
	// Status is empty if the rule does not end the transition. Reject, Wait and
	// Abort end it, with Reason, and with Delay in case of Wait.
	Status Status
	Reason string
	Delay  time.Duration
	// AwaitsSlots is true for a Wait for a slot, see Decision.
	AwaitsSlots bool
	// State replaces the proposed state. Nil keeps the proposed state if the rule does
	// not end the transition. Otherwise nil means that nothing is written.
	State *State
	// RunCount is the new run count for the later rules. If the rule fizzles, the engine
	// restores the earlier count (Prefect's cleanup hook).
	RunCount *int64
	// FlowRunRunCount is set last, and only if the transition did not change after the
	// rule (Prefect's after hook).
	FlowRunRunCount *int64
	// CacheEntry makes the written state an entry of the cache, under the same
	// condition.
	CacheEntry bool
	// Slots are the tags on whose limits a slot must be free before the write, if the
	// transition did not change after the rule. A rule that fizzles needs no slots
	// (Prefect's cleanup hook).
	Slots []string

	// FlowRun are the edits to a flow run beyond its state.
	FlowRun *FlowRunEdits
}

// pass accepts the transition without edits.
func pass() Verdict { return Verdict{} }

// edit accepts the transition with an edited proposed state.
func edit(s State) Verdict { return Verdict{State: &s} }

// reject replaces the proposed state.
func reject(s State, reason string) Verdict {
	return Verdict{Status: Reject, Reason: reason, State: &s}
}

// rejectWithNothing rejects the proposed state without a write.
func rejectWithNothing(reason string) Verdict { return Verdict{Status: Reject, Reason: reason} }

// wait returns a Wait with a delay in whole seconds.
func wait(delay time.Duration, reason string) Verdict {
	return Verdict{Status: Wait, Delay: delay, Reason: reason}
}

// abort returns an Abort.
func abort(reason string) Verdict { return Verdict{Status: Abort, Reason: reason} }

// ends reports whether the rule ended the intended transition.
func (v Verdict) ends() bool { return v.Status != "" }

// String describes the verdict for the trace.
func (v Verdict) String() string {
	var did []string
	if text := v.onState(); text != "" {
		did = append(did, text)
	}
	if v.RunCount != nil {
		did = append(did, fmt.Sprintf("run count %d", *v.RunCount))
	}
	if marks := v.marks(); marks != nil {
		did = append(did, marks.String())
	}
	if len(v.Slots) > 0 {
		did = append(did, "asked for slots of "+strings.Join(v.Slots, ", "))
	}
	if len(did) == 0 {
		return "passed"
	}
	return strings.Join(did, ", ")
}

// onState describes what the verdict does to the proposed state, "" if nothing.
func (v *Verdict) onState() string {
	switch {
	case v.Status == Wait:
		return fmt.Sprintf("WAIT %s: %s", v.Delay, v.Reason)
	case v.Status == Reject && v.State != nil:
		return fmt.Sprintf("REJECT in favour of %s %q: %s", v.State.Type, v.State.Name, v.Reason)
	case v.ends():
		return fmt.Sprintf("%s: %s", v.Status, v.Reason)
	case v.State != nil:
		return fmt.Sprintf("edited the proposed %s %q", v.State.Type, v.State.Name)
	default:
		return ""
	}
}

// newState returns a state that replaces the proposed state. As in Prefect, its
// deferred detail is false, not null (contract §2.3).
func (f Facts) newState(t StateType, name string) State {
	return replacement(f.NewID, t, name, f.Now)
}

// replacement returns a state of the server that replaces a proposed one.
func replacement(id string, t StateType, name string, now time.Time) State {
	return State{
		ID:        id,
		Type:      t,
		Name:      name,
		Timestamp: clientTime(now),
		Details:   StateDetails{Deferred: new(false)},
	}
}

// now returns the time of the evaluation in the precision of clients.
func (f Facts) now() time.Time { return clientTime(f.Now) }

// clientTime returns a time in UTC in the precision of clients.
func clientTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
