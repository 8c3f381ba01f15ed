package orchestration

import (
	"fmt"
	"slices"
)

// Policy is an ordered list of rules. A rule receives the facts with the edits of the
// earlier rules. It is skipped after one of them has changed the type of the proposed
// state.
type Policy []Rule

// evaluate runs the policy (contract §3.3): it enters the rules in order, applies the
// transforms to the state to write, and leaves the rules in reverse order.
func (p Policy) evaluate(f Facts) Decision {
	t := transition{
		facts:   f,
		initial: f.Run.State,
		from:    f.Run.State.typ(),
		to:      f.Proposed.Type,
		outcome: Decision{Status: Accept},
	}
	for _, rule := range p {
		t.enter(rule)
	}
	t.transform()
	for _, e := range slices.Backward(t.entered) {
		t.leave(e)
	}
	return t.decision(f.Run.Progress)
}

// transition is one evaluation.
type transition struct {
	facts   Facts  // with the edits of the rules and transforms so far
	initial *State // current state of the run; nil if it never had a state

	// from and to are the intended transition, which selects the rules. They do not
	// change when facts.Proposed does.
	from, to StateType

	entered []entry
	outcome Decision
}

// entry is a rule that was entered, with the data for leaving it.
type entry struct {
	rule     Rule
	verdict  Verdict
	runCount int64 // before the verdict
}

// target returns the present type of the proposed state, None if nothing is written.
func (t *transition) target() StateType { return t.facts.Proposed.Type }

// enter evaluates a rule if it matches the intended transition and the transition has
// not changed.
func (t *transition) enter(rule Rule) {
	if !rule.matches(t.from, t.to) {
		return
	}
	if t.target() != t.to {
		t.trace(rule, "skipped: the transition changed before")
		return
	}
	e := entry{rule: rule, verdict: rule.Evaluate(t.facts), runCount: t.facts.Run.RunCount}
	t.entered = append(t.entered, e)
	t.apply(e.verdict)
	t.trace(rule, e.verdict.String())
}

// apply applies a verdict before the write. The last verdict that ends the transition
// sets the outcome.
func (t *transition) apply(v Verdict) {
	if v.RunCount != nil {
		t.facts.Run.RunCount = *v.RunCount
	}
	switch {
	case v.State != nil:
		t.facts.Proposed = *v.State
	case v.ends():
		t.facts.Proposed = State{}
	}
	if v.ends() {
		t.outcome.Status, t.outcome.Reason, t.outcome.Delay = v.Status, v.Reason, v.Delay
		t.outcome.AwaitsSlots = v.AwaitsSlots
	}
}

// transform applies the global transforms if there is a state to write. They
// are Prefect's universal rules: nothing makes them invalid or fizzle.
func (t *transition) transform() {
	if t.target() == None {
		return
	}
	for _, apply := range globalTransforms() {
		apply(t.initial, &t.facts.Proposed, &t.facts.Run.Progress)
	}
}

// leave runs the after hook of a rule or rolls the rule back. A rule that ended the
// transition never fizzles. Its after hook runs only if the new type is in Rule.To.
// The after hook of another rule runs if the transition has not changed. Otherwise the
// rule fizzles and is rolled back.
func (t *transition) leave(e entry) {
	switch became := t.target(); {
	case e.verdict.ends():
		if slices.Contains(e.rule.To, became) {
			t.after(e)
		}
	case became == t.to:
		t.after(e)
	default:
		t.rollBack(e)
	}
}

// after applies the part of a verdict that depends on the final transition.
func (t *transition) after(e entry) {
	// Slots are requested here and not in enter, so that no rule has to release them.
	t.outcome.Slots = append(t.outcome.Slots, e.verdict.Slots...)
	if count := e.verdict.FlowRunRunCount; count != nil {
		t.facts.Run.FlowRunRunCount = *count
		t.trace(e.rule, fmt.Sprintf("after: flow run's run count %d", *count))
	}
	if e.verdict.CacheEntry {
		t.facts.Proposed.CacheEntry = true
		t.trace(e.rule, "after: an entry of the cache")
	}
}

// rollBack reverts the edits of a fizzled rule.
func (t *transition) rollBack(e entry) {
	did := "fizzled"
	if e.verdict.RunCount != nil {
		t.facts.Run.RunCount = e.runCount
		did += fmt.Sprintf(": run count back to %d", e.runCount)
	}
	if len(e.verdict.Slots) > 0 {
		did += ": no slots needed"
	}
	t.trace(e.rule, did)
}

func (t *transition) trace(rule Rule, did string) {
	t.outcome.Trace = append(t.outcome.Trace, TraceEntry{Rule: rule.Name, Did: did})
}

// decision returns the result of the evaluation. Without a state to write, the progress
// of the run is unchanged. It is a deep copy, because the rules share pointers with the
// facts.
func (t *transition) decision(before Progress) Decision {
	d := t.outcome
	if t.target() == None {
		d.Progress = before.clone()
		d.Slots = nil
		return d
	}
	d.State = new(t.facts.Proposed.clone())
	d.Progress = t.facts.Run.clone()
	return d
}
