//go:build apiserver

// Package browser opens pages in a real Chromium that try to use the API without authentication.
package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

//go:embed page.html
var page []byte

// patience is the timeout for a browser to start and to try everything.
const patience = 2 * time.Minute

// api is a REST endpoint without authentication.
type api struct {
	runs    *usecase.Service
	address string // host:port
	port    string
}

func serveAPI(t *testing.T) *api {
	t.Helper()
	runs := usecase.New(usecase.Options{Namespace: "default", Store: memory.NewWithClock(clock.RealClock{}), Clock: clock.RealClock{}})
	server, err := rest.New(rest.DefaultOptions(), rest.Dependencies{
		Tenant: rest.Tenant{Runs: runs, Recorder: runs, Stream: runs}, Namespace: "default", Clock: clock.RealClock{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	address := strings.TrimPrefix(listening.URL, "http://")
	return &api{runs: runs, address: address, port: address[strings.LastIndex(address, ":")+1:]}
}

// names returns the names of the runs that were created.
func (a *api) names(t *testing.T) string {
	t.Helper()
	page, err := a.runs.Query(t.Context(), taskrun.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, run := range page.Runs {
		names = append(names, run.Name)
	}
	return strings.Join(names, ",")
}

// servePage serves the page, and returns its port and a channel with its results.
func servePage(t *testing.T) (port string, results <-chan map[string]string) {
	t.Helper()
	arrived := make(chan map[string]string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	mux.HandleFunc("POST /results", func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var found map[string]string
		if err == nil && json.Unmarshal(text, &found) == nil {
			arrived <- found
		}
	})
	listening := httptest.NewServer(mux)
	t.Cleanup(listening.Close)
	return listening.URL[strings.LastIndex(listening.URL, ":")+1:], arrived
}

// chromium returns a command that opens the address. Names below .test resolve to this machine.
func chromium(ctx context.Context, t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("skipped: no chromium on this machine; install Debian's package chromium")
	}
	profile, err := os.MkdirTemp("", "taskrun-browser-") // Chromium can write to it for a moment after its end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	options := []string{
		"--headless", "--disable-gpu", "--no-first-run", "--no-proxy-server", "--user-data-dir=" + profile,
		"--host-resolver-rules=MAP *.test 127.0.0.1",
	}
	if os.Getuid() == 0 {
		options = append(options, "--no-sandbox") // root cannot use the sandbox
	}
	cmd := exec.CommandContext(ctx, program, append(options, arguments...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// open opens the page under the host name, and returns its results.
func open(t *testing.T, a *api, host string) map[string]string {
	t.Helper()
	port, results := servePage(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := chromium(ctx, t, "http://"+host+":"+port+"/#"+a.address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	select {
	case found := <-results:
		return found
	case <-ctx.Done():
		t.Fatal("the page has not reported in time")
		return nil
	}
}

func succeeded(result string) bool { return result == "open" || strings.HasPrefix(result, "20") }

func TestPage_ofAnotherOriginHasNoAccess(t *testing.T) {
	a := serveAPI(t)
	found := open(t, a, "elsewhere.test")
	for attempt, result := range found {
		if !strings.HasPrefix(result, "failed: ") && !strings.HasSuffix(attempt, "unread") {
			t.Errorf("%s: %s", attempt, result)
		}
	}
	if len(found) == 0 {
		t.Error("the page has tried nothing")
	}
	if names := a.names(t); names != "" {
		t.Errorf("the page has created the runs %s", names)
	}
}

// The same page has access if its origin is allowed, which shows that the other test can fail.
func TestPage_ofALoopbackOriginUsesTheAPI(t *testing.T) {
	a := serveAPI(t)
	got := map[string]bool{}
	for attempt, result := range open(t, a, "localhost") {
		got[attempt] = succeeded(result)
		t.Logf("%s: %s", attempt, result)
	}
	want := map[string]bool{
		"read health": true, "read runs": true, "create, as JSON": true, "events out": true, "events in": true, "subscription": true,
		"read runs, as text": false, "create, as text": false, "create, without a type": false, "read a CSRF token": false,
		"create, response unread": false, "create, without a type, unread": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if names := a.names(t); names != "json" {
		t.Errorf("created the runs %q, want json alone", names)
	}
}

// DNS rebinding: the page's host name resolves to this machine, so the API has the same origin as the
// page.
func TestPage_ofAReboundNameHasNoAccess(t *testing.T) {
	a := serveAPI(t)
	for host, want := range map[string]string{"rebound.test": "--rest-allowed-hosts", "localhost": "true"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		text, err := chromium(ctx, t, "--dump-dom", "http://"+host+":"+a.port+"/api/health").Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s: %s, want %q in it", host, text, want)
		}
	}
}
