package flows

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// Options configure a Service.
type Options struct {
	// Namespace is part of the ids that are derived from idempotency keys, so that equal
	// keys in two namespaces are two runs.
	Namespace string
	Store     flowrun.Store
	TaskRuns  TaskRuns
	Clock     clock.PassiveClock
	Notifier  flowrun.Notifier  // nil: no notifications
	Retention usecase.Retention // of runs without a TTL of their own; nil keeps them
	// Buffers limits the memory of the change feed; nil: a limit of its own.
	Buffers *bytebudget.Budget

	// Sources of randomness; nil: the defaults.
	NewID   func() string // UUIDs that are sortable by time
	NewKey  func() string // keys of pauses without one; UUIDs
	NewName func() string // names for runs without one
}

// Service has the use cases.
type Service struct {
	Options
	*Lister

	feed *feed.Feed[*flowrun.Run] // of changes, for the readers that follow them
}

// New returns the use cases of a store.
func New(o Options) *Service {
	if o.Notifier == nil {
		o.Notifier = noopNotifier{}
	}
	if o.Retention == nil {
		o.Retention = usecase.KeepFinished{}
	}
	if o.NewID == nil {
		o.NewID = usecase.SortableID
	}
	if o.NewKey == nil {
		o.NewKey = uuid.NewString
	}
	if o.NewName == nil {
		o.NewName = usecase.Slug
	}
	if o.Buffers == nil {
		o.Buffers = bytebudget.New(bytebudget.DefaultBytes)
	}
	return &Service{
		Options: o, Lister: &Lister{store: o.Store, taskRuns: o.TaskRuns, clock: o.Clock},
		feed: feed.New[*flowrun.Run](o.Clock, o.Buffers),
	}
}

// Get returns the run with this id, or ErrNotFound. Its ParentTaskRunID is empty if that
// task run was deleted (flows contract §3.5).
func (s *Service) Get(ctx context.Context, id string) (*flowrun.Run, error) {
	run, err := s.Store.Get(ctx, id)
	if err != nil || run.ParentTaskRunID == "" {
		return run, err
	}
	exists, err := s.TaskRuns.Exists(ctx, run.ParentTaskRunID)
	switch {
	case err != nil:
		return nil, err
	case exists:
		return run, nil
	default:
		return orphan(run), nil
	}
}

// orphan returns the run without its parent.
func orphan(run *flowrun.Run) *flowrun.Run {
	next := *run
	next.ParentTaskRunID = ""
	return &next
}

// State returns one state, current or past, and the run that holds it, or ErrNotFound.
func (s *Service) State(ctx context.Context, stateID string) (*orchestration.State, *flowrun.Run, error) {
	return s.Store.State(ctx, stateID)
}

// States returns the states of a run, oldest first, and the run. ErrNotFound.
func (s *Service) States(ctx context.Context, runID string) ([]orchestration.State, *flowrun.Run, error) {
	run, err := s.Store.Get(ctx, runID)
	if err != nil {
		return nil, nil, err
	}
	return run.States(), run, nil
}

// Expiration returns when the run will be deleted (see usecase.Service.Expiration).
func (s *Service) Expiration(run *flowrun.Run) (at *time.Time, known bool) {
	if !run.Finished() {
		return nil, true
	}
	return usecase.ExpirationTime(run.TTL, run.EndRecorded, s.Namespace, s.Retention)
}

// withExpiration returns the run with the expiration time that holds now. While the rule
// of the namespace is not known, the stored one stays.
func (s *Service) withExpiration(run *flowrun.Run) *flowrun.Run {
	at, known := s.Expiration(run)
	if !known || taskrun.SameExpiration(at, run.ExpirationTime) {
		return run
	}
	next := *run
	next.ExpirationTime = at
	return &next
}

// update loads a run, calls change for its next version, and stores that by
// compare-and-swap (see usecase.Swap). A conflict is never returned: Prefect's clients
// take a 409 for a failure of the flow, and repeat a 503 (flows contract §0.3).
func (s *Service) update(
	ctx context.Context, id string, change func(*flowrun.Run) (*flowrun.Run, error), done func(before, after *flowrun.Run),
) error {
	swap := usecase.Swap[flowrun.Run]{
		Load:   func(ctx context.Context) (*flowrun.Run, error) { return s.Store.Get(ctx, id) },
		Reload: s.Store.Reload,
		Write: func(ctx context.Context, next *flowrun.Run) (*flowrun.Run, error) {
			return s.Store.Update(ctx, s.withExpiration(next))
		},
		Wrote:   wrote,
		Confirm: true,
	}
	return hideConflict(swap.Do(ctx, change, func(before, after *flowrun.Run) {
		done(before, after)
		if after.State != nil && before.StateByID(after.State.ID) == nil {
			s.copyState(ctx, after)
		}
	}))
}

// wrote is Swap.Wrote. The id of the state shows that the write was done, because no
// other call uses the same one.
func wrote(before, next, stored *flowrun.Run) bool {
	return next.State != nil && before.StateByID(next.State.ID) == nil && stored.StateByID(next.State.ID) != nil
}

// hideConflict returns ErrUnavailable in place of ErrConflict.
func hideConflict(err error) error {
	if !isConflict(err) {
		return err
	}
	return fmt.Errorf("%w: other writers won every time", taskrun.ErrUnavailable)
}

type noopNotifier struct{}

func (noopNotifier) Transitioned(_, _ *flowrun.Run, _ orchestration.FlowRunDecision) {}
