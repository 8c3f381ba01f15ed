// Package tracing tells an OpenTelemetry collector what the program does: a span
// for each REST request, for each batch of events that is made durable, for each
// reconciliation, and below them for each call to the API server. Trace contexts
// go from process to process as the W3C has them (traceparent).
//
// A nil *Tracing is one that is switched off: its methods give back what they
// were given, so nothing is wrapped and nothing costs anything.
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
	// scope is what the spans made here say they come from.
	scope = "github.com/taskrun-dev/taskrun-operator/internal/tracing"
	// serviceName is the program's name among those that send traces.
	serviceName = "taskrun-operator"
	// closeTimeout bounds how long the end of the program waits for a collector.
	closeTimeout = 5 * time.Second
)

// Program says which program sends the traces.
type Program struct {
	Version  string
	Instance string // tells replicas apart; a pod's name
}

// Tracing makes spans and sends them to a collector. It is made by New, and may
// be used from anywhere at once.
type Tracing struct {
	provider   *sdktrace.TracerProvider
	propagator propagation.TextMapPropagator
	tracer     trace.Tracer
	meter      noop.MeterProvider // the program's metrics are Prometheus's
}

// New returns what sends traces where the options say; nil if they name no
// collector. The collector need not be there yet, or ever: what cannot be sent
// is dropped. The environment variables OTEL_EXPORTER_OTLP_* (headers,
// certificates) and OTEL_RESOURCE_ATTRIBUTES count as everywhere.
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

// newTracing returns what hands spans to the processor.
func newTracing(ctx context.Context, o Options, program Program, processor sdktrace.SpanProcessor) (*Tracing, error) {
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			semconv.ServiceName(serviceName), semconv.ServiceVersion(program.Version), semconv.ServiceInstanceID(program.Instance)),
		resource.WithFromEnv(), // last, so that it wins
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

// Close sends what has not been sent yet, but takes no longer than a few
// seconds. It comes after everything that is traced has ended.
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

// UseForLibrary has the OpenTelemetry library, which keeps one such place for
// the whole process, tell of traces that could not be sent as lines of this log.
// Only the program itself may do so, never a test.
func UseForLibrary(log *slog.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "traces were not sent", slog.String("error", err.Error()))
	}))
}

// end ends a span, with what went wrong.
func end(span trace.Span, err error, attributes ...attribute.KeyValue) {
	span.SetAttributes(attributes...)
	fail(span, err)
	span.End()
}
