package usecase

import (
	"context"
	"iter"
	"math/rand/v2"

	"github.com/google/uuid"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/bytebudget"
	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Options configure a Service.
type Options struct {
	// Namespace is part of the ids that are derived from natural keys, so that equal
	// keys in two namespaces are two runs.
	Namespace string
	Store     taskrun.Store
	Clock     clock.PassiveClock
	Notifier  taskrun.Notifier // nil: no notifications
	FlowRuns  FlowRuns         // nil: every flow run counts as running
	Flows     FlowSnapshots    // for filters on flows and flow runs; nil: none are stored
	Slots     Slots            // nil: there are no limits
	Retention Retention        // of runs without a TTL of their own; nil keeps them
	// ReadyWorkers are the workers that a run can be created for; nil: none.
	ReadyWorkers ReadyWorkers
	// Buffers limits the memory of the change feed; nil: a limit of its own.
	Buffers *bytebudget.Budget
	// KeyLocks are shared by all Services of these runs; nil: this is the only one.
	KeyLocks *KeyLocks

	// Sources of randomness; nil: the defaults.
	Draw    func() float64 // uniform in [0,1)
	NewID   func() string  // UUIDs that are sortable by time
	NewName func() string  // names for runs without one
}

// Service has the use cases. REST and the controllers call it, so that a state changes
// in one place only.
type Service struct {
	Options
	*Lister

	feed *feed.Feed[*taskrun.Run] // of changes, for the readers that follow them
}

// New returns the use cases of a store.
func New(o Options) *Service {
	if o.Notifier == nil {
		o.Notifier = noopNotifier{}
	}
	if o.FlowRuns == nil {
		o.FlowRuns = noFlowRuns{}
	}
	if o.Retention == nil {
		o.Retention = KeepFinished{}
	}
	if o.Buffers == nil {
		o.Buffers = bytebudget.New(bytebudget.DefaultBytes)
	}
	if o.KeyLocks == nil {
		o.KeyLocks = NewKeyLocks()
	}
	if o.Draw == nil {
		o.Draw = rand.Float64
	}
	if o.NewID == nil {
		o.NewID = SortableID
	}
	if o.NewName == nil {
		o.NewName = Slug
	}
	return &Service{Options: o, Lister: NewLister(o.Store, o.Clock).WithFlows(o.Flows), feed: feed.New[*taskrun.Run](o.Clock, o.Buffers)}
}

// SortableID returns a UUID that is sortable by time.
func SortableID() string { return uuid.Must(uuid.NewV7()).String() }

// Get returns the run with this id, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id string) (*taskrun.Run, error) {
	return s.Store.Get(ctx, id)
}

// Follow yields the changes that o selects, past and future ones (see feed.Feed).
func (s *Service) Follow(ctx context.Context, o taskrun.WatchOptions) iter.Seq2[[]*feed.SharedChange[*taskrun.Run], error] {
	return s.feed.Follow(ctx, s.Store, o)
}

// State returns one state, current or past, and the run that holds it, or ErrNotFound.
func (s *Service) State(ctx context.Context, stateID string) (*orchestration.State, *taskrun.Run, error) {
	return s.Store.State(ctx, stateID)
}

// Rename gives the run another name; if the name is empty, a generated one. Errors: ErrNotFound.
func (s *Service) Rename(ctx context.Context, id, name string) error {
	if name == "" {
		name = s.NewName()
	}
	return s.Store.Rename(ctx, id, taskrun.Truncate(name, taskrun.MaxName), s.now())
}

// Delete removes the run with all its states. ErrNotFound.
func (s *Service) Delete(ctx context.Context, id string) error {
	return s.Store.Delete(ctx, id, nil)
}

// Ready returns nil if the store can be reached and reads are complete.
func (s *Service) Ready(ctx context.Context) error { return s.Store.Ready(ctx) }

type noopNotifier struct{}

func (noopNotifier) Transitioned(_, _ *taskrun.Run, _ orchestration.Decision) {}
