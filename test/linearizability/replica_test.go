//go:build apiserver

package linearizability

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
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
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

const (
	// asReplica is an environment variable: a process with it runs the program instead of the test.
	asReplica = "TASKRUN_LINEARIZABILITY_REPLICA"
	// patience is the timeout of each wait. No wait takes long on an idle machine.
	patience = 2 * time.Minute
	// maxFailures is the maximum number of consecutive failed launches. Another process may take the port before the
	// replica listens on it.
	maxFailures = 3
)

// runReplica runs the program in this binary, with the race detector if the test has it.
func runReplica() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := app.Run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// fleet is the set of replicas. A replica is a series of processes: a process that was killed, or that exited because
// it lost its lease, is restarted. Each process has its own address, which identifies the sender of a response.
type fleet struct {
	t          *testing.T
	ctx        context.Context // ends when no replica is to run
	giveUp     context.CancelCauseFunc
	folder     string
	namespace  string
	began      time.Time
	log        *os.File
	replicas   []*replica
	supervised sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed when ready changes
	ready    []*process
	launched map[string]time.Duration
	peek     func(*process) // called while a process is starting; may be nil
	ending   bool
}

type replica struct {
	name       string
	kubeconfig string
	lives      int
	current    *process // guarded by the fleet's lock
}

// process is one process of a replica.
type process struct {
	name string // replica and number of the process
	base string // ends in /api
	*controlplane.Process
}

// newFleet starts the replicas and waits until they are ready.
func newFleet(t *testing.T, namespace string, kubeconfigs map[string]string) *fleet {
	t.Helper()
	f := &fleet{
		t: t, folder: t.TempDir(), namespace: namespace, began: time.Now(),
		changed: make(chan struct{}), launched: map[string]time.Duration{},
	}
	f.ctx, f.giveUp = context.WithCancelCause(t.Context())
	var err error
	if f.log, err = os.Create(filepath.Join(f.folder, "replicas.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.end)
	for _, name := range slices.Sorted(maps.Keys(kubeconfigs)) {
		r := &replica{name: name, kubeconfig: kubeconfigs[name]}
		f.replicas = append(f.replicas, r)
		f.supervised.Go(func() { f.supervise(r) })
	}
	f.awaitAll()
	return f
}

// end stops the processes and checks their output.
func (f *fleet) end() {
	f.mu.Lock()
	f.ending = true
	var last []*process
	for _, r := range f.replicas {
		last = append(last, r.current)
	}
	f.mu.Unlock()
	for _, p := range last {
		if p != nil {
			if err := p.Stop(); err != nil {
				f.t.Error(err)
			}
		}
	}
	f.supervised.Wait()
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

// supervise starts a replica, and restarts it whenever its process has ended.
func (f *fleet) supervise(r *replica) {
	for failures := 0; failures < maxFailures; {
		p, err := f.launch(r)
		switch {
		case f.isEnding() && p == nil:
			return
		case err == nil && f.awaitReady(p) == nil:
			failures = 0
			f.change(func() { f.ready = append(f.ready, p) })
			<-p.Done()
			f.drop(p)
		default:
			failures++
			f.t.Logf("replica %s did not become ready", r.name)
		}
		if f.isEnding() {
			return
		}
	}
	f.giveUp(fmt.Errorf("replica %s could not be started", r.name))
}

func (f *fleet) isEnding() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ending
}

// drop stops clients from sending to a process.
func (f *fleet) drop(p *process) {
	f.change(func() { f.ready = slices.DeleteFunc(f.ready, func(other *process) bool { return other == p }) })
}

// launches returns when each process was launched.
func (f *fleet) launches() map[string]time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.launched)
}

// now is the time since the fleet started.
func (f *fleet) now() time.Duration { return time.Since(f.began) }

// launch starts the next process of a replica. It returns nil when the fleet ends.
func (f *fleet) launch(r *replica) (*process, error) {
	port, err := controlplane.FreePort()
	if err != nil {
		return nil, err
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ending {
		return nil, nil
	}
	r.lives++
	address := fmt.Sprint("127.0.0.1:", port)
	p := &process{name: fmt.Sprint(r.name, r.lives), base: "http://" + address + "/api"}
	f.launched[p.name] = f.now()
	p.Process, err = controlplane.StartProcess(controlplane.Command{
		Name: p.name, Path: executable, PIDFolder: f.folder, Output: f.log, Env: []string{asReplica + "=1"},
		Args: []string{
			"--kubeconfig=" + r.kubeconfig, "--namespace=" + f.namespace, "--watch-namespaces=" + f.namespace,
			"--rest-bind-address=" + address, "--metrics-bind-address=0", "--health-bind-address=0",
			"--leader-elect", "--leader-election-namespace=" + f.namespace,
		},
	})
	if err != nil {
		return nil, err
	}
	r.current = p
	return p, nil
}

// awaitReady waits until a process is ready, and reads through it while it waits. It kills a process that does not
// become ready.
func (f *fleet) awaitReady(p *process) error {
	limit := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		f.mu.Lock()
		peek := f.peek
		f.mu.Unlock()
		if peek != nil {
			peek(p)
		}
		if status, _, err := exchange(f.ctx, http.MethodGet, p.base+"/ready", ""); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-p.Done():
			return fmt.Errorf("replica %s ended before it was ready", p.name)
		case <-limit:
			return errors.Join(fmt.Errorf("replica %s is not ready after %s", p.name, patience), p.Kill())
		case <-tick.C:
		}
	}
}

// kill kills a replica's process. Clients may send to it until it has ended.
func (f *fleet) kill(r *replica) error {
	f.mu.Lock()
	p := r.current
	f.mu.Unlock()
	err := p.Kill()
	f.drop(p)
	return err
}

// peekWith sets the function that reads through starting processes, nil for none.
func (f *fleet) peekWith(peek func(*process)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.peek = peek
}

// awaitAll waits until every replica is ready and returns their processes.
func (f *fleet) awaitAll() []*process {
	f.t.Helper()
	for {
		f.mu.Lock()
		ready, changed := slices.Clone(f.ready), f.changed
		f.mu.Unlock()
		if len(ready) == len(f.replicas) {
			return ready
		}
		select {
		case <-changed:
		case <-f.ctx.Done():
			f.t.Fatal(context.Cause(f.ctx))
		}
	}
}

func (f *fleet) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	close(f.changed)
	f.changed = make(chan struct{})
}

// pick returns a ready process. If there is none, it waits for one.
func (f *fleet) pick(random *rand.Rand) (*process, error) {
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
		case <-f.ctx.Done():
			return nil, context.Cause(f.ctx)
		}
	}
}
