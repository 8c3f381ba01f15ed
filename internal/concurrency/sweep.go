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

// Sweep removes all expired slot leases, and records the number of used slots and
// the conditions of each limit. It only maintains the status for readers of the
// objects. No other use case depends on it.
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
		err := s.sweepLimit(ctx, l, oldest[l.Name])
		if !errors.Is(err, taskrun.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// sweepLimit sweeps one limit. oldest is the limit that applies under its name.
func (s *Service) sweepLimit(ctx context.Context, l, oldest *Limit) error {
	if l != oldest {
		return s.stall(ctx, l, duplicateOf(oldest))
	}
	if !s.needsSweep(ctx, l) {
		return nil
	}
	return s.change(ctx, l.Name, func(t *tx) error {
		pruned := t.prune() > 0
		t.useChanged = t.useChanged || pruned || t.ReportedActive != t.shown()
		t.record("")
		return nil
	})
}

// needsSweep reports whether a sweep would change a limit that applies.
func (s *Service) needsSweep(ctx context.Context, l *Limit) bool {
	t := s.newTx(l)
	for i := range t.Leases {
		h := &t.Leases[i]
		if t.validityOf(h) != valid || (t.canBePartial(h) && s.isPartial(ctx, t, h)) {
			return true
		}
	}
	t.record("")
	return t.recordChanged || l.ReportedActive != t.shown()
}

// stall records that a limit does not apply. Only Sweep writes such a limit, so the
// write needs no batch. After a conflict, the next sweep writes it.
func (s *Service) stall(ctx context.Context, l *Limit, reason string) error {
	t := &tx{Limit: l.clone(), now: s.now(), runs: s.Runs, expiredIDs: map[string]bool{}}
	t.record(reason)
	if !t.recordChanged {
		return nil
	}
	after, err := s.Store.UpdateUse(ctx, t.Limit)
	if errors.Is(err, taskrun.ErrConflict) {
		return nil
	}
	if err == nil && l.Recorded.Stalled != reason && s.OnStalled != nil {
		s.OnStalled(after)
	}
	return err
}

// maxStalled is the maximum length of a recorded reason, in bytes.
const maxStalled = 256

// duplicateOf returns the reason of a limit with the name of an older limit.
func duplicateOf(older *Limit) string {
	field := "name"
	if strings.HasPrefix(older.Name, TagPrefix) {
		field = "tag"
	}
	reason := fmt.Sprintf("ConcurrencyLimit %[2]s is older and has the same %[1]s. Change spec.%[1]s, or delete one of the two.",
		field, older.Revision.Name)
	return reason[:min(len(reason), maxStalled)] // names of objects are ASCII
}

// Sweeper sweeps the limits of all namespaces periodically. It runs in one replica.
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
				w.Log.LogAttrs(ctx, slog.LevelDebug, "sweeping limits failed, retrying",
					slog.String("namespace", namespace), slog.Any("error", err))
			}
		}
	}
}
