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

// Bounds of the retries after a lost compare-and-swap, and of a batch as a whole.
const (
	maxAttempts  = 40
	longestPause = 50 * time.Millisecond
	batchTimeout = 15 * time.Second
)

// edit changes a draft, or refuses to and changes nothing. It can be called
// again, on a newer draft.
type edit func(*draft) error

// batch collects the edits of one limit that wait to be written: so the users of
// one limit in one replica do not fight each other, and share writes.
// It is there as long as its edits are at work; Service.mu guards it.
type batch struct {
	waiting []*request
}

type request struct {
	edit edit
	err  error
	done chan struct{}
}

// change edits a limit. It returns the edit's error, taskrun.ErrNotFound when
// there is no such limit, or what became of the write.
func (s *Service) change(ctx context.Context, name string, e edit) error {
	r := &request{edit: e, done: make(chan struct{})}
	if s.join(name, r) {
		go s.work(context.WithoutCancel(ctx), name)
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the limit %q: %w: %w", name, taskrun.ErrUnavailable, ctx.Err())
	}
}

// join adds a request to the batch of a limit. It reports whether the batch is
// new: then the caller has to see that it is worked on.
func (s *Service) join(name string, r *request) (first bool) {
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

// next takes what waits in the batch of a limit. With nothing waiting the batch
// is over and forgotten: names are the clients', and there is no end of them.
func (s *Service) next(name string) []*request {
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

// work writes batches until nothing waits.
func (s *Service) work(ctx context.Context, name string) {
	for requests := s.next(name); len(requests) > 0; requests = s.next(name) {
		err := panics.Guard(func() error {
			s.write(ctx, name, requests)
			return nil
		})
		for _, r := range requests {
			if err != nil {
				r.err = err
			}
			close(r.done)
		}
	}
}

// write applies the edits to the limit as it is and stores it; after a conflict,
// to what is there then.
func (s *Service) write(ctx context.Context, name string, requests []*request) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	l, err := s.find(ctx, name)
	for attempt := 1; err == nil; attempt++ {
		d := s.draft(ctx, l)
		for _, r := range requests {
			r.err = r.edit(d)
		}
		if !d.mustBeStored() {
			return
		}
		if err = s.store(ctx, d); err == nil {
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

func (s *Service) store(ctx context.Context, d *draft) error {
	d.prune()
	denied := s.deniedOf(d.Name)
	d.Denied += denied
	if d.changed || d.shifted { // else nothing did that a client sees
		d.Updated = d.now
	}
	d.Shown = d.shown()
	d.resolveObjects()
	d.record(d.Recorded.Stalled)
	_, err := s.Store.UpdateUse(ctx, d.Limit)
	if err != nil {
		s.deny(d.Name, denied)
	}
	return err
}

// maxReads is how many runs are read for one draft, so that the draft is written
// within batchTimeout. Doubtful holdings beyond that count until a later draft.
const maxReads = 100

// draft begins the next version of a limit. Doubtful holdings are settled, in random
// order: those whose runs cannot be read do not keep others from their turn.
func (s *Service) draft(ctx context.Context, l *Limit) *draft {
	d := s.newDraft(l)
	reads := 0
	for _, i := range rand.Perm(len(d.Holdings)) { //nolint:gosec // spreads reads, keeps no secret
		h := &d.Holdings[i]
		if d.stands(h) != doubtful {
			continue
		}
		if !h.isClaim() {
			if reads++; reads > maxReads {
				continue
			}
		}
		if s.orphaned(ctx, h) {
			d.gone[h.ID] = true
		}
	}
	s.dropTorn(ctx, d)
	return d
}

// orphaned reports whether a doubtful holding is over. The run of a claim is fenced,
// so that the state claimed for is either there or never will be. The run of any
// other holding is read past any cache.
func (s *Service) orphaned(ctx context.Context, h *Holding) bool {
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

// dropTorn drops leases over several limits that are not on all of them: whoever
// took them, or gave them back, died in between.
func (s *Service) dropTorn(ctx context.Context, d *draft) {
	for i := range d.Holdings {
		if h := &d.Holdings[i]; d.canBeTorn(h) && s.isTorn(ctx, d, h) {
			d.gone[h.ID] = true
		}
	}
}

func (s *Service) isTorn(ctx context.Context, d *draft, h *Holding) bool {
	return slices.ContainsFunc(h.Names, func(name string) bool { return name != d.Name && s.lacks(ctx, name, h.ID) })
}

// lacks reports whether a limit, which is there, does not have a lease.
func (s *Service) lacks(ctx context.Context, name, leaseID string) bool {
	l, err := s.find(ctx, name)
	if err != nil || l.has(leaseID) {
		return false
	}
	l, err = s.Store.Reload(ctx, l)
	return err == nil && !l.has(leaseID)
}

func (l *Limit) has(id string) bool { return (&draft{Limit: l}).find(id) >= 0 }

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
