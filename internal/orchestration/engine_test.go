package orchestration

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rule makes a rule for these tests that looks at every transition but those
// that were nullified, unless to is given.
func rule(name string, judge func(Facts) Verdict, to ...StateType) Rule[Facts] {
	if to == nil {
		to = StateTypes
	}
	return Rule[Facts]{Name: name, From: anyTypeOrNone, To: to, Evaluate: judge}
}

func says(v Verdict) func(Facts) Verdict { return func(Facts) Verdict { return v } }

var (
	failed    = State{ID: "failed", Type: Failed, Name: "Failed", Timestamp: noon}
	scheduled = State{ID: "scheduled", Type: Scheduled, Name: "Scheduled", Timestamp: noon, Details: StateDetails{ScheduledTime: &noon}}
	other     = State{ID: "other", Type: Running, Name: "Other", Timestamp: noon}
)

// The engine's semantics, sentence by sentence (contract §3.3). The transition
// is PENDING -> RUNNING of a run that was started twice.
func TestEngine(t *testing.T) {
	t.Parallel()
	counting := Verdict{RunCount: new(int64(9)), FlowRunRunCount: new(int64(5))}
	tests := map[string]struct {
		policy       Policy[Facts]
		want         Status
		wantReason   string
		wantState    string // its id; "": nothing is written
		wantCount    int64
		wantFlowSeen int64
		wantSlots    []string
		wantTrace    []string
	}{
		"an empty policy accepts": {
			want: Accept, wantState: "proposed", wantCount: 3,
		},
		"a rule that does not look at the transition is not heard": {
			policy: Policy[Facts]{rule("a", says(abort("no")), Completed)},
			want:   Accept, wantState: "proposed", wantCount: 3,
		},
		"edits reach later rules": {
			policy: Policy[Facts]{
				rule("a", func(f Facts) Verdict { return Verdict{State: &other, RunCount: new(f.Run.RunCount + 5)} }),
				rule("b", func(f Facts) Verdict { return reject(f.Proposed, fmt.Sprint(f.Proposed.Name, f.Run.RunCount)) }),
			},
			want: Reject, wantReason: "Other7", wantState: "other", wantCount: 8,
			wantTrace: []string{`a: edited the proposed RUNNING "Other", run count 7`, `b: REJECT in favour of RUNNING "Other": Other7`},
		},
		"after a wait nothing is written, later rules are skipped and earlier ones fizzle in reverse": {
			policy: Policy[Facts]{rule("a", says(counting)), rule("b", says(pass())), rule("c", says(wait(time.Second, "later"))), rule("d", says(abort("no")))},
			want:   Wait, wantReason: "later", wantCount: 2,
			wantTrace: []string{
				"a: run count 9", "b: passed", "c: WAIT 1s: later", "d: skipped: the transition changed before",
				"b: fizzled", "a: fizzled: run count back to 2",
			},
		},
		"after an abort, too": {
			policy: Policy[Facts]{rule("a", says(counting)), rule("b", says(abort("no"))), rule("c", says(wait(time.Second, "later")))},
			want:   Abort, wantReason: "no", wantCount: 2,
			wantTrace: []string{"a: run count 9", "b: ABORT: no", "c: skipped: the transition changed before", "a: fizzled: run count back to 2"},
		},
		"a rejection with nothing leaves the run as it is": {
			policy: Policy[Facts]{rule("a", says(rejectWithNothing("done"))), rule("b", says(counting))},
			want:   Reject, wantReason: "done", wantCount: 2,
			wantTrace: []string{"a: REJECT: done", "b: skipped: the transition changed before"},
		},
		"a rejection with another type is written, and makes the others skip or fizzle": {
			policy: Policy[Facts]{rule("a", says(counting)), rule("b", says(reject(failed, "worse"))), rule("c", says(abort("no")))},
			want:   Reject, wantReason: "worse", wantState: "failed", wantCount: 2,
			wantTrace: []string{
				"a: run count 9", `b: REJECT in favour of FAILED "Failed": worse`, "c: skipped: the transition changed before",
				"a: fizzled: run count back to 2",
			},
		},
		"a rejection with the same type lets the others go on": {
			policy: Policy[Facts]{rule("a", says(reject(other, "rather"))), rule("b", says(counting))},
			want:   Reject, wantReason: "rather", wantState: "other", wantCount: 10, wantFlowSeen: 5,
			wantTrace: []string{`a: REJECT in favour of RUNNING "Other": rather`, "b: run count 9", "b: after: flow run's run count 5"},
		},
		"the last rule that ends the transition gives the answer": {
			policy: Policy[Facts]{rule("a", says(reject(other, "rather"))), rule("b", says(wait(time.Second, "later")))},
			want:   Wait, wantReason: "later", wantCount: 2,
			wantTrace: []string{`a: REJECT in favour of RUNNING "Other": rather`, "b: WAIT 1s: later"},
		},
		"after hooks run in reverse": {
			policy: Policy[Facts]{
				rule("a", says(Verdict{FlowRunRunCount: new(int64(1))})),
				rule("b", says(Verdict{FlowRunRunCount: new(int64(2))})),
			},
			want: Accept, wantState: "proposed", wantCount: 3, wantFlowSeen: 1,
			wantTrace: []string{"a: passed", "b: passed", "b: after: flow run's run count 2", "a: after: flow run's run count 1"},
		},
		"the after hook of a rule that put another state in place runs if it looks at that type": {
			policy: Policy[Facts]{rule("a", says(Verdict{Status: Reject, State: &failed, FlowRunRunCount: new(int64(4))}), Running, Failed)},
			want:   Reject, wantState: "failed", wantCount: 2, wantFlowSeen: 4,
			wantTrace: []string{`a: REJECT in favour of FAILED "Failed": `, "a: after: flow run's run count 4"},
		},
		"and does not if it does not; nor is it cleaned up": {
			policy: Policy[Facts]{rule("a", says(Verdict{Status: Reject, State: &failed, RunCount: new(int64(9)), FlowRunRunCount: new(int64(4))}), Running)},
			want:   Reject, wantState: "failed", wantCount: 9,
			wantTrace: []string{`a: REJECT in favour of FAILED "Failed": , run count 9`},
		},
		"slots are taken if the transition comes about": {
			policy: Policy[Facts]{rule("a", says(Verdict{Slots: []string{"s", "t"}})), rule("b", says(reject(other, "rather")))},
			want:   Reject, wantReason: "rather", wantState: "other", wantCount: 3, wantSlots: []string{"s", "t"},
			wantTrace: []string{"a: asked for slots of s, t", `b: REJECT in favour of RUNNING "Other": rather`},
		},
		"and not if it fizzles": {
			policy: Policy[Facts]{rule("a", says(Verdict{Slots: []string{"s"}, RunCount: new(int64(9))})), rule("b", says(reject(failed, "worse")))},
			want:   Reject, wantReason: "worse", wantState: "failed", wantCount: 2,
			wantTrace: []string{
				"a: run count 9, asked for slots of s", `b: REJECT in favour of FAILED "Failed": worse`,
				"a: fizzled: run count back to 2: no slots needed",
			},
		},
		"nothing a rule counted stays if nothing is written": {
			policy: Policy[Facts]{rule("a", says(Verdict{Status: Abort, RunCount: new(int64(9)), FlowRunRunCount: new(int64(4)), Slots: []string{"s"}}), Running, None)},
			want:   Abort, wantCount: 2,
			wantTrace: []string{"a: ABORT: , run count 9, asked for slots of s", "a: after: flow run's run count 4"},
		},
		"a rule that wants another type without rejecting fizzles": {
			policy: Policy[Facts]{rule("a", says(Verdict{State: &scheduled, RunCount: new(int64(9))}))},
			want:   Accept, wantState: "scheduled", wantCount: 2,
			wantTrace: []string{`a: edited the proposed SCHEDULED "Scheduled", run count 9`, "a: fizzled: run count back to 2"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := transitionFacts(Pending, Running, func(f *Facts) { f.Run.RunCount = 2 })
			got := decide(tt.policy, f)

			if got.Status != tt.want || got.Reason != tt.wantReason {
				t.Errorf("got %s %q, want %s %q", got.Status, got.Reason, tt.want, tt.wantReason)
			}
			state := ""
			if got.State != nil {
				state = got.State.ID
			}
			if state != tt.wantState {
				t.Errorf("state to write = %q, want %q", state, tt.wantState)
			}
			if diff := cmp.Diff(tt.wantSlots, got.Slots); diff != "" {
				t.Errorf("slots to take (-want +got):\n%s", diff)
			}
			if got.Progress.RunCount != tt.wantCount || got.Progress.FlowRunRunCount != tt.wantFlowSeen {
				t.Errorf("run count, flow run's run count = %d, %d, want %d, %d",
					got.Progress.RunCount, got.Progress.FlowRunRunCount, tt.wantCount, tt.wantFlowSeen)
			}
			var trace []string
			for _, e := range got.Trace {
				trace = append(trace, e.Rule+": "+e.Did)
			}
			if diff := cmp.Diff(tt.wantTrace, trace); diff != "" {
				t.Errorf("trace (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAProposalOfNothingChangesNothing(t *testing.T) {
	t.Parallel()
	for _, from := range anyTypeOrNone {
		f := transitionFacts(from, None)
		f.Run.RunCount = 2
		got := Decide(f)
		if got.State != nil {
			t.Errorf("from %q: a state without a type would be written", from)
		}
		if diff := cmp.Diff(f.Run.Progress, got.Progress); diff != "" {
			t.Errorf("from %q: progress (-was +is):\n%s", from, diff)
		}
	}
}
