// Package testenv provides a real Kubernetes API server with our CRDs for tests: one for all tests of a process, or a
// private one that a test can stop and start.
package testenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// startLimit is the timeout of a whole start: both processes and the CRDs.
const startLimit = 3 * time.Minute

// Env is a running API server.
type Env struct {
	// Config is the administrator's configuration, without a rate limit. It is valid after a restart of the API server.
	// Copy it (rest.CopyConfig) before changing it.
	Config *rest.Config

	plane *controlplane.ControlPlane
	data  string
}

// shared is the process' shared Env. The first test that needs it starts it.
var shared struct {
	sync.Mutex
	env *Env
	err error
}

// Main runs the tests of a package and then stops the API server of Start. Use it as
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if env := shared.env; env != nil {
		if err := env.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the API server of the tests:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Start returns the API server that all tests of the process share. The package's TestMain must call Main, which stops
// it. A test uses its own namespace (Env.Namespace) and never stops this server: see StartPrivate.
func Start(tb testing.TB) *Env {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.env == nil && shared.err == nil {
		shared.env, shared.err = start()
	}
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.env
}

// StartPrivate returns an API server for this test, which stops when the test ends.
func StartPrivate(tb testing.TB) *Env {
	tb.Helper()
	env, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := env.stop(); err != nil {
			tb.Errorf("stopping the API server: %v", err)
		}
	})
	return env
}

func start() (*Env, error) {
	root, err := controlplane.Repository()
	if err != nil {
		return nil, err
	}
	assets, err := controlplane.Assets(root)
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "taskrun-testenv-")
	if err != nil {
		return nil, fmt.Errorf("creating a data folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	plane, err := controlplane.Start(ctx, controlplane.Options{Assets: assets, Data: data})
	if err != nil {
		return nil, err
	}
	env := &Env{Config: plane.Config(), plane: plane, data: data}
	if err := controlplane.ApplyCRDs(ctx, env.Config, filepath.Join(root, "config", "crd", "bases")); err != nil {
		_ = env.stop()
		return nil, err
	}
	return env, nil
}

func (e *Env) stop() error {
	if err := e.plane.Stop(); err != nil {
		return err
	}
	return os.RemoveAll(e.data)
}

// Minor returns the minor version of the API server's Kubernetes release: 32 for 1.32. Use it for differences between
// releases of the API server itself; docs/install.md lists them.
func (e *Env) Minor(tb testing.TB) int {
	tb.Helper()
	client, err := kubernetes.NewForConfig(e.Config)
	if err != nil {
		tb.Fatalf("preparing a client: %v", err)
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		tb.Fatalf("reading the version: %v", err)
	}
	minor, err := strconv.Atoi(strings.TrimRight(version.Minor, "+"))
	if err != nil {
		tb.Fatalf("reading the version: %v", err)
	}
	return minor
}

// Namespace creates a namespace that no other test uses and returns its name.
func (e *Env) Namespace(tb testing.TB) string {
	tb.Helper()
	client, err := kubernetes.NewForConfig(e.Config)
	if err != nil {
		tb.Fatalf("preparing a client: %v", err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	made, err := client.CoreV1().Namespaces().Create(tb.Context(), namespace, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("creating a namespace: %v", err)
	}
	return made.Name
}

// Kubeconfig writes a kubeconfig for programs that the test starts, and returns its path.
func (e *Env) Kubeconfig(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "kubeconfig")
	if err := e.plane.WriteKubeconfig(path); err != nil {
		tb.Fatal(err)
	}
	return path
}

// StopAPIServer stops the API server of a private Env; etcd keeps the data.
func (e *Env) StopAPIServer(tb testing.TB) {
	tb.Helper()
	e.refuseShared(tb)
	if err := e.plane.StopAPIServer(); err != nil {
		tb.Fatalf("stopping the API server: %v", err)
	}
}

// StartAPIServer starts the API server again, on the same port and data.
func (e *Env) StartAPIServer(tb testing.TB) {
	tb.Helper()
	e.refuseShared(tb)
	if err := e.plane.StartAPIServer(tb.Context()); err != nil {
		tb.Fatalf("starting the API server: %v", err)
	}
}

// PatchCRD changes a CRD of a private Env with a JSON patch. The API server applies the change after a moment.
func (e *Env) PatchCRD(tb testing.TB, name, patch string) {
	tb.Helper()
	e.refuseShared(tb)
	client, err := clientset.NewForConfig(e.Config)
	if err != nil {
		tb.Fatalf("preparing a client: %v", err)
	}
	crds := client.ApiextensionsV1().CustomResourceDefinitions()
	if _, err := crds.Patch(tb.Context(), name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		tb.Fatalf("patching the CRD %s: %v", name, err)
	}
}

// IsShared reports whether a configuration is for the API server that tests share.
func IsShared(config *rest.Config) bool {
	shared.Lock()
	defer shared.Unlock()
	return shared.env != nil && shared.env.Config.Host == config.Host
}

func (e *Env) refuseShared(tb testing.TB) {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if e == shared.env {
		tb.Fatal("the shared API server serves other tests: use testenv.StartPrivate")
	}
}
