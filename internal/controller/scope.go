package controller

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Runs are the use cases the controller needs, within one namespace.
// *taskrun.Service has them.
type Runs interface {
	// Get returns the run with this id, or ErrNotFound.
	Get(ctx context.Context, id string) (*taskrun.Run, error)
	// PersistStatus writes the run's progress down where it is missing or behind.
	PersistStatus(ctx context.Context, id string) (*taskrun.Run, error)
	// ResolveInputs is PersistStatus, and writes down the ids of the runs that the run has as
	// inputs by the names of their objects.
	ResolveInputs(ctx context.Context, id string, found map[string]string) (*taskrun.Run, error)
	// Expiration returns when the run is to be deleted by the current rules; nil for
	// never. It returns known false until the rule of the namespace was read.
	Expiration(run *taskrun.Run) (at *time.Time, known bool)
	// FinishedWithoutTTL calls visit with the name of each finished run that has no
	// TTL of its own.
	FinishedWithoutTTL(ctx context.Context, visit func(name string)) error
	// Expire deletes the run if its expiration has passed.
	Expire(ctx context.Context, id string) (remaining time.Duration, deleted bool, err error)
}

// scope is what one reconciliation knows and works with.
type scope struct {
	runs   Runs
	object *v1alpha1.TaskRun // as the cache had it at the start
	run    *taskrun.Run      // as it is after the steps so far
}

// step brings one part of a run up to date. A step that finds nothing to do
// makes no call.
type step func(ctx context.Context, s *scope) (Result, error)
