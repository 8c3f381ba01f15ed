package linearizability

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// at returns the span of an operation, in milliseconds.
func at(sent, returned int) span {
	return span{Sent: time.Duration(sent) * time.Millisecond, Returned: time.Duration(returned) * time.Millisecond}
}

func st(name string) state { return state{ID: "id of " + name, Name: name} }

func states(names ...string) []state {
	all := make([]state, 0, len(names))
	for _, name := range names {
		all = append(all, st(name))
	}
	return all
}

func wrote(name, process string, outcome outcome, when span) write {
	w := write{span: when, Process: process, Name: name, Outcome: outcome}
	if outcome == acknowledged {
		w.ID = st(name).ID
	}
	return w
}

// good is a history without an error: process a is killed while it writes "lost" and "done"; only "done" took effect.
func good() *history {
	return &history{
		Final: states("made", "one", "two", "done", "late"),
		Writes: []write{
			wrote("made", "a1", acknowledged, at(0, 5)),
			wrote("two", "b1", acknowledged, at(10, 30)), // concurrent with one
			wrote("one", "a1", acknowledged, at(10, 20)),
			wrote("lost", "a1", unknown, at(31, 40)),
			wrote("done", "a1", unknown, at(31, 40)),
			wrote("invalid", "b1", rejected, at(31, 35)),
			wrote("late", "b1", acknowledged, at(50, 60)),
		},
		Reads: []read{
			{span: at(6, 8), Process: "b1", Kind: wholeHistory, Shown: states("made"), Live: true},
			{span: at(21, 22), Process: "a1", Kind: wholeHistory, Shown: states("made", "one"), Live: true},
			{span: at(23, 24), Process: "a1", Kind: currentState, Shown: states("two")},
			{span: at(25, 26), Process: "b1", Kind: oneState, Asked: st("one")}, // the watch of b1 is behind
			{span: at(61, 62), Process: "b1", Kind: oneState, Asked: st("late"), Shown: states("late")},
			{span: at(70, 71), Process: "a2", Kind: currentState, Shown: states("done"), Live: true}, // launched before "late"
		},
		Launched: map[string]time.Duration{"a1": 0, "b1": 0, "a2": 45 * time.Millisecond},
	}
}

func TestCheck_acceptsConsistentHistory(t *testing.T) {
	t.Parallel()
	if found := good().check(); len(found) > 0 {
		t.Errorf("check() = %q, want nothing", found)
	}
}

// A duplicate state has two positions. A read without the second one may show the states in between.
func TestCheck_duplicateIsNotReportedAsStaleRead(t *testing.T) {
	t.Parallel()
	h := good()
	h.Final = []state{st("made"), st("one"), {"another", "late"}, st("two"), st("done"), st("late")}
	h.Writes[len(h.Writes)-1].Process = "a1"
	h.Reads = []read{{span: at(65, 66), Process: "b1", Kind: oneState, Asked: st("late")}}
	found := h.check()
	if slices.ContainsFunc(found, func(report string) bool { return strings.Contains(report, "lacks") }) {
		t.Errorf("check() = %q, want no stale read", found)
	}
}

