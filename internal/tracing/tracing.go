// Package tracing sends traces to an OpenTelemetry collector: a span for each REST
// request, each batch of events and each reconciliation, and below them for each call
// to the API server. Trace contexts are propagated by the W3C header traceparent.
//
// A nil *Tracing is disabled: its methods return their arguments, so there is no cost.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// scope is the instrumentation scope of the spans.
	scope = "github.com/taskrun-dev/taskrun-operator/internal/tracing"
	// serviceName is the service name in the traces.
	serviceName = "taskrun-operator"
	// closeTimeout is the maximum time that the end of the program waits for the collector.
	closeTimeout = 5 * time.Second
)

// Program identifies the program that sends the traces.
type Program struct {
	Version  string
	Instance string // identifies the replica, such as the name of the pod
}

// Tracing creates spans and sends them to a collector. It is safe for concurrent use.
type Tracing struct {
	provider   *sdktrace.TracerProvider
	propagator propagation.TextMapPropagator
	tracer     trace.Tracer
	meter      noop.MeterProvider // the program's metrics are Prometheus's
}

// New returns a Tracing for the collector of the options, or nil if they name none.
// While the collector cannot be reached, spans are dropped. The environment variables
// OTEL_EXPORTER_OTLP_* (headers, certificates) and OTEL_RESOURCE_ATTRIBUTES apply.
func New(ctx context.Context, o Options, program Program) (*Tracing, error) {
	if err := o.Validate(); err != nil || o.Endpoint == "" {
		return nil, err
	}
	connection := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(o.Endpoint)}
	if o.Insecure {
		connection = append(connection, otlptracegrpc.WithInsecure())
	}
	exporter, err := otlptracegrpc.New(ctx, connection...)
	if err != nil {
		return nil, fmt.Errorf("--traces-endpoint: %w", err)
	}
	return newTracing(ctx, o, program, sdktrace.NewBatchSpanProcessor(exporter))
}

// newTracing returns a Tracing with this span processor.
func newTracing(ctx context.Context, o Options, program Program, processor sdktrace.SpanProcessor) (*Tracing, error) {
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			semconv.ServiceName(serviceName), semconv.ServiceVersion(program.Version), semconv.ServiceInstanceID(program.Instance)),
		resource.WithFromEnv(), // last, so that it takes precedence
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.SampleRatio))),
		sdktrace.WithSpanProcessor(processor),
	)
	return &Tracing{
		provider:   provider,
		propagator: propagation.TraceContext{},
		tracer:     provider.Tracer(scope, trace.WithInstrumentationVersion(program.Version)),
	}, nil
}

// Close sends the remaining spans, for at most a few seconds. Call it after everything
// that is traced has ended.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("sending the last traces: %w", err)
	}
	return nil
}

// UseForLibrary logs errors of the OpenTelemetry library, whose error handler is
// process-wide. Only the program itself may call it, never a test.
func UseForLibrary(log *slog.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "traces were not sent", slog.String("error", err.Error()))
	}))
}

// end ends a span with the result of its work.
func end(span trace.Span, err error, attributes ...attribute.KeyValue) {
	span.SetAttributes(attributes...)
	fail(span, err)
	span.End()
}
