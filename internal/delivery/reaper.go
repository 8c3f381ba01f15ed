package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// ReaperOptions say when a worker counts as gone.
type ReaperOptions struct {
	// Grace is how long a worker may be without any connection before what it
	// holds is taken from it: longer than a restart of this program and of a
	// worker's connection takes, shorter than runs may lie about.
	Grace time.Duration
	// MaxAttempts is how often a run is handed out that no worker starts.
	MaxAttempts int
	// Interval is the time between two looks.
	Interval time.Duration
}

// DefaultReaperOptions are sane.
func DefaultReaperOptions() ReaperOptions {
	return ReaperOptions{Grace: 10 * time.Second, MaxAttempts: 5, Interval: time.Second}
}

// Metrics hear what became of the runs of workers that are gone.
type Metrics interface {
	// RunAbandoned tells the state a run got, None if it only waits again.
	RunAbandoned(state orchestration.StateType)
}

// Reaper takes from workers that are gone what they hold. One replica needs one.
type Reaper struct {
	ReaperOptions
	Queue   *Queue
	Workers *Workers
	Leases  Leases
	Clock   taskrun.Clock
	Log     *slog.Logger
	Metrics Metrics

	missed map[string]time.Time // since when a holder is without connection
}

// Start looks after the holders until the context ends. That a worker is not
// there counts from the first look on: before it, nobody can have looked.
func (r *Reaper) Start(ctx context.Context) error {
	ticker := time.NewTicker(r.Interval)
	defer ticker.Stop()
	for {
		r.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// NeedLeaderElection tells a manager that one replica does this.
func (r *Reaper) NeedLeaderElection() bool { return true }

func (r *Reaper) look(ctx context.Context) {
	now, alive := r.Clock.Now(), r.Workers.alive()
	missed := map[string]time.Time{}
	for holder, ids := range r.Queue.holders() {
		if alive[holder] {
			continue
		}
		since, known := r.missed[holder]
		if !known {
			since = now
		}
		missed[holder] = since
		if now.Sub(since) >= r.Grace {
			r.abandon(ctx, holder, ids)
		}
	}
	r.missed = missed
}

// abandon takes the runs from a holder. What fails is tried again at the next look.
func (r *Reaper) abandon(ctx context.Context, holder string, ids []string) {
	for _, id := range ids {
		state, err := r.Leases.Abandon(ctx, id, holder, r.MaxAttempts)
		if err != nil {
			r.Log.LogAttrs(ctx, slog.LevelWarn, "a run could not be taken from a worker that is gone; it is tried again",
				slog.String("run", id), slog.String("worker", holder), slog.Any("error", err))
			return
		}
		kind := orchestration.None
		if state != nil {
			kind = state.Type
		}
		r.Metrics.RunAbandoned(kind)
		r.Log.LogAttrs(ctx, slog.LevelInfo, "a run was taken from a worker that is gone",
			slog.String("run", id), slog.String("worker", holder), slog.String("state", string(kind)))
	}
}
