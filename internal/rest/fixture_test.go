package rest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
	"github.com/taskrun-dev/taskrun-operator/test/openapidocument"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

// Ids that tests use.
const (
	idKnown   = sample.IDKnown
	idOther   = sample.IDOther
	idUnknown = sample.IDUnknown
	idFlowRun = sample.IDFlowRun
)

var noon = sample.Noon

// served is one counted request.
type served struct {
	method, route string
	code          int
}

type counter struct {
	mu       sync.Mutex
	seen     []served
	rejected []string // reasons
	underWay atomic.Int64
}

func (c *counter) RequestServed(method, route string, code int, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, served{method, route, code})
}

func (c *counter) RequestBegan() { c.underWay.Add(1) }
func (c *counter) RequestEnded() { c.underWay.Add(-1) }

func (c *counter) RequestRejected(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rejected = append(c.rejected, reason)
}

// lockedBuffer collects log lines from concurrent goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fixture is a server on an in-memory store.
type fixture struct {
	server  *Server
	store   *memory.Store
	flows   *memory.Flows
	clock   *testingclock.FakeClock
	log     *lockedBuffer
	metrics *counter
}

// change modifies the dependencies of a fixture.
type change func(*Options, *Dependencies)

func newFixture(t *testing.T, changes ...change) *fixture {
	t.Helper()
	f := &fixture{store: memory.New(), flows: memory.NewFlows(), clock: testingclock.NewFakeClock(noon), log: &lockedBuffer{}, metrics: &counter{}}
	options := DefaultOptions()
	options.BindAddress = "127.0.0.1:0"
	options.AllowedHosts = []string{"example.test", "inside.example", "example.com", "a", "h"}
	deps := Dependencies{
		Tenant: Tenant{
			Runs:  usecase.New(usecase.Options{Namespace: "default", Store: f.store, Clock: f.clock}),
			Flows: newFlows("default", f.flows, f.store, f.clock),
		},
		Namespace: "default",
		Clock:     f.clock, Log: slog.New(slog.NewTextHandler(f.log, nil)), Metrics: f.metrics,
	}
	for _, change := range changes {
		change(&options, &deps)
	}
	server, err := New(options, deps)
	if err != nil {
		t.Fatal(err)
	}
	f.server = server
	return f
}

// newFlows returns the use cases of flows over stores in memory.
func newFlows(namespace string, flowRuns flowrun.Store, runs taskrun.Store, clock clock.PassiveClock) Flows {
	service := usecase.New(usecase.Options{Namespace: namespace, Store: runs, Clock: clock})
	return flows.New(flows.Options{Namespace: namespace, Store: flowRuns, TaskRuns: flows.NewTaskRuns(runs, service), Clock: clock})
}

// withoutFlows makes a server that does not keep flows.
func withoutFlows(_ *Options, d *Dependencies) { d.Flows = nil }

// debugLog has a server log everything there.
func debugLog(to *lockedBuffer) change {
	return func(_ *Options, d *Dependencies) {
		d.Log = slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// ask sends a request. header is name, value, name, value. The request and the
// response must conform to the document in every test.
func (f *fixture) ask(t *testing.T, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "http://example.test/api"+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	_, err := f.document(t).Check(t.Context(), &openapidocument.Exchange{
		Request: r, Sent: []byte(body), Status: w.Code, Header: w.Header(), Answer: w.Body.Bytes(),
	})
	if err != nil {
		t.Errorf("%v\nsent: %s", err, body)
	}
	return w
}

// documents holds the documents of all fixtures, by base path and whether there
// are limits.
var documents sync.Map

// document is the OpenAPI document of the server.
func (f *fixture) document(t *testing.T) *openapidocument.Document {
	t.Helper()
	base := f.server.options.BasePath
	key := base + strconv.FormatBool(f.server.home.Limits != nil) + strconv.FormatBool(f.server.home.Flows != nil)
	if document, known := documents.Load(key); known {
		return document.(*openapidocument.Document) //nolint:errcheck,forcetypeassert // the map has no other values
	}
	text, err := f.server.document.JSON(base)
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapidocument.Load(t.Context(), text, base)
	if err != nil {
		t.Fatal(err)
	}
	documents.Store(key, document)
	return document
}

// must is ask that requires a status.
func (f *fixture) must(t *testing.T, status int, method, path, body string) string {
	t.Helper()
	w := f.ask(t, method, path, body)
	if w.Code != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	return w.Body.String()
}

// create creates the known run.
func (f *fixture) create(t *testing.T) {
	t.Helper()
	f.must(t, http.StatusCreated, http.MethodPost, "/task_runs/",
		`{"id":"`+idKnown+`","name":"calm-otter","task_key":"add-1a2b3c4d","dynamic_key":"0"}`)
}

// idFlow is the flow of the known flow run.
const idFlow = "0198a1b2-0000-7000-8000-0000000000f2"

// createFlows makes a flow, the known flow run, and a flow with the id of that run.
func (f *fixture) createFlows(t *testing.T) {
	t.Helper()
	for _, flow := range []*flowrun.Flow{{ID: idFlow, Name: "etl"}, {ID: idKnown, Name: "known"}} {
		flow.Created, flow.Updated, flow.Tags = noon, noon, []string{}
		if _, err := f.flows.CreateFlow(t.Context(), flow); err != nil {
			t.Fatal(err)
		}
	}
	run := flowrun.Begin(flowrun.Run{
		ID: idKnown, Created: noon, Updated: noon, FlowID: idFlow, Editable: flowrun.Editable{Name: "calm-otter"},
	}, orchestration.State{ID: idOther, Type: orchestration.Pending, Name: "Pending", Timestamp: noon})
	if _, err := f.flows.Create(t.Context(), &run); err != nil {
		t.Fatal(err)
	}
}

// brokenRuns does nothing but what a test says.
type brokenRuns struct {
	Runs
	get func(ctx context.Context, id string) (*taskrun.Run, error)
}

func (b brokenRuns) Get(ctx context.Context, id string) (*taskrun.Run, error) { return b.get(ctx, id) }
