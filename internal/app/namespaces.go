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

// namespaceInterval is the time between two checks for namespaces with runs.
const namespaceInterval = time.Second

// namespaces are the open namespaces. A namespace is opened when it has runs, or when
// an authorized request is for it, so that runs of lost workers are handled even
// without requests. It is closed when it has no runs and REST does not use it.
type namespaces struct {
	services     *services
	options      Options
	log          *slog.Logger
	manager      manager.Manager
	registry     *registry.Registry
	workerBudget *delivery.ByteBudget

	mu      sync.Mutex
	open    map[string]*workerServices
	start   func(*workerServices) // nil: the program has not started
	running sync.WaitGroup
}

func newNamespaces(mgr manager.Manager, options Options, services *services, log *slog.Logger) (*namespaces, error) {
	s := &namespaces{
		services: services, options: options, log: log, manager: mgr, workerBudget: &delivery.ByteBudget{}, open: map[string]*workerServices{},
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

// forREST opens a namespace for REST, or the lists of all namespaces for "". It
// returns rest.ErrNotServed for a namespace that is not watched.
func (s *namespaces) forREST(namespace string) (rest.Tenant, error) {
	if namespace == "" {
		return rest.Tenant{Lists: usecase.NewLister(s.services.cluster.AllNamespaces(), clock.RealClock{})}, nil
	}
	b, err := s.workersOf(namespace, 1)
	if err != nil {
		return rest.Tenant{}, err
	}
	served := s.services.service(telemetry.SourceREST, namespace)
	served.ReadyWorkers = b.workers
	return rest.Tenant{
		Runs: served, Flows: s.services.flowsOf(telemetry.SourceREST, namespace), Limits: s.services.limitsOf(namespace), Workers: b, Deliveries: b, Stream: served,
		Recorder: s.services.recorder.Timed(s.services.traces.Events(s.services.service(telemetry.SourceEvents, namespace)), clock.RealClock{}),
		Close:    func() { s.release(namespace, b) },
	}, nil
}

// workersOf returns the queue, the workers and the reaper of a namespace, and adds
// users to it.
func (s *namespaces) workersOf(namespace string, users int) (*workerServices, error) {
	if watch := s.options.Scope.Watch; len(watch) > 0 && !slices.Contains(watch, namespace) {
		return nil, rest.ErrNotServed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.open[namespace]
	if b == nil {
		b = s.newBackground(namespace)
		s.open[namespace] = b
		if s.start != nil {
			s.start(b)
		}
	}
	b.users += users
	return b, nil
}

// release removes a user of a namespace.
func (s *namespaces) release(namespace string, b *workerServices) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.users--
	s.closeUnless(namespace, b, s.services.cluster.HasRuns(namespace))
}

// closeUnless closes a namespace that is unused and has no runs.
func (s *namespaces) closeUnless(namespace string, b *workerServices, hasRuns bool) {
	if b.users > 0 || hasRuns || s.open[namespace] != b {
		return
	}
	delete(s.open, namespace)
	if b.end != nil {
		b.end()
	}
}

// reconcile opens the namespaces that have runs, and closes unused ones without runs.
func (s *namespaces) reconcile() {
	for _, namespace := range s.services.cluster.Namespaces() {
		_, _ = s.workersOf(namespace, 0) // does nothing for a namespace that is not watched
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for namespace, b := range s.open {
		s.closeUnless(namespace, b, s.services.cluster.HasRuns(namespace))
	}
	isOpen := func(namespace string) bool { return s.open[namespace] != nil }
	s.services.cluster.CloseEmpty(isOpen)
	s.services.dropLimits(isOpen)
}

func (s *namespaces) newBackground(namespace string) *workerServices {
	store, leases := s.services.cluster.Namespace(namespace), s.services.service(telemetry.SourceDelivery, namespace)
	b := &workerServices{cluster: s.services.cluster, queue: delivery.NewQueue(store, clock.RealClock{}), metrics: s.services.recorder}
	b.workers = delivery.NewWorkers(b.queue, leases, clock.RealClock{}, s.registry.In(namespace))
	b.workers.Metrics, b.workers.Namespace, b.workers.Budget = s.services.recorder, namespace, s.workerBudget
	b.reaper = &delivery.Reaper{
		ReaperOptions: s.options.Delivery, Queue: b.queue, Workers: b.workers, Leases: leases,
		Clock: clock.RealClock{}, Log: s.log, Metrics: s.services.recorder,
		LossRecorder: controller.LossRecorder{Events: s.manager.GetEventRecorder(controller.DeliveryName), Namespace: namespace},
	}
	return b
}

// Start opens and closes namespaces until the context ends.
func (s *namespaces) Start(ctx context.Context) error {
	if !s.services.cluster.WaitForSync(ctx) {
		return nil
	}
	s.mu.Lock()
	s.start = func(b *workerServices) {
		life, end := context.WithCancel(ctx)
		b.end = end
		s.running.Go(func() {
			defer end()
			b.run(life)
		})
	}
	for _, b := range s.open {
		s.start(b)
	}
	s.mu.Unlock()
	defer s.running.Wait()
	defer s.stop()
	ticker := time.NewTicker(namespaceInterval)
	defer ticker.Stop()
	for {
		s.reconcile()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// stop prevents further namespaces from starting.
func (s *namespaces) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start = nil
}

// NeedLeaderElection returns false: every replica serves all namespaces.
func (s *namespaces) NeedLeaderElection() bool { return false }
