package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Reconciler starts a trace for each reconciliation.
func (t *Tracing) Reconciler(next reconcile.Reconciler) reconcile.Reconciler {
	if t == nil {
		return next
	}
	return reconcile.Func(func(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
		ctx, span := t.tracer.Start(ctx, "reconcile TaskRun", trace.WithAttributes(
			semconv.K8SNamespaceName(req.Namespace), attribute.String("taskrun.name", req.Name)))
		result, err := next.Reconcile(ctx, req)
		end(span, err, attribute.Float64("taskrun.requeue_after", result.RequeueAfter.Seconds()))
		return result, err
	})
}

// Events starts a span for each batch of events, in the trace of the request that sent
// it if there is one.
func (t *Tracing) Events(next taskrun.EventRecorder) taskrun.EventRecorder {
	if t == nil {
		return next
	}
	return tracedEvents{tracing: t, next: next}
}

type tracedEvents struct {
	tracing *Tracing
	next    taskrun.EventRecorder
}

// Record implements taskrun.EventRecorder.
func (e tracedEvents) Record(ctx context.Context, events []taskrun.Event, refused func(taskrun.Event, error)) error {
	ctx, span := e.tracing.tracer.Start(ctx, "record events", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(semconv.MessagingBatchMessageCount(len(events))))
	declined := 0
	err := e.next.Record(ctx, events, func(event taskrun.Event, why error) {
		declined++
		refused(event, why)
	})
	end(span, err, attribute.Int("taskrun.events.refused", declined))
	return err
}
