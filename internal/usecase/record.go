package usecase

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ErrLate rejects an event of a run that was deleted, or that finished by the decision
// of the server.
var ErrLate = errors.New("the event comes too late")

// Record stores events, in any order and any number of times with the same result. The
// events of one run are one write. When Record returns nil, each event is stored or was
// passed to rejected, one at a time, with the reason that it can never be stored: an
// *InvalidError, a *RejectedError, ErrLate, or ErrForbidden if the context's caller may
// not create the run (see WithCreateCheck). After an error the caller must repeat the
// call with all events (contract §4.4).
func (s *Service) Record(ctx context.Context, events []taskrun.Event, rejected func(taskrun.Event, error)) error {
	var sound []taskrun.Event
	for _, e := range events {
		if name := &e.Patch.Name; name.Given && name.Value == nil {
			*name = taskrun.Set(s.NewName()) // as in a create (contract §0.13)
		}
		fitted, err := e.Fit()
		if err != nil {
			rejected(e, err)
			continue
		}
		sound = append(sound, fitted)
	}
	groups, unrecorded, err := s.byRun(ctx, sound)
	if err != nil {
		return err
	}
	return cmp.Or(s.recordRuns(ctx, groups, rejected), unrecorded)
}

// maxConcurrentRecords is the number of runs that one Record writes concurrently.
const maxConcurrentRecords = 16

// recordRuns stores the events of several runs. It continues after an error, so that
// the next call has less to store.
func (s *Service) recordRuns(ctx context.Context, groups [][]taskrun.Event, rejected func(taskrun.Event, error)) error {
	var mu sync.Mutex
	reject := func(e taskrun.Event, why error) {
		mu.Lock()
		defer mu.Unlock()
		rejected(e, why)
	}
	var writes errgroup.Group
	writes.SetLimit(maxConcurrentRecords)
	for _, group := range groups {
		writes.Go(func() error {
			err := s.recordGuarded(ctx, group, reject)
			if taskrun.NeverStored(err) {
				rejectAll(group, reject, err)
				return nil
			}
			return err
		})
	}
	return writes.Wait()
}

func rejectAll(events []taskrun.Event, rejected func(taskrun.Event, error), err error) {
	for _, e := range events {
		rejected(e, err)
	}
}

// recordGuarded is recordRun, but the events of a run that it panics at are
// rejected: a retry would panic again and delay the events of other runs.
func (s *Service) recordGuarded(ctx context.Context, events []taskrun.Event, rejected func(taskrun.Event, error)) error {
	var failed error
	err := panics.Guard(func() error {
		failed = s.recordRun(ctx, events, rejected)
		return nil
	})
	if err != nil {
		rejectAll(events, rejected, err)
	}
	return failed
}

// recordRun stores the events of one run.
func (s *Service) recordRun(ctx context.Context, events []taskrun.Event, rejected func(taskrun.Event, error)) error {
	id := events[0].RunID
	events, err := s.eventsSinceDeletion(ctx, id, events, rejected)
	if err != nil || len(events) == 0 {
		return err
	}
	var created bool
	if s.Store.Known(id) == nil {
		var done bool
		if id, created, done, err = s.recordFirst(ctx, events); done || err != nil {
			return err
		}
	}
	var late []taskrun.Event
	var decision orchestration.Decision
	err = s.update(ctx, id, &slotClaim{}, func(run *taskrun.Run) (*taskrun.Run, error) {
		var next *taskrun.Run
		next, late = mergeEvents(run, events, s.now(), created)
		if next != nil {
			decision = orchestration.Decision{Status: orchestration.Accept, State: next.State, Progress: next.Progress}
		}
		return next, nil
	}, func(before, after *taskrun.Run) {
		if before.State == nil || before.State.ID != after.State.ID {
			s.Notifier.Transitioned(before, after, decision)
		}
	})
	if errors.Is(err, taskrun.ErrNotFound) { // deleted between the two reads
		late, err = events, nil
	}
	rejectAll(late, rejected, ErrLate)
	return err
}

