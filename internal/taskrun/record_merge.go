package taskrun

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// record merges the events, which are in the order of their states, into the
// run. It returns nil if that changes nothing, and the events that come too late.
// Made tells that these events made the run a moment ago.
func (r *Run) record(events []Event, now time.Time, made bool) (next *Run, late []Event) {
	m := merge{was: r, run: *r, now: now, made: made, unfinished: r.unfinishedMaking(events, made)}
	m.run.History = slices.Clone(r.History)
	if m.unfinished {
		m.run.beginMaking()
	}
	for _, e := range events {
		m.take(e)
	}
	if !m.changed {
		return nil, m.late
	}
	m.run.boundText()
	m.run.letGo()
	return &m.run, m.late
}

// merge takes events into a run one by one.
type merge struct {
	was        *Run // as it was before
	run        Run
	now        time.Time
	made       bool // the events made the run a moment ago
	unfinished bool // the events made the run, which was not written down whole
	changed    bool
	late       []Event
}

// take merges one event. It changes the fields of the run only if its state is
// newer than the current one; an older state is kept, and that is all (contract
// §4.4).
func (m *merge) take(e Event) {
	run := &m.run
	switch {
	case m.makes(&e):
		run.make(e)
	case run.Has(e.State.ID), run.fellOff(e.State):
		return
	case !e.newerThan(run.State):
		run.remember(e.State)
	case run.Finished() && !run.State.Reported:
		m.late = append(m.late, e)
		return
	default:
		run.Updated = m.now
		run.report(&e)
		run.enter(e)
	}
	m.changed = true
}

// makes reports whether the event made the run, which has to be finished. Of
// those that are told once more only the one of the current state is known to.
func (m *merge) makes(e *Event) bool {
	return m.unfinished && (e.State.ID == m.was.State.ID || (m.made && !e.newerThan(m.was.State)))
}

// newerThan reports whether the event's state comes after another one. Of two
// reported ones of the same time the ids decide, so that it does not matter which
// comes first.
func (e *Event) newerThan(state *orchestration.State) bool {
	switch {
	case state == nil:
		return true
	case state.Reported:
		return byTimestamp(e.State, *state) > 0
	default:
		return e.State.Timestamp.After(state.Timestamp)
	}
}

// fellOff reports whether a state is older than all that are kept, of which
// some were dropped already.
func (r *Run) fellOff(s orchestration.State) bool {
	return r.HistoryDropped > 0 && len(r.History) > 0 && byTimestamp(s, r.History[0]) < 0
}

// unfinishedMaking reports whether these events made this run, but no more than
// what a run is made with was written down (see recordFirst): nothing has
// happened to it since.
func (r *Run) unfinishedMaking(events []Event, made bool) bool {
	untouched := len(r.History) == 0 && r.Updated.Equal(r.Created) && r.Delivery == nil
	return untouched && (made || r.Behind) && r.State != nil && r.State.Reported &&
		slices.ContainsFunc(events, func(e Event) bool { return e.State.ID == r.State.ID })
}

// beginMaking takes away what was derived of the run's first state.
func (r *Run) beginMaking() {
	r.Progress = orchestration.Progress{State: r.State}
	if len(r.Labels) == 0 {
		r.Reported = &Columns{Labels: Null[map[string]json.RawMessage]()}
	}
}

// make does again what an event did that made the run.
func (r *Run) make(e Event) {
	if !r.Has(e.State.ID) {
		r.remember(e.State)
	}
	r.report(&e)
	e.Columns.apply(r)
}

// enter makes the event's state the current one.
func (r *Run) enter(e Event) {
	if r.State != nil {
		r.remember(*r.State)
	}
	r.State = &e.State
	e.Columns.apply(r)
}

// remember puts a state among the past ones, which are in the order of time.
func (r *Run) remember(state orchestration.State) {
	at, _ := slices.BinarySearchFunc(r.History, state, byTimestamp)
	r.History = slices.Insert(r.History, at, state)
}

func byTimestamp(a, b orchestration.State) int {
	return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.ID, b.ID))
}
