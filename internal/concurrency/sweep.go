package concurrency

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Sweep drops all holdings that do not count any more, and writes down how many
// slots are taken and whether each limit applies. Nothing depends on it: it is for
// those who look at the objects.
func (s *Service) Sweep(ctx context.Context) error {
	all, err := s.Store.List(ctx)
	if err != nil {
		return err
	}
	oldest := map[string]*Limit{}
	for _, l := range all {
		if first := oldest[l.Name]; first == nil || byName(l, first) < 0 {
			oldest[l.Name] = l
		}
	}
	var failed error
	for _, l := range all {
		err := s.tidy(ctx, l, oldest[l.Name])
		if !errors.Is(err, taskrun.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// tidy sweeps one limit; oldest is the one that applies under its name.
func (s *Service) tidy(ctx context.Context, l, oldest *Limit) error {
	if l != oldest {
		return s.stall(ctx, l, duplicateOf(oldest))
	}
	if !s.untidy(ctx, l) {
		return nil
	}
	return s.change(ctx, l.Name, func(d *draft) error {
		pruned := d.prune() > 0
		d.changed = d.changed || pruned || d.Shown != d.shown()
		d.record("")
		return nil
	})
}

// untidy reports whether a sweep would change the limit that applies.
func (s *Service) untidy(ctx context.Context, l *Limit) bool {
	d := s.newDraft(l)
	for i := range d.Holdings {
		h := &d.Holdings[i]
		if d.stands(h) != counts || (d.canBeTorn(h) && s.isTorn(ctx, d, h)) {
			return true
		}
	}
	d.record("")
	return d.noted || l.Shown != d.shown()
}

// stall records that a limit does not apply. Only Sweep writes such a limit, so the
// write passes by the batches. After a conflict the next sweep writes it.
func (s *Service) stall(ctx context.Context, l *Limit, reason string) error {
	d := &draft{Limit: l.clone(), now: s.now(), runs: s.Runs, gone: map[string]bool{}}
	d.record(reason)
	if !d.noted {
		return nil
	}
	after, err := s.Store.UpdateUse(ctx, d.Limit)
	if errors.Is(err, taskrun.ErrConflict) {
		return nil
	}
	if err == nil && l.Recorded.Stalled != reason && s.OnStalled != nil {
		s.OnStalled(after)
	}
	return err
}

// maxStalled is the longest reason that is recorded, in bytes.
const maxStalled = 256

// duplicateOf is the reason of a limit that an older one keeps from applying.
func duplicateOf(older *Limit) string {
	field := "name"
	if strings.HasPrefix(older.Name, TagPrefix) {
		field = "tag"
	}
	reason := fmt.Sprintf("ConcurrencyLimit %[2]s is older and has the same %[1]s. Change spec.%[1]s, or delete one of the two.",
		field, older.Revision.Name)
	return reason[:min(len(reason), maxStalled)] // names of objects are ASCII
}

// Sweeper sweeps the limits of all namespaces, time and again. One replica needs
// one.
type Sweeper struct {
	Namespaces func() []string
	Service    func(namespace string) *Service
	Interval   time.Duration
	Log        *slog.Logger
}

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
