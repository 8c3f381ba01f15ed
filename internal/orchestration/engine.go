package orchestration

import (
	"fmt"
	"slices"
)

// Policy is an ordered list of rules. The order matters: a rule sees what the
// rules before it left, and says nothing once one of them changed the type of
// the proposed state.
type Policy []Rule

// judge runs the policy as contract §3.3 says: enter the rules in order, apply
// the transforms to what is to be written, leave the rules in reverse order.
func (p Policy) judge(f Facts) Decision {
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

// transition is one judgement under way.
type transition struct {
	facts   Facts  // as the rules and transforms left them so far
	initial *State // what the run was in; nil if it never had a state

	// from and to are the intended transition, the pair the rules are chosen
	// by. They are computed once; only facts.Proposed can move away from them.
	from, to StateType

	entered []entry
	outcome Decision
}

// entry is a rule that was heard, with what is needed to leave it again.
type entry struct {
	rule     Rule
	verdict  Verdict
	runCount int64 // before the verdict
}

// target is the type the run is going to now; None once the proposal was
// nullified.
func (t *transition) target() StateType { return t.facts.Proposed.Type }

// enter hears a rule, unless it does not look at the intended transition, or
// the transition is no longer the intended one.
func (t *transition) enter(rule Rule) {
	if !rule.covers(t.from, t.to) {
		return
	}
	if t.target() != t.to {
		t.trace(rule, "skipped: the transition changed before")
		return
	}
	e := entry{rule: rule, verdict: rule.Judge(t.facts), runCount: t.facts.Run.RunCount}
	t.entered = append(t.entered, e)
	t.heed(e.verdict)
	t.trace(rule, e.verdict.String())
}

// heed does what a verdict says before the write. The last one that ends the
// transition gives its answer.
func (t *transition) heed(v Verdict) {
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

// leave takes a rule to its end. A rule that ended the transition itself never
// fizzles; its after hook runs only if the run goes to a type it looks at. Any
// other rule's after hook runs if the transition is still the one it saw; else
// it fizzles and is cleaned up.
func (t *transition) leave(e entry) {
	switch became := t.target(); {
	case e.verdict.ends():
		if slices.Contains(e.rule.To, became) {
			t.after(e)
		}
	case became == t.to:
		t.after(e)
	default:
		t.cleanUp(e)
	}
}

// after does what a rule wants done once its transition came about.
func (t *transition) after(e entry) {
	// Slots are taken now and not when the rule was heard, so none has to be
	// given back for what the rules say.
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

// cleanUp takes back what a fizzled rule did.
func (t *transition) cleanUp(e entry) {
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

// decision closes the judgement. Without a state to write, the run's progress
// is what it was before. All of it is copied, because the rules share pointers
// with the facts.
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
