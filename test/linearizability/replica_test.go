//go:build apiserver

package linearizability

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/app"
	"github.com/taskrun-dev/taskrun-operator/internal/controlplane"
)

const (
	// asReplica is set in the environment of a process that is to be the program, not the test.
	asReplica = "TASKRUN_LINEARIZABILITY_REPLICA"
	// patience bounds each wait; none takes long on an idle machine.
	patience = 2 * time.Minute
	// launches is how often a launch is tried: the port may be taken before the process listens on it.
	launches = 3
)

// runReplica is the program, in this binary: so it has the race detector if the test has it.
func runReplica() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := app.Run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// fleet is the replicas of the program. Each is one process after another, and each process has an address of its own,
// so that it is certain which one a response comes from.
type fleet struct {
	t         *testing.T
	folder    string
	namespace string
	began     time.Time
	log       *os.File

	mu       sync.Mutex
	changed  chan struct{} // closed when ready changes
	ready    []*process
	launched map[string]time.Duration
	replicas []*replica
}

type replica struct {
	name       string
	kubeconfig string
	lives      int
	*process
}

// process is one life of a replica.
type process struct {
	name string // of the replica, and which of its lives
	base string // ends in /api
	*controlplane.Process
}

func newFleet(t *testing.T, namespace string, kubeconfigs map[string]string) *fleet {
	t.Helper()
	f := &fleet{
		t: t, folder: t.TempDir(), namespace: namespace, began: time.Now(),
		changed: make(chan struct{}), launched: map[string]time.Duration{},
	}
	var err error
	if f.log, err = os.Create(filepath.Join(f.folder, "replicas.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.end)
	for name, kubeconfig := range kubeconfigs {
		f.replicas = append(f.replicas, &replica{name: name, kubeconfig: kubeconfig})
	}
	slices.SortFunc(f.replicas, func(a, b *replica) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return f
}

// end stops what runs, and looks through what the processes printed.
func (f *fleet) end() {
	for _, r := range f.replicas {
		if r.process != nil {
			if err := r.Stop(); err != nil {
				f.t.Error(err)
			}
		}
	}
	_ = f.log.Close()
	printed, err := os.ReadFile(f.log.Name())
	if err != nil {
		f.t.Error(err)
	}
	for _, bad := range []string{"DATA RACE", "panic:"} {
		if bytes.Contains(printed, []byte(bad)) {
			f.t.Errorf("a replica printed %q", bad)
		}
	}
	if f.t.Failed() {
		f.t.Logf("the replicas printed last:\n%s", printed[max(0, len(printed)-20_000):])
	}
}

// now is the time since the fleet began.
func (f *fleet) now() time.Duration { return time.Since(f.began) }

// launch starts the next process of a replica and waits until it is ready. While it waits, peek is called with the
// process again and again.
func (f *fleet) launch(r *replica, peek func(*process)) error {
	var err error
	for range launches {
		if err = f.tryLaunch(r, peek); err == nil {
			return nil
		}
	}
	return err
}

func (f *fleet) tryLaunch(r *replica, peek func(*process)) error {
	port, err := controlplane.FreePort()
	if err != nil {
		return err
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	r.lives++
	address := fmt.Sprint("127.0.0.1:", port)
	p := &process{name: fmt.Sprint(r.name, r.lives), base: "http://" + address + "/api"}
	f.mu.Lock()
	f.launched[p.name] = f.now()
	f.mu.Unlock()
	p.Process, err = controlplane.StartProcess(controlplane.Command{
		Name: p.name, Path: executable, PIDFolder: f.folder, Output: f.log, Env: []string{asReplica + "=1"},
		Args: []string{
			"--kubeconfig=" + r.kubeconfig, "--namespace=" + f.namespace, "--watch-namespaces=" + f.namespace,
			"--rest-bind-address=" + address, "--metrics-bind-address=0", "--health-bind-address=0",
			"--leader-elect", "--leader-election-namespace=" + f.namespace,
		},
	})
	if err != nil {
		return err
	}
	r.process = p
	if err := f.awaitReady(p, peek); err != nil {
		return err
	}
	f.change(func() { f.ready = append(f.ready, p) })
	return nil
}

func (f *fleet) awaitReady(p *process, peek func(*process)) error {
	limit := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		peek(p)
		if status, _, err := exchange(f.t.Context(), http.MethodGet, p.base+"/ready", ""); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("replica %s ended before it was ready", p.name)
		case <-limit:
			return fmt.Errorf("replica %s is not ready after %s", p.name, patience)
		case <-tick.C:
		}
	}
}

// kill ends a replica's process at once. Clients may send to it until it is dead.
func (f *fleet) kill(r *replica) error {
	err := r.Kill()
	f.change(func() { f.ready = slices.DeleteFunc(f.ready, func(p *process) bool { return p == r.process }) })
	return err
}

func (f *fleet) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	close(f.changed)
	f.changed = make(chan struct{})
}

// pick returns a process that is ready, and waits for one if there is none.
func (f *fleet) pick(ctx context.Context, random *rand.Rand) (*process, error) {
	for {
		f.mu.Lock()
		ready, changed := f.ready, f.changed
		if len(ready) > 0 {
			p := ready[random.IntN(len(ready))]
			f.mu.Unlock()
			return p, nil
		}
		f.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
