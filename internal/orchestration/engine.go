package orchestration

import (
	"fmt"
	"slices"
)

// Policy is an ordered list of rules. A rule receives the facts with the edits of the
// earlier rules. It is skipped after one of them has changed the type of the proposed
// state.
type Policy[F any] []Rule[F]

// evaluable is what the engine needs of the facts of a task run or a flow run. It edits
// the facts through these methods, so that the later rules see the edits.
type evaluable[F any] interface {
	*F
	proposed() *State
	progress() *Progress
	flowRun() *FlowRunProgress // nil for the facts of a task run
	// transform applies the global transforms to the proposed state and the progress.
	transform(initial *State)
}

// evaluate runs a policy (contract §3.3): it enters the rules in order, applies the
// transforms to the state to write, and leaves the rules in reverse order.
func evaluate[F any, P evaluable[F]](policy Policy[F], f F) *transition[F, P] {
	t := &transition[F, P]{facts: f, outcome: Decision{Status: Accept}}
	t.initial = P(&t.facts).progress().State
	t.from, t.to = t.initial.typ(), t.target()
	for _, rule := range policy {
		t.enter(rule)
	}
	if t.target() != None {
		// The transforms are Prefect's universal rules: nothing makes them invalid or fizzle.
		P(&t.facts).transform(t.initial)
	}
	for i := range slices.Backward(t.entered) {
		t.leave(&t.entered[i])
	}
	return t
}

// transition is one evaluation.
type transition[F any, P evaluable[F]] struct {
	facts   F      // with the edits of the rules and transforms so far
	initial *State // current state of the run; nil if it never had a state

	// from and to are the intended transition, which selects the rules. They do not
	// change when the proposed state does.
	from, to StateType

	entered []entry[F]
	outcome Decision
	resumed bool // an after hook marked the flow run as resuming
}

// entry is a rule that was entered, with the data for leaving it.
type entry[F any] struct {
	rule     Rule[F]
	verdict  Verdict
	runCount int64         // before the verdict
	marks    *FlowRunMarks // before the verdict, nil if it has none
}

// target returns the present type of the proposed state, None if nothing is written.
func (t *transition[F, P]) target() StateType { return P(&t.facts).proposed().Type }

// enter evaluates a rule if it matches the intended transition and the transition has
// not changed.
func (t *transition[F, P]) enter(rule Rule[F]) {
	if !rule.matches(t.from, t.to) {
		return
	}
	if t.target() != t.to {
		t.trace(rule.Name, "skipped: the transition changed before")
		return
	}
	e := entry[F]{rule: rule, verdict: rule.Evaluate(t.facts), runCount: P(&t.facts).progress().RunCount}
	if e.verdict.marks() != nil {
		e.marks = new(P(&t.facts).flowRun().marks())
	}
	t.entered = append(t.entered, e)
	t.apply(e.verdict)
	t.trace(rule.Name, e.verdict.String())
}

// apply applies a verdict before the write. The last verdict that ends the transition
// sets the outcome.
func (t *transition[F, P]) apply(v Verdict) {
	f := P(&t.facts)
	if v.RunCount != nil {
		f.progress().RunCount = *v.RunCount
	}
	if marks := v.marks(); marks != nil {
		f.flowRun().setMarks(*marks)
	}
	switch {
	case v.State != nil:
		*f.proposed() = *v.State
	case v.ends():
		*f.proposed() = State{}
	}
	if v.ends() {
		t.outcome.Status, t.outcome.Reason, t.outcome.Delay = v.Status, v.Reason, v.Delay
		t.outcome.AwaitsSlots = v.AwaitsSlots
	}
}

// leave runs the after hook of a rule or rolls the rule back. A rule that ended the
// transition never fizzles. Its after hook runs only if the new type is in Rule.To.
// The after hook of another rule runs if the transition has not changed. Otherwise the
// rule fizzles and is rolled back.
func (t *transition[F, P]) leave(e *entry[F]) {
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
func (t *transition[F, P]) after(e *entry[F]) {
	v, f := &e.verdict, P(&t.facts)
	// Slots are requested here and not in enter, so that no rule has to release them.
	t.outcome.Slots = append(t.outcome.Slots, v.Slots...)
	if v.FlowRunRunCount != nil {
		f.progress().FlowRunRunCount = *v.FlowRunRunCount
		t.trace(e.rule.Name, fmt.Sprintf("after: flow run's run count %d", *v.FlowRunRunCount))
	}
	if v.CacheEntry {
		f.proposed().CacheEntry = true
		t.trace(e.rule.Name, "after: an entry of the cache")
	}
	if v.FlowRun != nil {
		t.afterFlowRun(e.rule.Name, v.FlowRun)
	}
}

func (t *transition[F, P]) afterFlowRun(rule string, edits *FlowRunEdits) {
	run := P(&t.facts).flowRun()
	if edits.PauseKey != nil {
		run.addPauseKey(*edits.PauseKey)
		t.trace(rule, "after: pause key "+*edits.PauseKey)
	}
	if edits.Resuming {
		run.Resuming, t.resumed = true, true
		t.trace(rule, "after: resuming")
	}
}

// rollBack reverts the edits of a fizzled rule.
func (t *transition[F, P]) rollBack(e *entry[F]) {
	did := "fizzled"
	if e.verdict.RunCount != nil {
		P(&t.facts).progress().RunCount = e.runCount
		did += fmt.Sprintf(": run count back to %d", e.runCount)
	}
	if e.marks != nil {
		P(&t.facts).flowRun().setMarks(*e.marks)
		did += ": back to " + e.marks.String()
	}
	if len(e.verdict.Slots) > 0 {
		did += ": no slots needed"
	}
	t.trace(e.rule.Name, did)
}

func (t *transition[F, P]) trace(rule, did string) {
	t.outcome.Trace = append(t.outcome.Trace, TraceEntry{Rule: rule, Did: did})
}
