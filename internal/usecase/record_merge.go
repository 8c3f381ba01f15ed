package usecase

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// mergeEvents merges the events of the run, in whatever order they came. It returns
// nil if that changes nothing, and the events that are too late. made reports that
// these events have just created the run.
func mergeEvents(r *taskrun.Run, events []taskrun.Event, now time.Time, made bool) (next *taskrun.Run, late []taskrun.Event) {
	m := eventMerge{
		was: r, run: *r, now: now, made: made, order: newEventOrder(r, now), unfinished: creationUnfinished(r, events, made),
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

// eventMerge takes events into a run one by one.
type eventMerge struct {
	was        *taskrun.Run // as it was before
	run        taskrun.Run
	now        time.Time
	order      *eventOrder
	made       bool // the events have just created the run
	unfinished bool // the events made the run, which was not written down whole
	changed    bool
	late       []taskrun.Event
}

// take merges one event. It changes the fields of the run only if its state
// comes after the current one; an earlier state is kept, and that is all
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

// completesCreate reports whether the event made the run, which has to be finished. Of
// repeated events, only the one of the current state is known to.
func (m *eventMerge) completesCreate(e *taskrun.Event) bool {
	if !m.unfinished || e.State.ID == m.was.State.ID {
		return m.unfinished
	}
	return m.made && m.order.place([]orchestration.State{*m.was.State}, &e.State) == 0
}

// isLate reports whether the event would change an end that was not reported
// but decided here.
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

// creationUnfinished reports whether these events made this run, but no more than
// what a run is made with was written down (see recordFirst): nothing has
// happened to it since.
func creationUnfinished(r *taskrun.Run, events []taskrun.Event, made bool) bool {
	untouched := len(r.History) == 0 && r.Updated.Equal(r.Created) && r.Delivery == nil
	return untouched && (made || r.StatusStale) && r.State != nil && r.State.Reported &&
		slices.ContainsFunc(events, func(e taskrun.Event) bool { return e.State.ID == r.State.ID })
}

// resetCreation takes away what was derived of the run's first state.
func resetCreation(r *taskrun.Run) {
	r.Progress = orchestration.Progress{State: r.State}
	if len(r.Labels) == 0 {
		r.Reported = &taskrun.Patch{Labels: taskrun.Null[map[string]json.RawMessage]()}
	}
}

// replayCreate does again what an event did that made the run.
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

// setStates makes these the states of the run, oldest first.
func setStates(r *taskrun.Run, states []orchestration.State) {
	settleReported(states)
	last := len(states) - 1
	r.History, r.State = nil, &states[last]
	if last > 0 {
		r.History = states[:last:last]
	}
}
