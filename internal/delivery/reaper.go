package delivery

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// ReaperOptions say when a worker counts as gone.
type ReaperOptions struct {
	// Grace is how long a worker may be without any connection before what it
	// holds is taken from it: longer than a restart of this program and of a
	// worker's connection takes, shorter than runs may lie about; at least MinGrace.
	Grace time.Duration
	// MaxAttempts is how often a run is handed out that no worker starts.
	MaxAttempts int
	// Interval is the time between two checks.
	Interval time.Duration
}

// MinGrace is the shortest grace time: a replica learns of the workers of others at
// such intervals.
const MinGrace = 2 * time.Second

// DefaultReaperOptions returns the options that hold when no flag is given.
func DefaultReaperOptions() ReaperOptions {
	return ReaperOptions{Grace: 10 * time.Second, MaxAttempts: 5, Interval: time.Second}
}

// BindFlags lets flags set the options; what they hold now is the default.
func (o *ReaperOptions) BindFlags(fs *flag.FlagSet) {
	fs.DurationVar(&o.Grace, "worker-grace-time", o.Grace,
		"time after which a disconnected worker counts as lost, at least 2s; its runs are redelivered, or become CRASHED")
	fs.IntVar(&o.MaxAttempts, "worker-max-attempts", o.MaxAttempts,
		"maximum number of deliveries of a run that no worker starts; then it becomes CRASHED")
}

// Validate tells what is wrong, naming the flag.
func (o *ReaperOptions) Validate() error {
	switch {
	case o.Grace < MinGrace:
		return fmt.Errorf("--worker-grace-time must be at least %v, the time between two readings of the Leases that list workers", MinGrace)
	case o.MaxAttempts < 1:
		return errors.New("--worker-max-attempts must be 1 or more")
	default:
		return nil
	}
}

// Witness hears what became of the runs of workers that are gone, after it was
// written.
type Witness interface {
	RunLost(loss *usecase.Loss)
}

// Reaper takes from workers that are gone what they hold. Every replica has one,
// so that nothing waits for a new leader; of two that take the same, one does. A
// run whose worker may be connected to an operator that this one cannot know
// stays with its worker.
type Reaper struct {
	ReaperOptions
	Queue   *Queue
	Workers *Workers
	Leases  Leases
	Clock   taskrun.Clock
	Log     *slog.Logger
	Metrics Metrics
	Witness Witness

	missed   map[taskrun.Hold]time.Time // since when the worker is without connection
	moved    map[string]time.Time       // when the holds of runs were moved last, by run id
	presence presence
	reported remarks
	unknown  atomic.Int64 // see UnknownHolds
}

// Run looks after the holders until the context ends. That a worker is not there
// counts from the first look on: before it, no check was made.
func (r *Reaper) Run(ctx context.Context) {
	r.moved = map[string]time.Time{}
	ticker := time.NewTicker(r.Interval)
	defer ticker.Stop()
	for {
		r.lookGuarded(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// lookGuarded goes on at the next look if this one panics.
func (r *Reaper) lookGuarded(ctx context.Context) {
	err := panics.Guard(func() error {
		r.look(ctx)
		return nil
	})
	if err != nil {
		r.Log.LogAttrs(ctx, slog.LevelError, "check of the workers failed; it is repeated", slog.Any("error", err))
	}
}

func (r *Reaper) look(ctx context.Context) {
	alive, known := r.Workers.alive()
	holds := r.Queue.holds()
	if !known {
		r.missed = nil
		r.unknown.Store(int64(held(holds, alive)))
		return
	}
	now := r.Clock.Now()
	r.presence.refresh(r.Workers, alive, holds)
	r.moveHolds(ctx, now, holds)
	r.takeFromAbsent(ctx, now, holds)
	for _, id := range r.Workers.sendAgain(now, r.Grace) {
		r.Log.LogAttrs(ctx, slog.LevelInfo, "a run is sent again to the worker that holds it and has not begun it", slog.String("run", id))
	}
}

// takeFromAbsent takes the runs whose workers were absent for the grace time when
// the Leases were read last: a worker that has just connected to another program
// is in none of those that were read before.
func (r *Reaper) takeFromAbsent(ctx context.Context, now time.Time, holds map[taskrun.Hold][]string) {
	missed, unknown := map[taskrun.Hold]time.Time{}, map[string]int{}
	for hold, ids := range holds {
		switch r.presence.of(hold) {
		case connected:
		case unknowable:
			unknown[hold.LeaseNamespace] += len(ids)
		case absent:
			since, known := r.missed[hold]
			if !known {
				since = now
			}
			missed[hold] = since
			if r.presence.read(hold, now).Sub(since) >= r.Grace {
				r.abandon(ctx, hold, ids)
			}
		}
	}
	r.missed = missed
	r.reportUnknown(ctx, unknown)
}

// held counts the runs that workers hold other than these.
func held(holds map[taskrun.Hold][]string, but map[string]bool) int {
	n := 0
	for hold, ids := range holds {
		if !but[hold.Worker] {
			n += len(ids)
		}
	}
	return n
}

// abandon takes the runs from a holder. What fails is tried again at the next look.
func (r *Reaper) abandon(ctx context.Context, hold taskrun.Hold, ids []string) {
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] }) //nolint:gosec // other replicas take them in another order
	for _, id := range ids {
		loss, err := r.Leases.Abandon(ctx, id, hold, r.MaxAttempts)
		if err != nil {
			if !r.reported.failing {
				r.Log.LogAttrs(ctx, slog.LevelWarn, "a run could not be taken from a worker that is gone; it is tried again until it succeeds",
					slog.String("run", id), slog.String("worker", hold.Worker), slog.Any("error", err))
			}
			r.reported.failing = true
			return
		}
		r.reported.failing = false
		if loss != nil { // else another replica was faster
			r.tell(ctx, loss)
		}
	}
}

func (r *Reaper) tell(ctx context.Context, loss *usecase.Loss) {
	state := orchestration.None
	if loss.Moved {
		state = loss.Run.State.Type
	}
	r.Metrics.RunAbandoned(state)
	r.Witness.RunLost(loss)
	r.Log.LogAttrs(ctx, slog.LevelWarn, "a run was taken from a worker that is gone",
		slog.String("run", loss.Run.ID), slog.String("worker", loss.Worker), slog.String("state", string(state)))
}
