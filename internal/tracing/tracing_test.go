package tracing

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// recorded returns a Tracing, and the exporter that records its spans.
func recorded(t *testing.T, ratio float64) (*Tracing, *tracetest.InMemoryExporter) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	traces, err := newTracing(t.Context(), Options{SampleRatio: ratio}, Program{Version: "v1", Instance: "pod-0"},
		sdktrace.NewSimpleSpanProcessor(exporter))
	if err != nil {
		t.Fatal(err)
	}
	return traces, exporter
}

// attributes returns the attributes of a span without those of the resource.
func attributes(span *tracetest.SpanStub) map[string]string {
	all := map[string]string{}
	for _, attr := range span.Attributes {
		all[string(attr.Key)] = attr.Value.String()
	}
	return all
}

// byName returns the span with a name.
func byName(t *testing.T, exporter *tracetest.InMemoryExporter, name string) *tracetest.SpanStub {
	t.Helper()
	var names []string
	for _, span := range exporter.GetSpans() {
		if span.Name == name {
			return &span
		}
		names = append(names, span.Name)
	}
	t.Fatalf("no span %q, only %q", name, names)
	return nil
}

// apiServer responds to every call and records the trace context of each.
func apiServer(t *testing.T) (url string, asked func() []string) {
	t.Helper()
	var contexts []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		contexts = append(contexts, r.Header.Get("Traceparent"))
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string { return contexts }
}

// call calls the API server.
func call(ctx context.Context, t *testing.T, client *http.Client, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

const runPath = "/apis/taskrun.dev/v1alpha1/namespaces/default/taskruns/one/status"

func TestRequest_isInTheTraceOfTheClientWithItsCalls(t *testing.T) {
	t.Parallel()
	traces, exporter := recorded(t, 0) // traces that begin here are not sampled
	url, asked := apiServer(t)
	client := &http.Client{Transport: traces.Transport(http.DefaultTransport)}
	var log bytes.Buffer
	logger := slog.New(traces.LogHandler(slog.NewTextHandler(&log, nil))).With("a", "b")
	handler := traces.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call(r.Context(), t, client, url+runPath)
		traces.Routed(r.Context(), http.MethodPost, "/task_runs/{id}/set_state")
		logger.LogAttrs(r.Context(), slog.LevelInfo, "request")
		w.WriteHeader(http.StatusCreated)
	}))
	const trace = "0af7651916cd43dd8448eb211c80319c"
	request := httptest.NewRequestWithContext(traces.Trust(t.Context()), http.MethodPost, "/api/task_runs/one/set_state", strings.NewReader("{}"))
	request.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	handler.ServeHTTP(httptest.NewRecorder(), request)

	served, called := byName(t, exporter, "POST /task_runs/{id}/set_state"),
		byName(t, exporter, "PATCH /apis/taskrun.dev/v1alpha1/namespaces/{namespace}/taskruns/{name}/status")
	if served.SpanContext.TraceID().String() != trace || served.Parent.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("the request is in trace %s under %s, want the client's", served.SpanContext.TraceID(), served.Parent.SpanID())
	}
	if called.Parent.SpanID() != served.SpanContext.SpanID() || called.SpanContext.TraceID() != served.SpanContext.TraceID() {
		t.Errorf("the call is under %s, want it under the request, %s", called.Parent.SpanID(), served.SpanContext.SpanID())
	}
	want := "00-" + trace + "-" + called.SpanContext.SpanID().String() + "-01"
	if diff := cmp.Diff([]string{want}, asked()); diff != "" {
		t.Errorf("what the API server was told (-want +got):\n%s", diff)
	}
	got := attributes(served)
	if got["http.route"] != "/task_runs/{id}/set_state" || got["http.response.status_code"] != "201" || got["http.request.method"] != "POST" {
		t.Errorf("attributes of the request: %v", got)
	}
	if got := attributes(called); got["url.template"] == "" || got["http.response.status_code"] != "200" {
		t.Errorf("attributes of the call: %v", got)
	}
	if line := log.String(); !strings.Contains(line, "a=b trace_id="+trace+" span_id="+served.SpanContext.SpanID().String()) {
		t.Errorf("log line %q, want the ids of trace and span", line)
	}
}

