//go:build apiserver

package app

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// outage is the duration of the outage.
const outage = 20 * time.Second

// TestREST_outageLosesNoRun creates and changes runs continuously during an
// outage of the API server.
func TestREST_outageLosesNoRun(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, nil)
	before := createOverREST(t, p, "1")
	stop := make(chan struct{})
	var clients sync.WaitGroup
	acknowledged := make([][]string, 4)
	for i := range acknowledged {
		clients.Go(func() { acknowledged[i] = createWithoutPause(t, stop, p, i) })
	}
	env.StopAPIServer(t)
	wantUnavailable(t, http.MethodPost, p.url()+"/task_runs/", `{"task_key":"k","dynamic_key":"during"}`)
	wantUnavailable(t, http.MethodGet, p.url()+"/ready", "")
	<-time.After(outage)
	env.StartAPIServer(t)
	eventually(t, "REST is ready again", func() bool {
		status, _ := call(t, http.MethodGet, p.url()+"/ready", "")
		return status == http.StatusOK
	}, func() {})
	setState(t, p, before, "RUNNING")
	close(stop)
	clients.Wait()

	all := []string{before}
	for _, ids := range acknowledged {
		all = append(all, ids...)
	}
	t.Logf("%d runs were acknowledged over the outage", len(all))
	for _, id := range all {
		if c.get(t, id) == nil {
			t.Errorf("run %s was acknowledged and is gone", id)
		}
	}
}

// createWithoutPause creates runs until it is stopped, and returns the ids of
// those with a response of 201. Any other response must be a 503.
func createWithoutPause(t *testing.T, stop <-chan struct{}, p *program, client int) []string {
	t.Helper()
	var ids []string
	for i := 0; ; i++ {
		select {
		case <-stop:
			return ids
		default:
		}
		key := strconv.Itoa(client) + "-" + strconv.Itoa(i)
		status, body := call(t, http.MethodPost, p.url()+"/task_runs/", `{"task_key":"k","dynamic_key":"`+key+`"}`)
		var run struct {
			ID string `json:"id"`
		}
		switch {
		case status == http.StatusCreated && json.Unmarshal([]byte(body), &run) == nil:
			ids = append(ids, run.ID)
		case status != http.StatusServiceUnavailable:
			t.Errorf("creating %s: status %d, body %s", key, status, body)
		}
	}
}

// wantUnavailable requires the response after which a Prefect client retries.
func wantUnavailable(t *testing.T, method, url, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusServiceUnavailable || (method == http.MethodPost && response.Header.Get("Retry-After") == "") {
		t.Errorf("%s %s without an API server: status %d, Retry-After %q, want 503 with a time",
			method, url, response.StatusCode, response.Header.Get("Retry-After"))
	}
}
