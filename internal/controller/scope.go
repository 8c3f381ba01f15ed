package controller

import (
	"context"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Runs has the use cases of one namespace that the controller needs.
// *usecase.Service implements it.
type Runs interface {
	// Get returns the run with this id, or ErrNotFound.
	Get(ctx context.Context, id string) (*taskrun.Run, error)
	// PersistStatus writes the status of the run if it is missing or stale.
	PersistStatus(ctx context.Context, id string) (*taskrun.Run, error)
	// ResolveInputs is PersistStatus, and also records the ids of the inputs that are
	// named by TaskRuns.
	ResolveInputs(ctx context.Context, id string, found map[string]string) (*taskrun.Run, error)
	// Expiration returns the expiration time of the run by the current rules; nil for
	// never. known is false until the rule of the namespace was read.
	Expiration(run *taskrun.Run) (at *time.Time, known bool)
	// FinishedWithoutTTL calls visit with the name of each finished run that has no
	// TTL of its own.
	FinishedWithoutTTL(ctx context.Context, visit func(name string)) error
	// Expire deletes the run if its expiration has passed.
	Expire(ctx context.Context, id string) (remaining time.Duration, deleted bool, err error)
}

// scope is the data of one reconciliation.
type scope struct {
	runs   Runs
	object *v1alpha1.TaskRun // from the cache, at the start
	run    *taskrun.Run      // after the previous steps
}

// step reconciles one part of a run. If nothing differs, it makes no call.
type step func(ctx context.Context, s *scope) (Result, error)
