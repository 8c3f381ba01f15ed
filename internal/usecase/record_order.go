package usecase

import (
	"cmp"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// eventOrder places the states that events report among those that a run has
// (docs/background-tasks.md, "The order of states"). If the order is known
// without clocks, only the clock of the operator is compared with another one.
type eventOrder struct {
	now       time.Time // by the operator's clock
	delivered bool      // the run was delivered to a worker at least once
	held      bool      // a worker holds the run
	regained  bool      // that worker held it before too, and no other in between
	waiting   bool      // the run was delivered and waits for a worker again
}

func newEventOrder(r *taskrun.Run, now time.Time) *eventOrder {
	o := &eventOrder{now: now, delivered: r.Delivery != nil, held: r.Held()}
	o.regained = o.held && r.Delivery.Holder == r.Delivery.PreviousHolder
	o.waiting = o.delivered && r.Waiting()
	return o
}

// sort orders events of one run, as far as the events themselves determine the order.
func (o *eventOrder) sort(events []taskrun.Event) []taskrun.Event {
	var states []orchestration.State
	byID := make(map[string]taskrun.Event, len(events))
	for _, e := range events {
		if _, twice := byID[e.State.ID]; twice {
			continue
		}
		byID[e.State.ID] = e
		states, _ = o.insert(states, e.State)
	}
	sorted := make([]taskrun.Event, 0, len(states))
	for i := range states {
		sorted = append(sorted, byID[states[i].ID])
	}
	return sorted
}

// insert adds the state of an event to the states, which are in order. It
// returns the new list and where the state is in it.
func (o *eventOrder) insert(states []orchestration.State, e orchestration.State) ([]orchestration.State, int) {
	states = slices.Insert(slices.Clone(states), o.place(states, &e), e)
	moveBehindFollowed(states)
	return states, indexOf(states, e.ID)
}

// place returns the index at which the state of an event belongs.
func (o *eventOrder) place(states []orchestration.State, e *orchestration.State) int {
	b := o.bounds(states, e)
	at := b.upper
	for at > b.lower && o.precedes(e, &states[at-1], b.arrival) {
		at--
	}
	return at
}

// orderBounds limit the index of a state.
type orderBounds struct {
	lower, upper int  // first and last index possible
	arrival      bool // the state comes after the present states of the operator
}

// bounds derives the certain limits of the index of an event's state. It comes
// after the state that it follows, and after the one that the run was delivered in.
// A worker that has lost the run neither changes nor ends a run that another worker
// holds or has ended: its states come before the delivery. It ends a run that still
// waits, which then does not run again.
func (o *eventOrder) bounds(states []orchestration.State, e *orchestration.State) orderBounds {
	b := orderBounds{upper: len(states), arrival: o.held}
	followed := indexOf(states, e.Follows)
	if followed >= 0 {
		b.lower = followed + 1
		b.arrival = b.arrival || !states[followed].Type.Terminal()
	}
	start := deliveryStart(states)
	if !o.delivered || start < 0 {
		return b
	}
	if o.beforeDelivery(e, followed >= 0 && followed < start) {
		b.upper = start
	} else {
		b.lower = max(b.lower, start+1)
	}
	b.lower = min(b.lower, b.upper)
	return b
}

// beforeDelivery reports whether a worker's state comes before the state that the
// run was delivered in, or waits in. Earlier means that it follows a state from
// before.
func (o *eventOrder) beforeDelivery(e *orchestration.State, earlier bool) bool {
	if o.waiting {
		return !e.Type.Terminal()
	}
	return earlier && !o.regained
}

// deliveryStart returns the index of the state in which the run was last submitted to
// be delivered, -1 if it is not among them.
func deliveryStart(states []orchestration.State) int {
	for i, s := range slices.Backward(states) {
		deferred := s.Details.Deferred
		if s.Type == orchestration.Scheduled && !s.Reported && deferred != nil && *deferred {
			return i
		}
	}
	return -1
}

// precedes reports whether the state of an event comes before another state,
// when the events do not have the order of the two.
func (o *eventOrder) precedes(e, s *orchestration.State, arrival bool) bool {
	ends, ended := e.Type.Terminal(), s.Type.Terminal()
	switch {
	case !s.Reported:
		return (ended || !arrival) && !e.Timestamp.After(s.Timestamp)
	case ends == ended:
		return byReportedTime(e, s) < 0
	case o.delivered: // the last state of a worker is the end
		return ended
	case ends && s.ReportedTime().After(o.now) && !e.ReportedTime().After(o.now):
		return false // a state cannot be reported before it occurred: the clock was ahead, and the order of arrival decides
	default:
		return byReportedTime(e, s) < 0
	}
}

// byReportedTime compares the reported times of two states, and the ids of states with
// equal times, so that the order of arrival has no effect.
func byReportedTime(a, b *orchestration.State) int {
	return cmp.Or(a.ReportedTime().Compare(b.ReportedTime()), cmp.Compare(a.ID, b.ID))
}

// moveBehindFollowed puts each state that is before the one that it follows right
// behind it. The order of a cycle of events is not defined.
func moveBehindFollowed(states []orchestration.State) {
	for range states {
		from, to := misplaced(states)
		if from < 0 {
			return
		}
		s := states[from]
		copy(states[from:to], states[from+1:to+1])
		states[to] = s
	}
}

// misplaced finds a state before the one that it follows, and where that one is.
func misplaced(states []orchestration.State) (from, to int) {
	for i := range states {
		if followed := indexOf(states[i+1:], states[i].Follows); followed >= 0 {
			return i, i + 1 + followed
		}
	}
	return -1, -1
}

func indexOf(states []orchestration.State, id string) int {
	if id == "" {
		return -1
	}
	return slices.IndexFunc(states, func(s orchestration.State) bool { return s.ID == id })
}

// orderTimes makes the times of reported states increase in the order of the states: the reported time is kept where it fits, and is otherwise a
// microsecond after the state before, as in a transition (contract §3.5). The id that a
// state follows is kept only if the order alone does not determine it.
func orderTimes(states []orchestration.State) {
	var ceiling *time.Time // the time of the next state that is not reported
	ceilings := make([]*time.Time, len(states))
	for i := range slices.Backward(states) {
		ceilings[i] = ceiling
		if !states[i].Reported {
			ceiling = &states[i].Timestamp
		}
	}
	for i := range states {
		if s := &states[i]; s.Reported {
			var before time.Time // the initial value is in year 1
			if i > 0 {
				before = states[i-1].Timestamp
			}
			s.MoveTo(within(s.ReportedTime(), before, ceilings[i]))
		}
	}
	for i := 1; i < len(states); i++ {
		if before := &states[i-1]; states[i].Follows == before.ID && before.Follows == "" {
			states[i].Follows = ""
		}
	}
}

// within moves a time after another one, and before the ceiling if possible.
func within(at, after time.Time, ceiling *time.Time) time.Time {
	if !at.After(after) {
		at = orchestration.NextTime(after)
	}
	if ceiling == nil || at.Before(*ceiling) {
		return at
	}
	if last := ceiling.Add(-time.Microsecond); last.After(after) {
		return last
	}
	return after
}
