//go:build apiserver

package walkthrough

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

func TestRun_runsSurviveARestart(t *testing.T) {
	t.Parallel()
	p, at := buildProgram(t), newPlace(t)
	first := p.launch(t, at)
	first.await(t, up)
	const id = "11111111-2222-4333-8444-555555555555"
	if code := call(t, http.MethodPost, at, "/task_runs/", `{"id":"`+id+`","task_key":"k","dynamic_key":"0"}`); code != http.StatusCreated {
		t.Fatalf("creating a run: status %d", code)
	}
	if code := first.stop(t, os.Interrupt); code != 0 {
		t.Errorf("after Ctrl-C the exit code is %d, want 0", code)
	}
	nothingLeft(t, at)

	second := p.launch(t, at)
	second.await(t, up)
	if code := call(t, http.MethodGet, at, "/task_runs/"+id, ""); code != http.StatusOK {
		t.Errorf("reading yesterday's run: status %d, want 200", code)
	}
	if code := second.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("after SIGTERM the exit code is %d, want 0", code)
	}
	nothingLeft(t, at)
}

func TestRun_killedOneDoesNotBlockTheNext(t *testing.T) {
	t.Parallel()
	p, at := buildProgram(t), newPlace(t)
	first := p.launch(t, at)
	first.await(t, up)
	first.stop(t, syscall.SIGKILL)
	second := p.launch(t, at)
	second.await(t, up)
	if code := second.stop(t, os.Interrupt); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	nothingLeft(t, at)
}

func TestRun_secondOneOnTheSameDataIsRejectedInOneLine(t *testing.T) {
	t.Parallel()
	p, at := buildProgram(t), newPlace(t)
	unlock, err := controlplane.Lock(at.data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unlock() }()
	refused(t, p.launch(t, at), `^make run: the data folder .* is in use by process \d+.*make run DATA=`)
}

func TestRun_busyPortIsReportedInOneLine(t *testing.T) {
	t.Parallel()
	p := buildProgram(t)
	tests := map[string]struct {
		port func(place) string
		want string
	}{
		"of REST": {
			port: func(at place) string { return at.restAddress }, want: `of REST is in use.*REST_ADDRESS=127\.0\.0\.1:\d+`,
		},
		"of etcd": {
			port: func(at place) string { return address(at.etcdPort) }, want: `of etcd is in use.*ETCD_PORT=\d+`,
		},
		"of kube-apiserver": {
			port: func(at place) string { return address(at.apiServer) }, want: `of kube-apiserver is in use.*APISERVER_PORT=\d+`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := newPlace(t)
			var config net.ListenConfig
			l, err := config.Listen(t.Context(), "tcp", tt.port(at))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			refused(t, p.launch(t, at), `^make run: port \d+ `+tt.want)
			nothingLeft(t, at)
		})
	}
}

// refused expects an exit code of 1, a last line like this, and otherwise only the ordinary lines.
func refused(t *testing.T, r *running, pattern string) {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	r.await(t, "make run: ")
	printed := strings.Split(strings.TrimSpace(r.output.text()), "\n")
	if last := printed[len(printed)-1]; !regexp.MustCompile(pattern).MatchString(last) {
		t.Errorf("the last line is %q, want it like %s", last, pattern)
	}
	if len(printed) > 2 {
		t.Errorf("it printed %d lines, want one, or two with the one that says it starts:\n%s", len(printed), strings.Join(printed, "\n"))
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// call sends one request to the API and returns the status.
func call(t *testing.T, method string, at place, path, body string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+at.restAddress+"/api"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

// nothingLeft checks that no process of the stack is running.
func nothingLeft(t *testing.T, at place) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(at.data, "*.pid")); len(left) > 0 {
		t.Errorf("pid files are left: %q", left)
	}
	commandLines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commandLines {
		// A process may end during the check.
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), at.data) {
			t.Errorf("left behind: %s", strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
}

// Metrics and health checks are off by default, as docs/observability.md describes.
func TestRun_servesMetricsAndHealthOnRequest(t *testing.T) {
	t.Parallel()
	p, at := buildProgram(t), newPlace(t)
	ports := make([]int, 2)
	for i := range ports {
		var err error
		if ports[i], err = controlplane.FreePort(); err != nil {
			t.Fatal(err)
		}
	}
	p.launch(t, at, "--", "--metrics-bind-address="+address(ports[0]), "--health-bind-address="+address(ports[1])).await(t, up)
	for i, path := range []string{"/metrics", "/readyz"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address(ports[i])+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
	}
}