// eventsSinceDeletion rejects events of a run that was deleted: a worker that still runs it
// does not restore it (contract §7.37). A run that was created again gets
// only the events that certainly belong to it (see belongsToRun) and those of a time
// after the deletion. Recent deletions are recorded. A missing run with an id that the
// operator generated was stored once, and so was deleted.
func (s *Service) eventsSinceDeletion(ctx context.Context, id string, events []taskrun.Event, rejected func(taskrun.Event, error)) ([]taskrun.Event, error) {
	deleted, remembered := s.Store.DeletedAt(id)
	if !remembered && (s.Store.Known(id) != nil || !s.hasNaturalKeyID(events)) {
		return events, nil
	}
	run, err := s.Store.Get(ctx, id)
	if err == nil { // the current holder decides
		run, err = s.Store.Reload(ctx, run)
	}
	if err = ignore(err, taskrun.ErrNotFound); err != nil {
		return nil, err
	}
	if run == nil {
		rejectAll(events, rejected, ErrLate)
		return nil, nil
	}
	if !remembered {
		return events, nil
	}
	return timelyEvents(run, events, deleted, rejected), nil
}

// timelyEvents returns the events that belong to this run, which was created again, and
// not to the deleted run with its id.
func timelyEvents(r *taskrun.Run, events []taskrun.Event, deleted time.Time, rejected func(taskrun.Event, error)) (timely []taskrun.Event) {
	for _, e := range events {
		if belongsToRun(r, &e, timely) || e.State.Timestamp.After(deleted) {
			timely = append(timely, e)
		} else {
			rejected(e, ErrLate)
		}
	}
	return timely
}

// belongsToRun reports whether the event is certainly of this run and not of a deleted
// one with its id: it follows a state of this run, or one of the events before, or
// follows none while a worker holds the run.
func belongsToRun(r *taskrun.Run, e *taskrun.Event, before []taskrun.Event) bool {
	if e.State.Follows == "" {
		return r.Held()
	}
	return r.Has(e.State.Follows) ||
		slices.ContainsFunc(before, func(b taskrun.Event) bool { return b.State.ID == e.State.Follows })
}

// recordFirst creates the run of the events if it does not exist. done reports that
// nothing is left to store. The id is that of the run: it differs from the events' id
// if a run with their natural key was created after they were grouped.
func (s *Service) recordFirst(ctx context.Context, events []taskrun.Event) (id string, created, done bool, err error) {
	first, err := s.reported(events)
	if err != nil {
		return "", false, false, err
	}
	if first.FlowRunID != "" { // otherwise the natural key does not identify a run
		unlock, err := s.KeyLocks.lock(ctx, s.Namespace, first.NaturalKey())
		if err != nil {
			return "", false, false, err
		}
		defer unlock()
		twin, err := s.Store.Find(ctx, first.NaturalKey())
		if err == nil {
			return twin.ID, false, false, nil
		}
		if !errors.Is(err, taskrun.ErrNotFound) {
			return "", false, false, err
		}
	}
	stored, err := s.checkCreateReported(ctx, first.ID)
	if stored || err != nil {
		return first.ID, false, false, err
	}
	created, done, err = s.createReported(ctx, first)
	return first.ID, created, done, err
}

// checkCreateReported checks that the caller may create the run of the events. A caller
// without that permission can still report the states of a run that another replica
// has just created: then stored is true.
func (s *Service) checkCreateReported(ctx context.Context, id string) (stored bool, err error) {
	denied := CheckCreate(ctx)
	if !errors.Is(denied, taskrun.ErrForbidden) {
		return false, denied
	}
	switch _, err := s.Store.Get(ctx, id); {
	case err == nil:
		return true, nil
	case errors.Is(err, taskrun.ErrNotFound):
		return false, denied
	default:
		return false, err
	}
}

