package concurrency

import (
	"context"
	"errors"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Sweep drops all holdings that do not count any more, and writes down how many
// slots are taken. Nothing depends on it: it is for those who look at the objects.
func (s *Service) Sweep(ctx context.Context) error {
	all, err := s.Store.List(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, l := range all {
		if !s.untidy(ctx, l) {
			continue
		}
		err := s.change(ctx, l.Name, func(d *draft) error {
			pruned := d.prune() > 0
			d.changed = d.changed || pruned || d.Shown != d.shown()
			return nil
		})
		if !errors.Is(err, taskrun.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// untidy reports whether a sweep would change the limit.
func (s *Service) untidy(ctx context.Context, l *Limit) bool {
	d := &draft{Limit: l.clone(), now: s.now(), runs: s.Runs, gone: map[string]bool{}}
	for i := range d.Holdings {
		h := &d.Holdings[i]
		if d.stands(h) != counts || (d.canBeTorn(h) && s.isTorn(ctx, d, h)) {
			return true
		}
	}
	return l.Shown != d.shown()
}
