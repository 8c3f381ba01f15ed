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

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/panics"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// ReaperOptions configure a Reaper.
type ReaperOptions struct {
	// GracePeriod is the time after which a disconnected worker counts as lost. It
	// should be longer than a restart of the operator and a reconnect of the worker
	// take. At least MinGracePeriod.
	GracePeriod time.Duration
	// MaxAttempts is the maximum number of deliveries of a run that no worker starts.
	MaxAttempts int
	// Interval is the time between two checks.
	Interval time.Duration
}

// MinGracePeriod is the shortest grace period: the interval at which a replica reads
// the workers of the others.
const MinGracePeriod = 2 * time.Second

// DefaultReaperOptions returns the defaults of the flags.
func DefaultReaperOptions() ReaperOptions {
	return ReaperOptions{GracePeriod: 10 * time.Second, MaxAttempts: 5, Interval: time.Second}
}

// BindFlags defines a flag for each option. The present values are the defaults.
func (o *ReaperOptions) BindFlags(fs *flag.FlagSet) {
	fs.DurationVar(&o.GracePeriod, "worker-grace-period", o.GracePeriod,
		"time after which a disconnected worker counts as lost, at least 2s; its runs are redelivered, or become CRASHED")
	fs.IntVar(&o.MaxAttempts, "worker-max-attempts", o.MaxAttempts,
		"maximum number of deliveries of a run that no worker starts; then it becomes CRASHED")
}

// Validate returns an error that names the flag if an option is out of its limits.
func (o *ReaperOptions) Validate() error {
	switch {
	case o.GracePeriod < MinGracePeriod:
		return fmt.Errorf("--worker-grace-period must be at least %v, the interval at which replicas read the workers of each other", MinGracePeriod)
	case o.MaxAttempts < 1:
		return errors.New("--worker-max-attempts must be 1 or more")
	default:
		return nil
	}
}

// LossRecorder records the runs that were taken from lost workers, after the write.
type LossRecorder interface {
	RunLost(loss *usecase.Loss)
}

// Reaper takes runs from lost workers. Every replica has one, so that no run waits
// for a new leader. If two replicas take the same run, one of them succeeds. A run
// whose worker may be connected to an operator that this one cannot see stays with
// its worker.
type Reaper struct {
	ReaperOptions
	Queue        *Queue
	Workers      *Workers
	Leases       Leases
	Clock        clock.PassiveClock
	Log          *slog.Logger
	Metrics      Metrics
	LossRecorder LossRecorder

	disconnectedSince map[taskrun.Hold]time.Time // first check that found the worker disconnected
	recorded          map[string]time.Time       // time of the latest write of a Lease namespace, by run id
	lookup            workerLookup
	logged            loggedProblems
	unknown           atomic.Int64 // see UnknownHolds
}

// Run checks the holders of runs until the context ends. The grace period of a
// worker starts at the first check that finds the worker disconnected.
func (r *Reaper) Run(ctx context.Context) {
	r.recorded = map[string]time.Time{}
	ticker := time.NewTicker(r.Interval)
	defer ticker.Stop()
	for {
		r.guardedCheck(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// guardedCheck runs a check and logs its panic.
func (r *Reaper) guardedCheck(ctx context.Context) {
	err := panics.Guard(func() error {
		r.check(ctx)
		return nil
	})
	if err != nil {
		r.Log.LogAttrs(ctx, slog.LevelError, "check of the workers failed, retrying", slog.Any("error", err))
	}
}

func (r *Reaper) check(ctx context.Context) {
	connected, known := r.Workers.connectedIDs()
	holds := r.Queue.holds()
	if !known {
		r.disconnectedSince = nil
		r.unknown.Store(int64(countHeld(holds, connected)))
		return
	}
	now := r.Clock.Now()
	r.lookup.refresh(r.Workers, connected, holds)
	r.moveHolds(ctx, now, holds)
	r.reapDisconnected(ctx, now, holds)
	for _, id := range r.Workers.redeliver(now, r.GracePeriod) {
		r.Log.LogAttrs(ctx, slog.LevelInfo, "redelivering run", slog.String("taskRunID", id))
	}
}

// reapDisconnected takes the runs of workers that were disconnected for the grace
// period at the latest read of the Leases. Reads before the connection of a worker
// to another operator do not list it, so the time of the read counts.
func (r *Reaper) reapDisconnected(ctx context.Context, now time.Time, holds map[taskrun.Hold][]string) {
	missed, unknown := map[taskrun.Hold]time.Time{}, map[string]int{}
	for hold, ids := range holds {
		switch r.lookup.status(hold) {
		case workerConnected:
		case workerUnknown:
			unknown[hold.LeaseNamespace] += len(ids)
		case workerDisconnected:
			since, known := r.disconnectedSince[hold]
			if !known {
				since = now
			}
			missed[hold] = since
			if r.lookup.readAt(hold, now).Sub(since) >= r.GracePeriod {
				r.abandon(ctx, hold, ids)
			}
		}
	}
	r.disconnectedSince = missed
	r.reportUnknown(ctx, unknown)
}

// countHeld returns the number of runs that workers outside of except hold.
func countHeld(holds map[taskrun.Hold][]string, except map[string]bool) int {
	n := 0
	for hold, ids := range holds {
		if !except[hold.Worker] {
			n += len(ids)
		}
	}
	return n
}

// abandon takes runs from a lost worker. It stops at the first failure. The next
// check retries.
func (r *Reaper) abandon(ctx context.Context, hold taskrun.Hold, ids []string) {
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] }) //nolint:gosec // other replicas take them in another order
	for _, id := range ids {
		loss, err := r.Leases.Abandon(ctx, id, hold, r.MaxAttempts)
		if err != nil {
			if !r.logged.failing {
				r.Log.LogAttrs(ctx, slog.LevelWarn, "taking a run from a lost worker failed, retrying",
					slog.String("taskRunID", id), slog.String("worker", hold.Worker), slog.Any("error", err))
			}
			r.logged.failing = true
			return
		}
		r.logged.failing = false
		if loss != nil { // nil: another replica took the run
			r.recordLoss(ctx, loss)
		}
	}
}

func (r *Reaper) recordLoss(ctx context.Context, loss *usecase.Loss) {
	state := orchestration.None
	if loss.Moved {
		state = loss.Run.State.Type
	}
	r.Metrics.RunAbandoned(state)
	r.LossRecorder.RunLost(loss)
	r.Log.LogAttrs(ctx, slog.LevelWarn, "run taken from lost worker",
		slog.String("taskRunID", loss.Run.ID), slog.String("worker", loss.Worker), slog.String("to", string(state)))
}