// createReported stores a run that events create.
func (s *Service) createReported(ctx context.Context, first *taskrun.Run) (created, done bool, err error) {
	kept, err := s.Store.Create(ctx, first)
	if err != nil {
		return false, false, ignore(err, taskrun.ErrExists)
	}
	exact := *kept
	exact.Progress, exact.History = first.Progress, first.History
	exact.Reported = first.Reported
	if len(exact.History) > 0 || exact.Reported != nil || hasEventDetails(exact.State) || !sameProgress(exact.Progress, kept.Progress) {
		// After a conflict, the events are merged into the stored run.
		if kept, err = s.Store.UpdateProgress(ctx, s.withExpiration(&exact)); err != nil {
			return true, false, ignore(err, taskrun.ErrConflict)
		}
	}
	s.Notifier.Transitioned(nil, kept, orchestration.Decision{Status: orchestration.Accept, State: kept.State, Progress: kept.Progress})
	return true, true, nil
}

// hasEventDetails reports whether the state has details that a create does not store.
func hasEventDetails(s *orchestration.State) bool { return s.Follows != "" || !s.Occurred.IsZero() }

// ignore returns nil for an expected error.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// reported returns the run of events, with the fields that the events have.
func (s *Service) reported(events []taskrun.Event) (*taskrun.Run, error) {
	run := &taskrun.Run{ID: events[0].RunID, Created: s.now()}
	run.Updated = run.Created
	reported := taskrun.Patch{Labels: taskrun.Null[map[string]json.RawMessage]()}
	order := newEventOrder(run, run.Created)
	for _, e := range order.sort(events) {
		if enterState(run, e, order) {
			e.Patch.Apply(run)
		}
		switch labels := e.Patch.Labels; {
		case labels.Given && labels.Value == nil:
			reported.Labels = labels
		case labels.Given:
			reported.Labels = taskrun.Optional[map[string]json.RawMessage]{}
		}
	}
	run.Reported = reported.OrNil()
	if run.Name == "" {
		run.Name = s.NewName()
	}
	if err := run.CheckIdentity(); err != nil {
		return nil, err
	}
	run.Fit(run.State)
	run.RecordEnd(run.Created)
	run.TruncateTexts()
	return run, nil
}

// byRun groups events by run, in the order of arrival. Within a flow run, two ids with
// one natural key are one run, otherwise they are not (contract §4.4). Events of runs
// that cannot be decoded are skipped; unrecorded is the first of their errors.
func (s *Service) byRun(ctx context.Context, events []taskrun.Event) (grouped [][]taskrun.Event, unrecorded, err error) {
	var order []string
	groups := map[string][]taskrun.Event{}
	known := map[taskrun.NaturalKey]string{}
	for _, e := range events {
		id, err := s.canonicalID(ctx, e, known)
		if _, undecodable := errors.AsType[*taskrun.UndecodableError](err); undecodable {
			unrecorded = cmp.Or(unrecorded, err)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		e.RunID = id
		if groups[e.RunID] == nil {
			order = append(order, e.RunID)
		}
		groups[e.RunID] = append(groups[e.RunID], e)
	}
	grouped = make([][]taskrun.Event, 0, len(order))
	for _, id := range order {
		grouped = append(grouped, groups[id])
	}
	return grouped, unrecorded, nil
}

// canonicalID returns the id of the run with the natural key of the event, which is
// stored or has an earlier event among these.
func (s *Service) canonicalID(ctx context.Context, e taskrun.Event, known map[taskrun.NaturalKey]string) (string, error) {
	c := &e.Patch
	if c.FlowRunID.Value == nil || c.TaskKey.Value == nil || c.DynamicKey.Value == nil {
		return e.RunID, nil
	}
	key := c.NaturalKey()
	if id, ok := known[key]; ok {
		return id, nil
	}
	run, err := s.Store.Find(ctx, key)
	switch {
	case err == nil:
		known[key] = run.ID
	case errors.Is(err, taskrun.ErrNotFound):
		known[key] = e.RunID
	default:
		return "", err
	}
	return known[key], nil
}

// sameProgress compares the counts and times of transitions, without the state.
func sameProgress(a, b orchestration.Progress) bool {
	a.State, b.State = nil, nil
	return reflect.DeepEqual(a, b)
}
