//go:build apiserver

package app

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// traceCollector receives spans like a collector.
type traceCollector struct {
	collector.UnimplementedTraceServiceServer

	spans chan *tracev1.Span
}

func (c *traceCollector) Export(
	_ context.Context, request *collector.ExportTraceServiceRequest,
) (*collector.ExportTraceServiceResponse, error) {
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans <- span
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// startCollector returns a collector and its address.
func startCollector(t *testing.T) (c *traceCollector, address string) {
	t.Helper()
	c = &traceCollector{spans: make(chan *tracev1.Span, 10_000)}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, c)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return c, listener.Addr().String()
}

// within returns the names of the spans of a trace, as soon as each of the
// wanted ones exists.
func (c *traceCollector) within(t *testing.T, trace string, wanted ...string) []string {
	t.Helper()
	var names []string
	late := time.After(patience)
	for {
		select {
		case span := <-c.spans:
			if hex.EncodeToString(span.GetTraceId()) == trace {
				names = append(names, span.GetName())
			}
		case <-late:
			t.Fatalf("the trace has only %q", names)
		}
		if !slices.ContainsFunc(wanted, func(name string) bool { return !slices.Contains(names, name) }) {
			return names
		}
	}
}

func TestTracing_creationIsOneTraceFromTheClientToTheAPIServer(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	spans, address := startCollector(t)
	p := start(t, env.Config, env.Namespace(t), func(o *Options) {
		o.Tracing.Endpoint, o.Tracing.Insecure, o.Tracing.SampleRatio = address, true, 0
	})
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.app.REST().Addr().String()+"/api/task_runs/",
			strings.NewReader(`{"task_key":"traced","dynamic_key":"0"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode == http.StatusCreated {
			break
		}
		if answer.StatusCode != http.StatusServiceUnavailable { // the store is not ready yet
			t.Fatalf("status %d", answer.StatusCode)
		}
	}
	spans.within(t, trace, "POST /task_runs/", "POST /apis/taskrun.dev/v1alpha1/namespaces/{namespace}/taskruns")
}

func TestTracing_lastSpansAreSentBeforeTheProgramEnds(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	spans, address := startCollector(t)
	p := start(t, env.Config, env.Namespace(t), func(o *Options) {
		o.Tracing.Endpoint, o.Tracing.Insecure, o.Tracing.SampleRatio = address, true, 1
	})
	answer, err := http.Get("http://" + p.app.REST().Addr().String() + "/api/hello")
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	p.stop()
	for {
		select {
		case span := <-spans.spans:
			if span.GetName() == "GET /hello" {
				return
			}
		default:
			t.Fatal("the program has ended, and its span was not sent")
		}
	}
}
