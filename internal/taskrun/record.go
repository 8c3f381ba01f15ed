package taskrun

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
)

// ErrLate refuses an event of a run that was deleted since, or whose end
// somebody else decided.
var ErrLate = errors.New("the event comes too late")

// Record stores what events tell, in any order and any number of times with the
// same result; the events of one run make one write. When it returns nil, all of
// them are durable, or will never be: refused hears of those, with an
// *InvalidError or ErrLate, one at a time. After an error the caller has to come again with all
// of them (contract §4.4).
func (s *Service) Record(ctx context.Context, events []Event, refused func(Event, error)) error {
	var sound []Event
	for _, e := range events {
		fitted, err := e.fit()
		if err != nil {
			refused(e, err)
			continue
		}
		sound = append(sound, fitted)
	}
	return s.recordRuns(ctx, s.byRun(ctx, sound), refused)
}

// recordedAtOnce is how many runs one Record writes at the same time.
const recordedAtOnce = 16

// recordRuns stores the events of several runs. It goes on after an error, so that
// as little as possible is left for the next time.
func (s *Service) recordRuns(ctx context.Context, groups [][]Event, refused func(Event, error)) error {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		first error
	)
	places := make(chan struct{}, recordedAtOnce)
	for _, group := range groups {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			err := s.recordRun(ctx, group, func(e Event, why error) {
				mu.Lock()
				defer mu.Unlock()
				refused(e, why)
			})
			mu.Lock()
			defer mu.Unlock()
			first = cmp.Or(first, err)
		})
	}
	all.Wait()
	return first
}

// recordRun stores the events of one run, which are in the order of their states.
func (s *Service) recordRun(ctx context.Context, events []Event, refused func(Event, error)) error {
	id := events[0].RunID
	if deleted, ok := s.Store.DeletedAt(id); ok {
		events = dropLate(events, refused, func(e Event) bool { return !e.State.Timestamp.After(deleted) })
	}
	if len(events) == 0 {
		return nil
	}
	if s.Store.Known(id) == nil {
		done, err := s.recordFirst(ctx, events, refused)
		if done || err != nil {
			return err
		}
	}
	var late []Event
	var decision orchestration.Decision
	err := s.update(ctx, id, &claimant{}, func(run *Run) (*Run, error) {
		var next *Run
		next, late = run.record(events, s.now())
		if next != nil {
			decision = orchestration.Decision{Status: orchestration.Accept, State: next.State, Progress: next.Progress}
		}
		return next, nil
	}, func(before, after *Run) {
		if before.State == nil || before.State.ID != after.State.ID {
			s.Notifier.Transitioned(before, after, decision)
		}
	})
	if errors.Is(err, ErrNotFound) { // deleted between two looks
		late, err = events, nil
	}
	dropLate(late, refused, func(Event) bool { return true })
	return err
}

// dropLate refuses those events that are late, and returns the others.
func dropLate(events []Event, refused func(Event, error), late func(Event) bool) []Event {
	var timely []Event
	for _, e := range events {
		if late(e) {
			refused(e, ErrLate)
		} else {
			timely = append(timely, e)
		}
	}
	return timely
}

// recordFirst makes the run that the events tell of, unless there is one; done
// tells that nothing is left to store.
func (s *Service) recordFirst(ctx context.Context, events []Event, refused func(Event, error)) (done bool, err error) {
	first, err := s.reported(events)
	if err != nil {
		for _, e := range events {
			refused(e, err)
		}
		return true, nil
	}
	kept, err := s.Store.Create(ctx, first)
	switch {
	case errors.Is(err, ErrExists):
		return false, nil
	case err != nil:
		return false, err
	}
	exact := *kept
	exact.Progress, exact.History = first.Progress, first.History
	exact.Reported = first.Reported
	if len(exact.History) == 0 && exact.Reported == nil && sameProgress(exact.Progress, kept.Progress) {
		s.Notifier.Transitioned(nil, kept, orchestration.Decision{Status: orchestration.Accept, State: kept.State, Progress: kept.Progress})
		return true, nil
	}
	after, err := s.Store.UpdateProgress(ctx, &exact)
	if err != nil {
		return false, ignoreConflict(err) // somebody was faster: the events are merged into what is there now
	}
	s.Notifier.Transitioned(nil, after, orchestration.Decision{Status: orchestration.Accept, State: after.State, Progress: after.Progress})
	return true, nil
}

