//go:build apiserver

package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kuberest "k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// url returns the URL of the program's REST endpoint.
func (p *program) url() string { return "http://" + p.app.REST().Addr().String() + "/api" }

// call sends a request and returns the status and the body.
func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// createOverREST creates a run with this dynamic key and returns its id.
func createOverREST(t *testing.T, p *program, key string) string {
	t.Helper()
	status, body := call(t, http.MethodPost, p.url()+"/task_runs/", `{"task_key":"hello","dynamic_key":"`+key+`"}`)
	var run struct{ ID string }
	if err := json.Unmarshal([]byte(body), &run); status != http.StatusCreated || err != nil || run.ID == "" {
		t.Fatalf("creating a run: %d %s", status, body)
	}
	return run.ID
}

func setState(t *testing.T, p *program, id, kind string) {
	t.Helper()
	status, body := call(t, http.MethodPost, p.url()+"/task_runs/"+id+"/set_state", `{"state":{"type":"`+kind+`"}}`)
	if status != http.StatusCreated && status != http.StatusOK || !strings.Contains(body, `"ACCEPT"`) {
		t.Fatalf("setting %s: %d %s", kind, status, body)
	}
}

func TestKubectlAndREST_changeTheSameRun(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, nil)
	id := createOverREST(t, p, "1")
	c.await(t, id, "is PENDING", inState("PENDING"))
	setState(t, p, id, "RUNNING")
	c.await(t, id, "is RUNNING", inState("RUNNING"))
	c.proposed(t, id, "CANCELLED")
	eventually(t, "REST shows what kubectl did", func() bool {
		_, body := call(t, http.MethodGet, p.url()+"/task_runs/"+id, "")
		return strings.Contains(body, `"state_type":"CANCELLED"`)
	}, func() {})
	if status, body := call(t, http.MethodDelete, p.url()+"/task_runs/"+id, ""); status != http.StatusNoContent {
		t.Errorf("deleting: %d %s", status, body)
	}
	if run := c.get(t, id); run != nil {
		t.Errorf("the object is still there: %+v", run)
	}
}

// writes counts the requests that change TaskRuns.
type writes struct {
	next  http.RoundTripper
	count *atomic.Int64
}

func (w writes) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/taskruns") {
		w.count.Add(1)
	}
	return w.next.RoundTrip(r)
}

func TestREST_aLifeCycleIsThreeWrites(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	config, count := kuberest.CopyConfig(env.Config), &atomic.Int64{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return writes{next: next, count: count} })
	const delay = 10 * time.Second // longer than the run takes on any machine
	p := start(t, config, c.namespace, func(o *Options) { o.Controller.StatusWriteDelay = delay })
	id := createOverREST(t, p, "1")
	setState(t, p, id, "RUNNING")
	setState(t, p, id, "COMPLETED")
	made := c.await(t, id, "is COMPLETED", inState("COMPLETED"))
	// After this, the controller does not reconcile the run again.
	eventually(t, "the status write delay has passed", func() bool {
		return time.Since(made.CreationTimestamp.Time) > delay+2*time.Second
	}, func() {})
	if got := count.Load(); got != 3 {
		t.Errorf("%d writes, want 3: create, RUNNING, COMPLETED", got)
	}
}

func TestProbes_reportTheState(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	health, metrics := freeAddress(t), freeAddress(t)
	p := start(t, env.Config, c.namespace, func(o *Options) {
		o.Manager.HealthAddress, o.Manager.MetricsAddress = health, metrics
	})
	answers := func(url string, want int) func() bool {
		return func() bool { status, _ := call(t, http.MethodGet, url, ""); return status == want }
	}
	ready := "http://" + health + "/readyz"
	eventually(t, "the program is ready", answers(ready, http.StatusOK), func() {})
	createOverREST(t, p, "1")
	_, exposed := call(t, http.MethodGet, "http://"+metrics+"/metrics", "")
	for _, line := range []string{
		`taskrun_transitions_total{from="NONE",source="rest",to="PENDING",verdict="ACCEPT"} `,
		`taskrun_rest_request_duration_seconds_count{code="201",method="POST",route="/task_runs/"} `,
		`taskrun_build_info{`,
		`controller_runtime_reconcile_total{controller="taskrun-controller",`,
	} {
		if !strings.Contains(exposed, line) {
			t.Errorf("metrics lack %s", line)
		}
	}

	env.StopAPIServer(t)
	eventually(t, "the program is not ready", answers(ready, http.StatusInternalServerError), func() {})
	if status, _ := call(t, http.MethodGet, "http://"+health+"/healthz", ""); status != http.StatusOK {
		t.Errorf("/healthz = %d while the API server is gone, want 200: a restart would not help", status)
	}
	if status, body := call(t, http.MethodGet, p.url()+"/ready", ""); status != http.StatusServiceUnavailable {
		t.Errorf("/api/ready = %d %s while the API server is gone, want 503", status, body)
	}
	env.StartAPIServer(t)
	eventually(t, "the program is ready again", answers(ready, http.StatusOK), func() {})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := controlplane.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func TestStart_clusterWithoutCRDIsOneLineWithTheCommand(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	crd.SetName("taskruns.taskrun.dev")
	if err := newCluster(t, env.Config, "default").Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	// The program would start while the API server still serves the kind.
	eventually(t, "the kind is gone", func() bool { return checkCluster(t.Context(), env.Config) != nil }, func() {})
	err := RunEmbedded(t.Context(), []string{"--kubeconfig", env.Kubeconfig(t)}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), installCommand) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one line with the command %q", err, installCommand)
	}
}

func TestStart_busyAddressesAreOneLineWithTheFlag(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	kubeconfig, namespace := env.Kubeconfig(t), env.Namespace(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	flags := []string{"--rest-bind-address", "--metrics-bind-address", "--health-bind-address"}
	for _, busy := range flags {
		t.Run(busy, func(t *testing.T) {
			args := []string{"--kubeconfig", kubeconfig, "--namespace", namespace, "--watch-namespaces", namespace}
			for _, name := range flags {
				address := "127.0.0.1:0"
				if name == busy {
					address = taken.Addr().String()
				}
				args = append(args, name, address)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := RunEmbedded(ctx, args, &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), busy) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error = %v, want one line naming %s", err, busy)
			}
		})
	}
}
