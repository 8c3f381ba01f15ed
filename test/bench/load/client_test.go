package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func clientOf(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client := NewClient(server.URL+"/api", 1)
	t.Cleanup(client.Close)
	return client
}

func TestCycle_sendsTheRequestsOfThePrefectClient(t *testing.T) {
	t.Parallel()
	var got []string
	client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var sent struct {
			State struct{ Type, Name string }
			Tags  []string
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Errorf("the body is no JSON: %v", err)
		}
		got = append(got, fmt.Sprint(r.Method, " ", r.URL.Path, " ", sent.State, " ", sent.Tags))
		_, _ = io.WriteString(w, `{"id":"some-id","status":"ACCEPT"}`)
	})
	if err := client.Cycle(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /api/task_runs/ {PENDING Pending} [bench]",
		"POST /api/task_runs/some-id/set_state {RUNNING Running} []",
		"POST /api/task_runs/some-id/set_state {COMPLETED Completed} []",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFlowCycle_sendsTheRequestsOfThePrefectClient(t *testing.T) {
	t.Parallel()
	var got []string
	client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var sent struct {
			FlowID string `json:"flow_id"`
			State  struct{ Type string }
		}
		if err := json.Unmarshal(body, &sent); len(body) > 0 && err != nil {
			t.Errorf("the body is not JSON: %v", err)
		}
		got = append(got, strings.TrimSpace(fmt.Sprint(r.Method, " ", r.URL.Path, " ", sent.FlowID, sent.State.Type)))
		_, _ = io.WriteString(w, `{"id":"some-id","status":"ACCEPT"}`)
	})
	if err := client.FlowCycle(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /api/flows/", "POST /api/flow_runs/ some-idPENDING", "POST /api/flow_runs/some-id/set_state RUNNING",
		"GET /api/flow_runs/some-id", "POST /api/flow_runs/some-id/set_state COMPLETED",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSetState_unacceptedStateIsAnError(t *testing.T) {
	t.Parallel()
	client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"ABORT"}`) })
	if err := client.SetState(t.Context(), "id", Running); err == nil || !strings.Contains(err.Error(), "ABORT") {
		t.Errorf("got %v, want an error that says ABORT", err)
	}
}

func TestClient_retriesUnavailableServerOnlyIfPatient(t *testing.T) {
	t.Parallel()
	calls := 0
	client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls%3 != 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	var status *StatusError
	if err := client.Read(t.Context(), "id"); !errors.As(err, &status) || status.Status != http.StatusServiceUnavailable {
		t.Errorf("got %v, want the status 503", err)
	}
	calls = 0
	client.Patient = true
	if err := client.Read(t.Context(), "id"); err != nil || client.Retried.Load() != 2 {
		t.Errorf("got %v with %d sent again, want no error and 2", err, client.Retried.Load())
	}
}

func TestServed_separatesMissingRoutesFromFailures(t *testing.T) {
	t.Parallel()
	statuses := map[string]int{"/api/there": 200, "/api/missing": 404, "/api/other": 405, "/api/broken": 500}
	client := clientOf(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(statuses[r.URL.Path]) })
	there, missing, other := Query{Path: "/there"}, Query{Path: "/missing"}, Query{Path: "/other"}
	gotServed, gotMissing, err := Served(t.Context(), client, []Query{there, missing, other})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]Query{{there}, {missing, other}}, [][]Query{gotServed, gotMissing}); diff != "" {
		t.Error(diff)
	}
	if _, _, err := Served(t.Context(), client, []Query{{Path: "/broken"}}); err == nil {
		t.Error("a server that fails is no error")
	}
}

func TestIDs_readsPageByPage(t *testing.T) {
	t.Parallel()
	const there = 450
	client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		var page struct{ Limit, Offset int }
		if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
			t.Error(err)
		}
		rows := []map[string]string{}
		for i := page.Offset; i < min(there, page.Offset+page.Limit); i++ {
			rows = append(rows, map[string]string{"id": strconv.Itoa(i)})
		}
		_ = json.NewEncoder(w).Encode(rows)
	})
	for most, want := range map[int]int{300: 300, 1000: there} {
		ids, err := client.IDs(t.Context(), most)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) != want || ids[want-1] != strconv.Itoa(want-1) {
			t.Errorf("of %d asked for there are %d, want %d in order", most, len(ids), want)
		}
	}
}

func TestQueries_areJSONWithDistinctNames(t *testing.T) {
	t.Parallel()
	for _, flowRuns := range []bool{false, true} {
		names := map[string]bool{}
		for _, q := range Queries(flowRuns) {
			if !json.Valid([]byte(q.Body)) {
				t.Errorf("%s: the body is no JSON: %s", q.Name, q.Body)
			}
			if names[q.Name] {
				t.Errorf("there are two queries called %q", q.Name)
			}
			names[q.Name] = true
			if !flowRuns && strings.Contains(q.Body, "flow_run_id") {
				t.Errorf("%s asks for a flow run", q.Name)
			}
		}
	}
}