func ignoreConflict(err error) error {
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// reported makes the run that nobody asked for: all that is known of it is what
// its events tell.
func (s *Service) reported(events []Event) (*Run, error) {
	run := &Run{ID: events[0].RunID, Created: s.now()}
	run.Updated = run.Created
	reported := Columns{Labels: Null[map[string]json.RawMessage]()}
	for _, e := range events {
		if run.Has(e.State.ID) {
			continue
		}
		run.enter(e)
		switch labels := e.Columns.Labels; {
		case labels.Given && labels.Value == nil:
			reported.Labels = labels
		case labels.Given:
			reported.Labels = Column[map[string]json.RawMessage]{}
		}
	}
	run.Reported = reported.orNone()
	if run.Name == "" {
		run.Name = s.NewName()
	}
	if err := run.check(proposalOf(*run.State)); err != nil {
		return nil, err
	}
	run.boundText()
	return run, nil
}

// record merges the events, which are in the order of their states, into the
// run. It returns nil if that changes nothing, and the events that come too late.
func (r *Run) record(events []Event, now time.Time) (next *Run, late []Event) {
	merged := *r
	merged.History = slices.Clone(r.History)
	changed := false
	for _, e := range events {
		switch {
		case merged.unfinishedMaking(e):
			e.Columns.apply(&merged)
			changed = true
		case merged.Has(e.State.ID):
		case merged.State == nil || e.State.Timestamp.After(merged.State.Timestamp):
			if merged.Finished() && !merged.State.Reported {
				late = append(late, e)
				continue
			}
			merged.Reported = e.Columns.differing(&merged)
			merged.enter(e)
			changed = true
		case merged.fellOff(e.State):
		default:
			merged.remember(e.State)
			changed = true
		}
	}
	if !changed {
		return nil, late
	}
	merged.Updated = now
	merged.boundText()
	merged.letGo()
	return &merged, late
}

// fellOff reports whether a state is older than all that are kept, of which
// some were dropped already.
func (r *Run) fellOff(s orchestration.State) bool {
	return r.HistoryDropped > 0 && len(r.History) > 0 && byTimestamp(s, r.History[0]) < 0
}

// unfinishedMaking reports whether the event made this run, but its columns were
// not written down any more (see recordFirst).
func (r *Run) unfinishedMaking(e Event) bool {
	return r.Behind && r.State != nil && r.State.Reported && r.State.ID == e.State.ID
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

// byRun puts the events of one run together, in the order of their states.
// Within a flow run, the natural key makes two ids one run; without one it does
// not (contract §4.4).
func (s *Service) byRun(ctx context.Context, events []Event) [][]Event {
	var order []string
	groups := map[string][]Event{}
	known := map[NaturalKey]string{}
	for _, e := range events {
		e.RunID = s.canonicalID(ctx, e, known)
		if groups[e.RunID] == nil {
			order = append(order, e.RunID)
		}
		groups[e.RunID] = append(groups[e.RunID], e)
	}
	grouped := make([][]Event, 0, len(order))
	for _, id := range order {
		slices.SortStableFunc(groups[id], func(a, b Event) int { return byTimestamp(a.State, b.State) })
		grouped = append(grouped, groups[id])
	}
	return grouped
}

// canonicalID is the id under which the event's run is known: that of the run
// that has its natural key, be it stored or met before among these events.
func (s *Service) canonicalID(ctx context.Context, e Event, known map[NaturalKey]string) string {
	c := &e.Columns
	if c.FlowRunID.Value == nil || c.TaskKey.Value == nil || c.DynamicKey.Value == nil {
		return e.RunID
	}
	key := NaturalKey{FlowRunID: *c.FlowRunID.Value, TaskKey: *c.TaskKey.Value, DynamicKey: *c.DynamicKey.Value}
	if id, ok := known[key]; ok {
		return id
	}
	known[key] = e.RunID
	if run, err := s.Store.Find(ctx, key); err == nil {
		known[key] = run.ID
	}
	return known[key]
}

// fit brings an event within the bounds of what can be stored (*InvalidError).
func (e Event) fit() (Event, error) {
	fitted, err := proposalOf(e.State).fit()
	if err != nil {
		return e, err
	}
	e.State.Message = fitted.Message
	e.State.Reported = true
	var run Run
	e.Columns.ApplyAsked(&run)
	return e, run.check(fitted)
}

// proposalOf is what would have had to be proposed for this state.
func proposalOf(s orchestration.State) Proposal {
	return Proposal{Type: s.Type, Name: &s.Name, Message: s.Message, Data: s.Data, Details: s.Details}
}

// sameProgress compares what transitions count, the state aside.
func sameProgress(a, b orchestration.Progress) bool {
	a.State, b.State = nil, nil
	return reflect.DeepEqual(a, b)
}
