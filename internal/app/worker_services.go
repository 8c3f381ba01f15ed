package app

import (
	"context"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
)

// workerServices delivers the background runs of a namespace to workers.
type workerServices struct {
	cluster *kube.Cluster
	queue   *delivery.Queue
	workers *delivery.Workers
	reaper  *delivery.Reaper
	metrics *telemetry.Recorder

	// Guarded by the lock of namespaces.
	users int    // of REST
	end   func() // ends run; nil: it does not run
}

// run runs the queue and the reaper until the context ends. The index is complete.
func (b *workerServices) run(ctx context.Context) {
	defer b.queue.Open()()
	defer b.metrics.Watch(b.queue, b.workers, b.reaper, clock.RealClock{})()
	b.reaper.Run(ctx)
}

// Subscribe registers a connection of a worker.
func (b *workerServices) Subscribe(ctx context.Context, keys []string, clientID string) (rest.Subscription, error) {
	consumer, err := b.workers.Subscribe(ctx, keys, clientID)
	if err != nil {
		return nil, err
	}
	return consumer, nil
}

// TaskWorkers returns the workers of all replicas.
func (b *workerServices) TaskWorkers() []taskrun.TaskWorker { return b.workers.TaskWorkers() }

// socketMetrics records the metrics of websockets.
type socketMetrics struct{ *telemetry.Recorder }

// EventReceived counts an event.
func (m socketMetrics) EventReceived(outcome rest.EventOutcome) { m.EventCounted(string(outcome)) }
