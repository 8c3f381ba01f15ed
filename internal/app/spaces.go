package app

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/internal/controller"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery/registry"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// namespaceInterval is the time between two looks for namespaces that runs have
// appeared in.
const namespaceInterval = time.Second

// spaces are the namespaces that this program serves. One is opened when runs
// are seen in it, so that those of workers that are gone are looked after though
// nobody asks, or when a caller is let into it. It is closed when it has no runs and
// REST does not need it any more.
type spaces struct {
	doors        *services
	options      Options
	log          *slog.Logger
	manager      manager.Manager
	registry     *registry.Registry
	workerBudget *delivery.ByteBudget

	mu      sync.Mutex
	open    map[string]*background
	begin   func(*background) // nil: the program has not started
	running sync.WaitGroup
}

func newSpaces(mgr manager.Manager, options Options, doors *services, log *slog.Logger) (*spaces, error) {
	s := &spaces{
		doors: doors, options: options, log: log, manager: mgr, workerBudget: &delivery.ByteBudget{}, open: map[string]*background{},
	}
	identity, err := newIdentity()
	if err != nil {
		return nil, err
	}
	served := options.Scope.Namespace
	s.registry = registry.New(registry.Options{
		Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Namespace: options.Manager.leaseNamespace(served), Serves: served,
		Identity: identity, Clock: clock.RealClock{}, Log: log,
	})
	return s, mgr.Add(s.registry)
}

// of opens a namespace for REST, "" for lists of all; rest.ErrNotServed.
func (s *spaces) of(namespace string) (rest.Space, error) {
	if namespace == "" {
		home := s.options.Scope.Namespace
		return rest.Space{Runs: usecase.New(usecase.Options{
			Namespace: home, Store: s.doors.cluster.Everywhere(home), Clock: clock.RealClock{},
		}), Limits: s.doors.limitsOf(home)}, nil
	}
	b, err := s.background(namespace, 1)
	if err != nil {
		return rest.Space{}, err
	}
	served := s.doors.service(telemetry.DoorREST, namespace)
	return rest.Space{
		Runs: served, Limits: s.doors.limitsOf(namespace), Workers: b, Deliveries: b, Stream: served,
		Recorder: s.doors.recorder.Timed(s.doors.traces.Events(s.doors.service(telemetry.DoorEvents, namespace)), clock.RealClock{}),
		Close:    func() { s.release(namespace, b) },
	}, nil
}

// background returns what brings the runs of a namespace to workers, for more users.
func (s *spaces) background(namespace string, users int) (*background, error) {
	if watch := s.options.Scope.Watch; len(watch) > 0 && !slices.Contains(watch, namespace) {
		return nil, rest.ErrNotServed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.open[namespace]
	if b == nil {
		b = s.newBackground(namespace)
		s.open[namespace] = b
		if s.begin != nil {
			s.begin(b)
		}
	}
	b.users += users
	return b, nil
}

// release is called when a user needs a namespace no more.
func (s *spaces) release(namespace string, b *background) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.users--
	s.closeUnless(namespace, b, s.doors.cluster.HasRuns(namespace))
}

// closeUnless closes a namespace that is unused and has no runs.
func (s *spaces) closeUnless(namespace string, b *background, hasRuns bool) {
	if b.users > 0 || hasRuns || s.open[namespace] != b {
		return
	}
	delete(s.open, namespace)
	if b.end != nil {
		b.end()
	}
}

// follow opens the namespaces that have runs, and lets go of all that is kept of
// unused ones without runs.
func (s *spaces) follow() {
	for _, namespace := range s.doors.cluster.Namespaces() {
		_, _ = s.background(namespace, 0) // one that is not worked in has nothing to be opened for
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for namespace, b := range s.open {
		s.closeUnless(namespace, b, s.doors.cluster.HasRuns(namespace))
	}
	isOpen := func(namespace string) bool { return s.open[namespace] != nil }
	s.doors.cluster.CloseEmpty(isOpen)
	s.doors.dropLimits(isOpen)
}

func (s *spaces) newBackground(namespace string) *background {
	store, leases := s.doors.cluster.Namespace(namespace), s.doors.service(telemetry.DoorDelivery, namespace)
	b := &background{cluster: s.doors.cluster, queue: delivery.NewQueue(store, clock.RealClock{}), metrics: s.doors.recorder}
	b.workers = delivery.NewWorkers(b.queue, leases, clock.RealClock{}, s.registry.In(namespace))
	b.workers.Metrics, b.workers.Namespace, b.workers.Budget = s.doors.recorder, namespace, s.workerBudget
	b.reaper = &delivery.Reaper{
		ReaperOptions: s.options.Delivery, Queue: b.queue, Workers: b.workers, Leases: leases,
		Clock: clock.RealClock{}, Log: s.log, Metrics: s.doors.recorder,
		LossRecorder: controller.LossRecorder{Events: s.manager.GetEventRecorder(controller.DeliveryName), Namespace: namespace},
	}
	return b
}

// Start opens namespaces as they appear, and runs what there is in them, until
// the context ends.
func (s *spaces) Start(ctx context.Context) error {
	if !s.doors.cluster.WaitForSync(ctx) {
		return nil
	}
	s.mu.Lock()
	s.begin = func(b *background) {
		life, end := context.WithCancel(ctx)
		b.end = end
		s.running.Go(func() {
			defer end()
			b.run(life)
		})
	}
	for _, b := range s.open {
		s.begin(b)
	}
	s.mu.Unlock()
	defer s.running.Wait()
	defer s.stop()
	ticker := time.NewTicker(namespaceInterval)
	defer ticker.Stop()
	for {
		s.follow()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// stop lets nothing more begin.
func (s *spaces) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin = nil
}

// NeedLeaderElection tells a manager that every replica serves all namespaces.
func (s *spaces) NeedLeaderElection() bool { return false }