func TestRequest_unsampledTraceOfAClientIsNotSent(t *testing.T) {
	t.Parallel()
	traces, exporter := recorded(t, 1)
	var log bytes.Buffer
	logger := slog.New(traces.LogHandler(slog.NewTextHandler(&log, nil)))
	handler := traces.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		logger.LogAttrs(r.Context(), slog.LevelInfo, "request")
	}))
	request := httptest.NewRequestWithContext(traces.Trust(t.Context()), http.MethodGet, "/api/health", http.NoBody)
	request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	if spans := exporter.GetSpans(); len(spans) > 0 || strings.Contains(log.String(), logTrace) {
		t.Errorf("%d spans and the line %q, want nothing of a trace", len(spans), log.String())
	}
}

func TestRequest_traceOfAnUnidentifiedCallerIsIgnored(t *testing.T) {
	t.Parallel()
	const trace = "0af7651916cd43dd8448eb211c80319c"
	for flags, ratio := range map[string]float64{"-01": 0, "-00": 1} { // sampled, and not sampled
		traces, exporter := recorded(t, ratio)
		handler := traces.Handler(http.NotFoundHandler())
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/version", http.NoBody)
		request.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331"+flags)
		request.Header.Set("Tracestate", "a=b")
		handler.ServeHTTP(httptest.NewRecorder(), request)
		spans := exporter.GetSpans()
		if len(spans) != int(ratio) {
			t.Errorf("%d spans were sent, want those of the ratio %v", len(spans), ratio)
		}
		for _, span := range spans {
			if span.Parent.IsValid() || span.SpanContext.TraceID().String() == trace || len(span.Links) > 0 || span.SpanContext.TraceState().Len() > 0 {
				t.Errorf("the span is in trace %s under %s, want one of its own", span.SpanContext.TraceID(), span.Parent.SpanID())
			}
		}
	}
}

func TestCalls_withoutATraceHaveNoSpan(t *testing.T) {
	t.Parallel()
	traces, exporter := recorded(t, 1)
	url, asked := apiServer(t)
	call(t.Context(), t, &http.Client{Transport: traces.Transport(http.DefaultTransport)}, url+runPath)
	socket := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/events/in", http.NoBody)
	socket.Header.Set("Upgrade", "WebSocket")
	answered := false
	traces.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { answered = true })).
		ServeHTTP(httptest.NewRecorder(), socket)
	if spans := exporter.GetSpans(); len(spans) > 0 || !answered || asked()[0] != "" {
		t.Errorf("%d spans, socket answered: %t, API server told %q; want no trace", len(spans), answered, asked())
	}
}

func TestRequest_withoutARouteIsNamedByItsMethod(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{"GET": "GET", "BREW": "HTTP"} {
		traces, exporter := recorded(t, 1)
		request := httptest.NewRequestWithContext(t.Context(), method, "/nowhere/1234", http.NoBody)
		traces.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), request)
		byName(t, exporter, want)
	}
}

type brokenEvents struct{ err error }

func (b brokenEvents) Record(_ context.Context, events []taskrun.Event, refused func(taskrun.Event, error)) error {
	refused(events[0], errors.New("late"))
	return b.err
}

func TestReconciliationsAndBatches_haveSpansWithErrors(t *testing.T) {
	t.Parallel()
	traces, exporter := recorded(t, 1)
	broken := errors.New("gone")
	failing := reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
		return reconcile.Result{}, broken
	})
	request := reconcile.Request{}
	request.Namespace, request.Name = "default", "one"
	if _, err := traces.Reconciler(failing).Reconcile(t.Context(), request); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the reconciler", err)
	}
	heard := 0
	err := traces.Events(brokenEvents{broken}).Record(t.Context(), make([]taskrun.Event, 2), func(taskrun.Event, error) { heard++ })
	if !errors.Is(err, broken) || heard != 1 {
		t.Errorf("error %v and %d refusals, want those of the use case", err, heard)
	}
	reconciled, batch := byName(t, exporter, "reconcile TaskRun"), byName(t, exporter, "record events")
	if got := attributes(reconciled); got["k8s.namespace.name"] != "default" || got["taskrun.name"] != "one" {
		t.Errorf("attributes of the reconciliation: %v", got)
	}
	if got := attributes(batch); got["messaging.batch.message_count"] != "2" || got["taskrun.events.refused"] != "1" {
		t.Errorf("attributes of the batch: %v", got)
	}
	for _, span := range []*tracetest.SpanStub{reconciled, batch} {
		if span.Status.Code != codes.Error || span.Status.Description != "gone" {
			t.Errorf("status of %q: %v, want the error", span.Name, span.Status)
		}
	}
	if name, _ := reconciled.Resource.Set().Value("service.instance.id"); name != attribute.StringValue("pod-0") {
		t.Errorf("instance %q, want pod-0", name.String())
	}
}

