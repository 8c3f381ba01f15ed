package app

import (
	"context"
	"log/slog"

	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/taskrun-dev/taskrun-operator/internal/controller"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/roster"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
)

// background is what brings runs to workers.
type background struct {
	cluster *kube.Cluster
	queue   *delivery.Queue
	workers *delivery.Workers
	reaper  *delivery.Reaper
	roster  *roster.Roster // nil: there are no other replicas
	metrics *telemetry.Recorder
}

// newBackground wires the queue of the namespace that is served.
func newBackground(mgr manager.Manager, options Options, doors *services, log *slog.Logger) (*background, error) {
	namespace := options.Scope.Namespace
	b := &background{
		cluster: doors.cluster, queue: delivery.NewQueue(doors.cluster.Namespace(namespace), clock{}), metrics: doors.recorder,
	}
	var others delivery.Roster = delivery.Alone{}
	if options.Manager.LeaderElect {
		identity, err := newIdentity()
		if err != nil {
			return nil, err
		}
		b.roster = roster.New(roster.Options{
			Client: mgr.GetClient(), Reader: mgr.GetAPIReader(), Namespace: options.Manager.leaseNamespace(namespace), Serves: namespace,
			Identity: identity, Clock: clock{}, Log: log,
		})
		others = b.roster
	}
	leases := doors.service(telemetry.DoorDelivery, namespace)
	b.workers = delivery.NewWorkers(b.queue, leases, clock{}, others)
	b.workers.Metrics = doors.recorder
	b.reaper = &delivery.Reaper{
		ReaperOptions: options.Delivery, Queue: b.queue, Workers: b.workers, Leases: leases,
		Clock: clock{}, Log: log, Metrics: doors.recorder,
		Witness: controller.Witness{Events: mgr.GetEventRecorder(controller.DeliveryName), Namespace: namespace},
	}
	return b, nil
}

// addTo has a manager run what there is to run.
func (b *background) addTo(mgr manager.Manager) error {
	if b.roster != nil {
		if err := mgr.Add(b.roster); err != nil {
			return err
		}
	}
	if err := mgr.Add(b); err != nil {
		return err
	}
	return mgr.Add(b.reaper)
}

// Start keeps the queue until the context ends.
func (b *background) Start(ctx context.Context) error {
	if !b.cluster.WaitForSync(ctx) {
		return nil
	}
	defer b.queue.Open()()
	defer b.metrics.Watch(b.queue, b.workers, clock{})()
	<-ctx.Done()
	return nil
}

// NeedLeaderElection tells a manager that every replica has the queue.
func (b *background) NeedLeaderElection() bool { return false }

// Subscribe makes a connection of a worker known.
func (b *background) Subscribe(ctx context.Context, keys []string, clientID string) (rest.Subscription, error) {
	consumer, err := b.workers.Subscribe(ctx, keys, clientID)
	if err != nil {
		return nil, err
	}
	return consumer, nil
}

// TaskWorkers are the workers of all replicas.
func (b *background) TaskWorkers() []taskrun.TaskWorker { return b.workers.TaskWorkers() }

// socketMetrics tell the program's metrics of websockets.
type socketMetrics struct{ *telemetry.Recorder }

// EventReceived counts an event.
func (m socketMetrics) EventReceived(outcome rest.EventOutcome) { m.EventCounted(string(outcome)) }
