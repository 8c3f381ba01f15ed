package taskrun

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// record merges the events of the run, in whatever order they came. It returns
// nil if that changes nothing, and the events that come too late. Made tells that
// these events made the run a moment ago.
func (r *Run) record(events []Event, now time.Time, made bool) (next *Run, late []Event) {
	m := merge{
		was: r, run: *r, now: now, made: made, order: r.eventOrder(now), unfinished: r.unfinishedMaking(events, made),
	}
	m.run.History = slices.Clone(r.History)
	if m.unfinished {
		m.run.beginMaking()
	}
	for _, e := range m.order.sort(events) {
		m.take(e)
	}
	if !m.changed {
		return nil, m.late
	}
	m.run.noteEnd(now)
	m.run.boundText()
	m.run.letGo()
	return &m.run, m.late
}

// merge takes events into a run one by one.
type merge struct {
	was        *Run // as it was before
	run        Run
	now        time.Time
	order      *eventOrder
	made       bool // the events made the run a moment ago
	unfinished bool // the events made the run, which was not written down whole
	changed    bool
	late       []Event
}

// take merges one event. It changes the fields of the run only if its state
// comes after the current one; an earlier state is kept, and that is all
// (contract §4.4).
func (m *merge) take(e Event) {
	run := &m.run
	switch {
	case m.makes(&e):
		run.make(e, m.order)
	case run.Has(e.State.ID), m.fellOff(&e):
		return
	case m.overrules(&e):
		m.late = append(m.late, e)
		return
	case run.enter(e, m.order):
		run.touch(m.now)
		run.report(&e)
		e.Columns.apply(run)
	}
	m.changed = true
}

// makes reports whether the event made the run, which has to be finished. Of
// those that are told once more only the one of the current state is known to.
func (m *merge) makes(e *Event) bool {
	if !m.unfinished || e.State.ID == m.was.State.ID {
		return m.unfinished
	}
	return m.made && m.order.place([]orchestration.State{*m.was.State}, &e.State) == 0
}

// overrules reports whether the event would change an end that was not reported
// but decided here.
func (m *merge) overrules(e *Event) bool {
	run := &m.run
	if !run.Finished() || run.State.Reported {
		return false
	}
	states := run.States()
	return m.order.place(states, &e.State) == len(states)
}

// fellOff reports whether an event's state comes before all that are kept, of
// which some were dropped already.
func (m *merge) fellOff(e *Event) bool {
	run := &m.run
	return run.HistoryDropped > 0 && len(run.History) > 0 && m.order.place(run.States(), &e.State) == 0
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
func (r *Run) make(e Event, order *eventOrder) {
	if r.State.ID == e.State.ID { // what a run is made with does not tell all of it
		e.State.MoveTo(r.State.Timestamp)
		r.setStates(append(slices.Clone(r.History), e.State))
	} else if !r.Has(e.State.ID) {
		states, _ := order.insert(r.States(), e.State)
		r.setStates(states)
	}
	r.report(&e)
	e.Columns.apply(r)
}

// enter adds the event's state to those of the run. It reports whether the state
// comes after the one that was the current one.
func (r *Run) enter(e Event, order *eventOrder) bool {
	before := r.State
	states, at := order.insert(r.States(), e.State)
	r.setStates(states)
	return before == nil || at > indexOf(states, before.ID)
}

// setStates makes these the states of the run, oldest first.
func (r *Run) setStates(states []orchestration.State) {
	settleReported(states)
	last := len(states) - 1
	r.History, r.State = nil, &states[last]
	if last > 0 {
		r.History = states[:last:last]
	}
}
