package concurrency

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Limits of the retries after a conflict, and of a batch.
const (
	maxAttempts  = 40
	longestPause = 50 * time.Millisecond
	batchTimeout = 15 * time.Second
)

// edit changes a transaction, or returns an error and changes nothing. After a
// conflict it is called again on a newer transaction.
type edit func(*tx) error

// batch collects the waiting edits of one limit, so that the callers in one replica
// share writes and do not conflict with each other. It exists until all of its edits
// are done. Service.mu guards it.
type batch struct {
	waiting []*request
}

type request struct {
	edit edit
	err  error
	done chan struct{}
}

// change edits a limit. It returns the error of the edit, taskrun.ErrNotFound if the
// limit does not exist, or the error of the write. Writers owns the goroutine that
// writes. It ends when no request waits.
func (s *Service) change(ctx context.Context, name string, e edit) error {
	r := &request{edit: e, done: make(chan struct{})}
	if s.enqueue(name, r) {
		background := context.WithoutCancel(ctx)
		if !s.Writers.start(func() { s.writeBatches(background, name) }) {
			s.rejectWaiting(name)
		}
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the limit %q: %w: %w", name, taskrun.ErrUnavailable, ctx.Err())
	}
}

// enqueue adds a request to the batch of a limit. It reports whether the batch is
// new. Then the caller must start writeBatches, or call rejectWaiting.
func (s *Service) enqueue(name string, r *request) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.batches[name]
	if !ok {
		b = &batch{}
		s.batches[name] = b
	}
	b.waiting = append(b.waiting, r)
	return !ok
}

// dequeue takes the waiting requests of a limit. Without waiting requests it removes
// the batch: clients choose the names, so their number is unlimited.
func (s *Service) dequeue(name string) []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.batches[name]
	requests := b.waiting
	b.waiting = nil
	if len(requests) == 0 {
		delete(s.batches, name)
	}
	return requests
}

// writeBatches writes until no request waits.
func (s *Service) writeBatches(ctx context.Context, name string) {
	for requests := s.dequeue(name); len(requests) > 0; requests = s.dequeue(name) {
		err := panics.Guard(func() error {
			s.write(ctx, name, requests)
			return nil
		})
		finish(requests, err)
	}
}

// rejectWaiting rejects the requests that wait, because no write starts any more.
func (s *Service) rejectWaiting(name string) {
	for requests := s.dequeue(name); len(requests) > 0; requests = s.dequeue(name) {
		finish(requests, fmt.Errorf("change the limit %q: the program is stopping: %w", name, taskrun.ErrUnavailable))
	}
}

// finish ends requests. A nil error leaves the error of each edit.
func finish(requests []*request, err error) {
	for _, r := range requests {
		if err != nil {
			r.err = err
		}
		close(r.done)
	}
}

// write applies the edits to the limit and stores it. After a conflict it applies
// them to the newer version.
func (s *Service) write(ctx context.Context, name string, requests []*request) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	l, err := s.find(ctx, name)
	for attempt := 1; err == nil; attempt++ {
		t := s.beginTx(ctx, l)
		for _, r := range requests {
			r.err = r.edit(t)
		}
		if !t.mustWrite() {
			return
		}
		if err = s.store(ctx, t); err == nil {
			return
		}
		if !errors.Is(err, taskrun.ErrConflict) || attempt == maxAttempts {
			break
		}
		if err = pause(ctx); err == nil {
			l, err = s.Store.Reload(ctx, l)
		}
	}
	for _, r := range requests {
		if r.err == nil {
			r.err = err
		}
	}
}

func (s *Service) store(ctx context.Context, t *tx) error {
	t.prune()
	denied := s.deniedOf(t.Name)
	t.Denied += denied
	if t.useChanged || t.timesShifted { // otherwise no change is visible to clients
		t.Updated = t.now
	}
	t.ReportedActive = t.shown()
	t.resolveObjects()
	t.record(t.Recorded.Stalled)
	_, err := s.Store.UpdateUse(ctx, t.Limit)
	if err != nil {
		s.deny(t.Name, denied)
	}
	return err
}

// maxReads is the maximum number of runs that are read for one transaction, so that it
// is written within batchTimeout. Further orphaned leases count until a later one.
const maxReads = 100

// beginTx returns a transaction for writes. It confirms orphaned leases in random
// order, so that runs that cannot be read do not block the confirmation of others.
func (s *Service) beginTx(ctx context.Context, l *Limit) *tx {
	t := s.newTx(l)
	reads := 0
	for _, i := range rand.Perm(len(t.Leases)) { //nolint:gosec // spreads reads, keeps no secret
		h := &t.Leases[i]
		if t.validityOf(h) != orphaned {
			continue
		}
		if !h.isClaim() {
			if reads++; reads > maxReads {
				continue
			}
		}
		if s.confirmOrphaned(ctx, h) {
			t.expiredIDs[h.ID] = true
		}
	}
	s.expirePartial(ctx, t)
	return t
}

// confirmOrphaned reports whether an orphaned lease has expired. It fences the run of
// a claim, so that the claimed state is either written or can no longer be. It reads
// the run of another lease from the source of truth.
func (s *Service) confirmOrphaned(ctx context.Context, h *SlotLease) bool {
	if h.isClaim() {
		run, err := s.Runs.Fence(ctx, h.Holder)
		return errors.Is(err, taskrun.ErrNotFound) || (err == nil && !run.Has(h.StateID))
	}
	known := s.Runs.Known(h.Holder)
	if known == nil {
		known = &taskrun.Run{ID: h.Holder, Ref: taskrun.ObjectRef{UID: h.ObjectUID, Name: h.ObjectName}}
	}
	run, err := s.Runs.Reload(ctx, known)
	return errors.Is(err, taskrun.ErrNotFound) || (err == nil && run.Finished())
}

// expirePartial expires leases over several limits that are not on all of them: the
// replica that acquired or released them ended before its last write.
func (s *Service) expirePartial(ctx context.Context, t *tx) {
	for i := range t.Leases {
		if h := &t.Leases[i]; t.canBePartial(h) && s.isPartial(ctx, t, h) {
			t.expiredIDs[h.ID] = true
		}
	}
}

func (s *Service) isPartial(ctx context.Context, t *tx, h *SlotLease) bool {
	return slices.ContainsFunc(h.Names, func(name string) bool { return name != t.Name && s.lacks(ctx, name, h.ID) })
}

// lacks reports whether an existing limit does not have a lease.
func (s *Service) lacks(ctx context.Context, name, leaseID string) bool {
	l, err := s.find(ctx, name)
	if err != nil || l.has(leaseID) {
		return false
	}
	l, err = s.Store.Reload(ctx, l)
	return err == nil && !l.has(leaseID)
}

func (l *Limit) has(id string) bool { return (&tx{Limit: l}).find(id) >= 0 }

func pause(ctx context.Context) error {
	timer := time.NewTimer(rand.N(longestPause)) //nolint:gosec // spreads retries, keeps no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
