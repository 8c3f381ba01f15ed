package usecase

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// mergeEvents merges the events of the run, in any order of arrival. It returns nil if
// they change nothing, and the events that are too late. created is true if these
// events have just created the run.
func mergeEvents(r *taskrun.Run, events []taskrun.Event, now time.Time, created bool) (next *taskrun.Run, late []taskrun.Event) {
	m := eventMerge{
		was: r, run: *r, now: now, created: created, order: newEventOrder(r, now), unfinished: creationUnfinished(r, events, created),
	}
	m.run.History = slices.Clone(r.History)
	if m.unfinished {
		resetCreation(&m.run)
	}
	for _, e := range m.order.sort(events) {
		m.take(e)
	}
	if !m.changed {
		return nil, m.late
	}
	m.run.RecordEnd(now)
	m.run.TruncateTexts()
	releaseFinished(&m.run)
	return &m.run, m.late
}

// eventMerge merges events into a run one by one.
type eventMerge struct {
	was        *taskrun.Run // as it was before
	run        taskrun.Run
	now        time.Time
	order      *eventOrder
	created    bool // the events have just created the run
	unfinished bool // the events created the run, which was not written completely
	changed    bool
	late       []taskrun.Event
}

// take merges one event. It changes the fields of the run only if its state comes
// after the current one. An earlier state is only added to the history
// (contract §4.4).
func (m *eventMerge) take(e taskrun.Event) {
	run := &m.run
	switch {
	case m.completesCreate(&e):
		replayCreate(run, e, m.order)
	case run.Has(e.State.ID), m.precedesHistory(&e):
		return
	case m.isLate(&e):
		m.late = append(m.late, e)
		return
	case enterState(run, e, m.order):
		run.Touch(m.now)
		run.ApplyReport(&e)
		e.Patch.Apply(run)
	}
	m.changed = true
}

// completesCreate reports whether the event created the run, whose write has to be completed. Of
// repeated events, this is known only for the one of the current state.
func (m *eventMerge) completesCreate(e *taskrun.Event) bool {
	if !m.unfinished || e.State.ID == m.was.State.ID {
		return m.unfinished
	}
	return m.created && m.order.place([]orchestration.State{*m.was.State}, &e.State) == 0
}

// isLate reports whether the event would change an end that the operator or a client
// decided.
func (m *eventMerge) isLate(e *taskrun.Event) bool {
	run := &m.run
	if !run.Finished() || run.State.Reported {
		return false
	}
	states := run.States()
	return m.order.place(states, &e.State) == len(states)
}

// precedesHistory reports whether an event's state comes before all that are kept, of
// which some were dropped already.
func (m *eventMerge) precedesHistory(e *taskrun.Event) bool {
	run := &m.run
	return run.HistoryDropped > 0 && len(run.History) > 0 && m.order.place(run.States(), &e.State) == 0
}

// creationUnfinished reports whether these events created this run, and only the
// fields of a create were written (see recordFirst), without a later change.
func creationUnfinished(r *taskrun.Run, events []taskrun.Event, created bool) bool {
	untouched := len(r.History) == 0 && r.Updated.Equal(r.Created) && r.Delivery == nil
	return untouched && (created || r.StatusStale) && r.State != nil && r.State.Reported &&
		slices.ContainsFunc(events, func(e taskrun.Event) bool { return e.State.ID == r.State.ID })
}

// resetCreation clears the fields that were derived from the first state.
func resetCreation(r *taskrun.Run) {
	r.Progress = orchestration.Progress{State: r.State}
	if len(r.Labels) == 0 {
		r.Reported = &taskrun.Patch{Labels: taskrun.Null[map[string]json.RawMessage]()}
	}
}

// replayCreate repeats the effects of the event that created the run.
func replayCreate(r *taskrun.Run, e taskrun.Event, order *eventOrder) {
	if r.State.ID == e.State.ID { // a create does not store all of an event
		e.State.MoveTo(r.State.Timestamp)
		setStates(r, append(slices.Clone(r.History), e.State))
	} else if !r.Has(e.State.ID) {
		states, _ := order.insert(r.States(), e.State)
		setStates(r, states)
	}
	r.ApplyReport(&e)
	e.Patch.Apply(r)
}

// enterState adds the event's state to those of the run. It reports whether the state
// comes after the one that was the current one.
func enterState(r *taskrun.Run, e taskrun.Event, order *eventOrder) bool {
	before := r.State
	states, at := order.insert(r.States(), e.State)
	setStates(r, states)
	return before == nil || at > indexOf(states, before.ID)
}

// setStates sets the states of the run, oldest first.
func setStates(r *taskrun.Run, states []orchestration.State) {
	orderTimes(states)
	last := len(states) - 1
	r.History, r.State = nil, &states[last]
	if last > 0 {
		r.History = states[:last:last]
	}
}
