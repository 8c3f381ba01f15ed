package compat

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
	"github.com/taskrun-dev/taskrun-operator/test/openapidocument"
)

// Recorded exchanges fit the document: the responses, because the handlers return the same, and the requests that
// a Prefect server accepted.
func TestDocument_fitsRecordedExchanges(t *testing.T) {
	t.Parallel()
	w := watchHandlers(t)
	replayAll(t, target{name: "handlers, with the document", flows: true}, &Player{Base: w.base, Strict: true, Patience: replayPatience})
	t.Cleanup(func() { w.conclude(t) })
}

// watched is a server whose exchanges are checked against its document.
type watched struct {
	base string

	mu     sync.Mutex
	checks map[string]int // by operation
	loose  int            // exchanges without an operation
}

func watchHandlers(t *testing.T) *watched {
	t.Helper()
	handler := newHandler(t, flows.UnknownNotFound)
	document := documentOf(t, handler)
	w := &watched{checks: map[string]int{}}
	listening := httptest.NewServer(document.Watch(handler, func(e *openapidocument.Exchange, operation string, err error) {
		w.count(operation)
		if err != nil {
			t.Errorf("%v\nsent: %s\nanswered: %s", err, cut(string(e.Sent)), cut(string(e.Answer)))
		}
	}))
	t.Cleanup(listening.Close)
	w.base = listening.URL + "/api"
	return w
}

// documentOf returns the server's own OpenAPI document.
func documentOf(t *testing.T, handler http.Handler) *openapidocument.Document {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/api/openapi.json", http.NoBody))
	if answer.Code != http.StatusOK {
		t.Fatalf("status of the document = %d: %s", answer.Code, answer.Body)
	}
	document, err := openapidocument.Load(t.Context(), answer.Body.Bytes(), "/api")
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func (w *watched) count(operation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if operation == "" {
		w.loose++
		return
	}
	w.checks[operation]++
}

// conclude fails the test if an operation was not checked that the recordings should cover.
func (w *watched) conclude(t *testing.T) {
	t.Helper()
	total := 0
	for _, n := range w.checks {
		total += n
	}
	t.Logf("REPORT: OpenAPI document: %d exchanges of %d operations fit; %d belong to none", total, len(w.checks), w.loose)
	for _, operation := range []string{
		"POST /task_runs/", "PATCH /task_runs/{id}", "GET /task_runs/{id}", "DELETE /task_runs/{id}",
		"POST /task_runs/{id}/set_state", "GET /task_run_states/", "GET /task_run_states/{id}",
		"POST /flows/", "GET /flows/name/{name}", "POST /flow_runs/", "PATCH /flow_runs/{id}", "GET /flow_runs/{id}", "POST /flow_runs/{id}/set_state",
		"POST /flow_runs/{id}/resume", "POST /flow_runs/filter", "GET /flow_run_states/", "GET /flow_runs/{id}/input/{key}",
	} {
		if w.checks[operation] == 0 {
			t.Errorf("no exchange of %s was checked", operation)
		}
	}
}