func TestCheck_reportsEachViolation(t *testing.T) {
	t.Parallel()
	reads := func(r ...read) func(*history) {
		return func(h *history) { h.Reads = append(h.Reads, r...) }
	}
	cases := map[string]struct {
		spoil func(*history)
		want  string // part of one report
	}{
		"an acknowledged state is lost": {
			func(h *history) { h.Final = h.Final[:4] },
			`"late", acknowledged by b1, is in the history 0 times`,
		},
		"an acknowledged state is in the history twice": {
			func(h *history) { h.Final = append(h.Final, state{"another", "late"}) },
			`"late", acknowledged by b1, is in the history 2 times`,
		},
		"a state of unknown outcome is in the history twice": {
			func(h *history) { h.Final = append(h.Final, state{"another", "done"}) },
			`"done", unknown by a1, is in the history 2 times`,
		},
		"a rejected state is in the history": {
			func(h *history) { h.Final = append(h.Final, st("invalid")) },
			`"invalid", rejected by b1, is in the history 1 times`,
		},
		"a state was never sent": {
			func(h *history) { h.Final = append(h.Final, st("foreign")) },
			`"foreign" is in the history, and no client sent it`,
		},
		"a state has another id than the acknowledged one": {
			func(h *history) { h.Final[4].ID = "another" },
			`"late" was acknowledged as id of late and is in the history as another`,
		},
		"two states are in the wrong order": {
			func(h *history) { h.Final[3], h.Final[4] = h.Final[4], h.Final[3]; h.Final = swap(h.Final, 2, 3) },
			`"two" was acknowledged (30ms) before "late" was sent (50ms), and comes after it`,
		},
		"a write of unknown outcome takes effect before it was sent": {
			func(h *history) { h.Final = swap(h.Final, 2, 3) },
			`"two" was acknowledged (30ms) before "done" was sent (31ms), and comes after it`,
		},
		"a read shows a state that is not in the history": {
			reads(read{span: at(80, 81), Process: "b1", Kind: currentState, Shown: states("lost")}),
			"shows {id of lost lost}, which is not in the history",
		},
		"a read lacks a state in the middle": {
			reads(read{span: at(80, 81), Process: "b1", Kind: wholeHistory, Shown: states("made", "two", "done", "late", "one")}),
			"which is no beginning of the history",
		},
		"a read shows more states than the history has": {
			reads(read{span: at(80, 81), Process: "b1", Kind: wholeHistory, Shown: states("made", "one", "two", "done", "late", "late")}),
			"which is no beginning of the history",
		},
		"a read shows a write before it was sent": {
			reads(read{span: at(41, 42), Process: "b1", Kind: currentState, Shown: states("late")}),
			`showed 5 states (42ms) before "late" was sent (50ms)`,
		},
		"a replica does not read its own write": {
			reads(read{span: at(61, 62), Process: "b1", Kind: currentState, Shown: states("done")}),
			`shows 4 states, and lacks "late", acknowledged by b1`,
		},
		"a replica does not find the state it wrote": {
			reads(read{span: at(63, 64), Process: "b1", Kind: oneState, Asked: st("late")}),
			`shows 4 states, and lacks "late", acknowledged by b1`,
		},
		"a replica shows an older history than before": {
			reads(
				read{span: at(72, 73), Process: "a2", Kind: wholeHistory, Shown: states("made", "one", "two", "done", "late")},
				read{span: at(74, 75), Process: "a2", Kind: currentState, Shown: states("done")},
			),
			"shows 4 states, and one by a2 (72ms) before it showed 5",
		},
		"a new process lacks a state acknowledged before its launch": {
			reads(read{span: at(50, 51), Process: "a2", Kind: currentState, Shown: states("one")}),
			`shows 2 states, and lacks "two", acknowledged by b1 (30ms)`,
		},
		"a new process lacks a state shown before its launch": {
			reads(
				read{span: at(41, 42), Process: "b1", Kind: currentState, Shown: states("done")},
				read{span: at(50, 51), Process: "a2", Kind: currentState, Shown: states("two")},
			),
			"shows 3 states, and one by b1 (41ms) before it showed 4",
		},
		"a created run is not found by its id": {
			reads(read{span: at(6, 7), Process: "b1", Kind: wholeHistory, Live: true}),
			"does not find the run, which was created before (5ms)",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := good()
			tc.spoil(h)
			found := h.check()
			if !slices.ContainsFunc(found, func(report string) bool { return strings.Contains(report, tc.want) }) {
				t.Errorf("check() = %q, want one with %q", found, tc.want)
			}
		})
	}
}

// swap returns the states with two of them exchanged.
func swap(all []state, i, j int) []state {
	all = slices.Clone(all)
	all[i], all[j] = all[j], all[i]
	return all
}
