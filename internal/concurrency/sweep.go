package concurrency

import (
	"context"
	"errors"
	"log/slog"
	"time"

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

// Sweeper sweeps the limits of all namespaces, time and again. One replica needs
// one.
type Sweeper struct {
	Namespaces func() []string
	Service    func(namespace string) *Service
	Interval   time.Duration
	Log        *slog.Logger
}

// NeedLeaderElection tells a manager that one replica does this.
func (w *Sweeper) NeedLeaderElection() bool { return true }

// Start sweeps until the context ends.
func (w *Sweeper) Start(ctx context.Context) error {
	ticker := time.NewTicker(w.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		for _, namespace := range w.Namespaces() {
			if err := w.Service(namespace).Sweep(ctx); err != nil && ctx.Err() == nil {
				w.Log.LogAttrs(ctx, slog.LevelDebug, "limits could not be swept; it is tried again",
					slog.String("namespace", namespace), slog.Any("error", err))
			}
		}
	}
}