func TestTracing_disabledWrapsNothing(t *testing.T) {
	t.Parallel()
	off, err := New(t.Context(), DefaultOptions(), Program{})
	if err != nil || off != nil {
		t.Fatalf("tracing without an endpoint: %v, error %v; want none", off, err)
	}
	mux, transport, log, events := http.NewServeMux(), &http.Transport{}, slog.DiscardHandler, &brokenEvents{}
	reconciler := &struct{ reconcile.Reconciler }{}
	off.Routed(t.Context(), "GET", "/")
	if off.Handler(mux) != http.Handler(mux) || off.Transport(transport) != http.RoundTripper(transport) ||
		off.Trust(t.Context()) != t.Context() || off.LogHandler(log) != log || off.Events(events) != taskrun.EventRecorder(events) ||
		off.Reconciler(reconciler) != reconcile.Reconciler(reconciler) || off.Close(t.Context()) != nil {
		t.Error("something was wrapped though there are no traces")
	}
}

func TestTemplate_hasFewPatterns(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/apis/taskrun.dev/v1alpha1/taskruns":                "/apis/taskrun.dev/v1alpha1/taskruns",
		"/apis/taskrun.dev/v1alpha1/namespaces/a/taskruns":   "/apis/taskrun.dev/v1alpha1/namespaces/{namespace}/taskruns",
		"/apis/taskrun.dev/v1alpha1/namespaces/a/taskruns/b": "/apis/taskrun.dev/v1alpha1/namespaces/{namespace}/taskruns/{name}",
		runPath:                             "/apis/taskrun.dev/v1alpha1/namespaces/{namespace}/taskruns/{name}/status",
		"/api/v1/namespaces/a/configmaps/b": "/api/v1/namespaces/{namespace}/configmaps/{name}",
		"/api/v1/namespaces/a":              "/api/v1/namespaces/{name}",
		"/apis/authentication.k8s.io/v1/tokenreviews": "/apis/authentication.k8s.io/v1/tokenreviews",
		"/version": "/version",
		"/":        "/",
		"/apis":    "/apis",
	} {
		if got := template(path); got != want {
			t.Errorf("template(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestOptions_errorNamesTheFlag(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string // what the error names; empty: none
	}{
		"off by default":                 {},
		"a collector with every option":  {args: []string{"-traces-endpoint=c:4317", "-traces-sample-ratio=1", "-traces-insecure"}},
		"a collector on an IPv6 address": {args: []string{"-traces-endpoint=[::1]:4317"}},
		"a collector without a port":     {args: []string{"-traces-endpoint=c"}, want: "--traces-endpoint"},
		"a collector with an empty port": {args: []string{"-traces-endpoint=c:"}, want: "--traces-endpoint"},
		"a collector as a URL":           {args: []string{"-traces-endpoint=http://c:4317"}, want: "--traces-endpoint"},
		"more than 1":                    {args: []string{"-traces-sample-ratio=1.5"}, want: "--traces-sample-ratio"},
		"less than 0":                    {args: []string{"-traces-sample-ratio=-0.1"}, want: "--traces-sample-ratio"},
		"a ratio that is not a number":   {args: []string{"-traces-sample-ratio=NaN"}, want: "--traces-sample-ratio"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := DefaultOptions()
			fs := flag.NewFlagSet("", flag.ContinueOnError)
			o.BindFlags(fs)
			if err := fs.Parse(c.args); err != nil {
				t.Fatal(err)
			}
			err := o.Validate()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that names %q", err, c.want)
			}
		})
	}
}

func TestTracingPage_hasTheOptions(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	o := DefaultOptions()
	o.BindFlags(fs)
	fs.VisitAll(func(f *flag.Flag) {
		if row := fmt.Sprintf("\n| `--%s` | `%s` | ", f.Name, f.DefValue); !strings.Contains(string(page), row) {
			t.Errorf("the page lacks %q", row)
		}
	})
}
