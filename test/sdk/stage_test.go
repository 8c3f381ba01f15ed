//go:build sdk

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/prefect"
)

var (
	python   = flag.String("python", "python3", "the Python that Prefect is installed for, 3.10 or newer")
	data     = flag.String("data", filepath.Join("..", "..", ".data", "sdk"), "folder in which the installed Prefects are kept")
	which    = flag.String("prefect", "newest", "which Prefect to test with: newest or older")
	operator = flag.String("operator", filepath.Join("..", "..", "bin", "taskrun-operator"), "the operator's binary")
)

// patience is the timeout of every wait: on two busy cores, a Python process takes
// several seconds to start.
const patience = 2 * time.Minute

var (
	programs string // folder of the installed Prefect's Python
	shared   *controlplane.ControlPlane
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := prepareAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sdk:", err)
		code = 1
	}
	os.Exit(code)
}

func prepareAndRun(m *testing.M) (code int, err error) {
	version, known := map[string]prefect.Version{"newest": prefect.Newest, "older": prefect.Older}[*which]
	if !known {
		return 1, fmt.Errorf("-prefect: there is no version %q", *which)
	}
	log.SetLogger(logr.Discard())
	ctx := context.Background()
	folder := filepath.Join(*data, *which)
	programs, err = prefect.Install(ctx, folder, *python, version, func() { fmt.Fprintln(os.Stderr, "installing Prefect into", folder) })
	if err != nil {
		return 1, err
	}
	scratch, err := os.MkdirTemp("", "taskrun-sdk-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	shared, err = startPlane(ctx, scratch)
	if err != nil {
		return 1, err
	}
	defer func() { err = shared.Stop() }()
	return m.Run(), nil
}

func startPlane(ctx context.Context, folder string) (*controlplane.ControlPlane, error) {
	repository, err := controlplane.Repository()
	if err != nil {
		return nil, err
	}
	assets, err := controlplane.Assets(repository)
	if err != nil {
		return nil, err
	}
	plane, err := controlplane.Start(ctx, controlplane.Options{Assets: assets, Data: folder, Durable: true})
	if err != nil {
		return nil, err
	}
	return plane, controlplane.ApplyCRDs(ctx, plane.Config(), filepath.Join(repository, "config", "crd", "bases"))
}

// stage is a new namespace with operators, workers and clients.
type stage struct {
	t         *testing.T
	plane     *controlplane.ControlPlane
	namespace string
	folder    string
	kube      *kubernetes.Clientset

	mu    sync.Mutex
	count int
}

func newStage(t *testing.T, plane *controlplane.ControlPlane) *stage {
	t.Helper()
	s := &stage{t: t, plane: plane, folder: t.TempDir()}
	client, err := kubernetes.NewForConfig(plane.Config())
	if err != nil {
		t.Fatal(err)
	}
	s.kube = client
	made, err := client.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "sdk-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.namespace = made.Name
	if err := plane.WriteKubeconfig(s.path("kubeconfig")); err != nil {
		t.Fatal(err)
	}
	return s
}

// ownPlane returns a control plane that the test can stop.
func ownPlane(t *testing.T) *controlplane.ControlPlane {
	t.Helper()
	plane, err := startPlane(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	return plane
}

func (s *stage) path(name string) string { return filepath.Join(s.folder, name) }

// number returns a unique number for names of processes.
func (s *stage) number() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	return s.count
}

// launch starts a process that ends with the test. Its output is in a file that is
// shown if the test fails.
func (s *stage) launch(name, path string, args ...string) *controlplane.Process {
	s.t.Helper()
	output, err := os.Create(s.path(fmt.Sprint(name, "-", s.number(), ".log")))
	if err != nil {
		s.t.Fatal(err)
	}
	defer output.Close()
	process, err := controlplane.StartProcess(controlplane.Command{Name: name, Path: path, PIDFolder: s.folder, Output: output, Args: args})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			s.t.Errorf("stopping %s: %v", name, err)
		}
		if s.t.Failed() {
			printed, _ := os.ReadFile(output.Name())
			s.t.Logf("%s printed:\n%s", filepath.Base(output.Name()), tail(printed))
		}
	})
	return process
}

// tail returns the end of a long text.
func tail(printed []byte) []byte {
	const most = 6000
	return printed[max(0, len(printed)-most):]
}

// eventually waits until a condition holds. If it does not, the current value is shown.
func (s *stage) eventually(what string, is func() (now string, done bool)) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for {
		now, done := is()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatalf("waiting for: %s; now: %s", what, now)
		}
	}
}

// server is an operator that keeps its addresses over restarts.
type server struct {
	*stage
	base    string // ends in /api
	args    []string
	process *controlplane.Process

	variables []string // of the environment of clients, besides the usual ones
}

// newServer starts an operator and waits until it is ready.
func (s *stage) newServer(args ...string) *server {
	s.t.Helper()
	port, err := controlplane.FreePort()
	if err != nil {
		s.t.Fatal(err)
	}
	address := fmt.Sprint("127.0.0.1:", port)
	o := &server{stage: s, base: "http://" + address + "/api", args: append([]string{
		"--kubeconfig=" + s.path("kubeconfig"), "--rest-bind-address=" + address, "--namespace=" + s.namespace,
		"--watch-namespaces=" + s.namespace, "--metrics-bind-address=0", "--health-bind-address=0",
	}, args...)}
	o.start()
	return o
}

// start starts the operator and waits until it is ready.
func (o *server) start() {
	o.t.Helper()
	o.run()
	o.eventually("the operator is ready", func() (string, bool) {
		status, body := o.ask(http.MethodGet, "/ready", "")
		return body, status == http.StatusOK
	})
}

func (o *server) run() {
	o.t.Helper()
	path, err := filepath.Abs(*operator)
	if err != nil {
		o.t.Fatal(err)
	}
	o.process = o.launch("operator", path, o.args...)
}

func (o *server) kill() {
	o.t.Helper()
	if err := o.process.Kill(); err != nil {
		o.t.Fatal(err)
	}
}

// ask sends a request. The status is 0 if there is no response.
func (o *server) ask(method, path, body string) (status int, answer string) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.t.Context()), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, o.base+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(read)
}

// get sends a request, and decodes a response that must be a success.
func (o *server) get(method, path, body string, into any) {
	o.t.Helper()
	status, answer := o.ask(method, path, body)
	if status/100 != 2 {
		o.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	if err := json.NewDecoder(bytes.NewReader([]byte(answer))).Decode(into); err != nil {
		o.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
	}
}
