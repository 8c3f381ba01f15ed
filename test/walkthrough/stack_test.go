//go:build apiserver

package walkthrough

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// patience is the timeout of each wait for the stack, which takes a few seconds on an
// idle machine.
const patience = 3 * time.Minute

// program is the built program behind `make run`, with the operator that it starts.
type program struct {
	root, run, operator string
}

// built is the folder in which TestMain keeps the programs.
var built struct {
	folder string
	once   sync.Once
	program
	err error
}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "taskrun-walkthrough-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "creating a folder for programs:", err)
		os.Exit(1)
	}
	built.folder = folder
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// buildProgram builds the programs of `make run` once for all tests.
func buildProgram(t *testing.T) program {
	t.Helper()
	built.once.Do(func() { built.program, built.err = build(built.folder) })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.program
}

func build(folder string) (program, error) {
	root, err := controlplane.Repository()
	if err != nil {
		return program{}, err
	}
	p := program{root: root, run: filepath.Join(folder, "run"), operator: filepath.Join(folder, "taskrun-operator")}
	for output, source := range map[string]string{p.run: "./hack/run", p.operator: "./cmd/taskrun-operator"} {
		cmd := exec.Command("go", "build", "-o", output, source)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return program{}, fmt.Errorf("building %s: %w\n%s", source, err, out)
		}
	}
	return p, nil
}

// place has the folder and ports of a stack.
type place struct {
	data, restAddress   string
	etcdPort, apiServer int
}

// newPlace returns an unused place.
func newPlace(t *testing.T) place {
	t.Helper()
	ports := make([]int, 3)
	for i := range ports {
		var err error
		if ports[i], err = controlplane.FreePort(); err != nil {
			t.Fatal(err)
		}
	}
	return place{
		data: filepath.Join(t.TempDir(), "data"), restAddress: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])),
		etcdPort: ports[1], apiServer: ports[2],
	}
}

// running is a started stack.
type running struct {
	cmd    *exec.Cmd
	output *lockedLines
	ended  chan struct{}
	err    error
}

// lockedLines collects the output of a program.
type lockedLines struct {
	sync.Mutex
	all []string
	// changed gets a token after a new line.
	changed chan struct{}
}

func (l *lockedLines) text() string {
	l.Lock()
	defer l.Unlock()
	return strings.Join(l.all, "\n")
}

// launch starts the program without waiting until it is ready.
func (p program) launch(t *testing.T, at place, more ...string) *running {
	t.Helper()
	args := append([]string{
		"-data", at.data, "-rest-address", at.restAddress, "-operator", p.operator,
		"-etcd-port", strconv.Itoa(at.etcdPort), "-apiserver-port", strconv.Itoa(at.apiServer),
	}, more...)
	cmd := exec.Command(p.run, args...)
	cmd.Dir = p.root
	reader, writer := newPipe(t)
	cmd.Stdout, cmd.Stderr = writer, writer
	r := &running{cmd: cmd, output: &lockedLines{changed: make(chan struct{}, 1)}, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	go func() {
		defer close(r.ended)
		// The operator writes to the same pipe, so it has also ended when the pipe
		// ends.
		r.collect(reader)
		r.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		if !r.hasEnded() {
			r.stop(t, syscall.SIGTERM)
		}
		if t.Failed() {
			t.Logf("make run printed:\n%s", r.output.text())
		}
	})
	return r
}

func newPipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return reader, writer
}

func (r *running) collect(from *os.File) {
	defer func() { _ = from.Close() }()
	scanner := bufio.NewScanner(from)
	for scanner.Scan() {
		r.output.Lock()
		r.output.all = append(r.output.all, scanner.Text())
		r.output.Unlock()
		select {
		case r.output.changed <- struct{}{}:
		default:
		}
	}
}

func (r *running) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// await waits until the program has printed a text.
func (r *running) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !strings.Contains(r.output.text(), text) {
		select {
		case <-r.output.changed:
		case <-r.ended:
			t.Fatalf("it ended (%v) without %q:\n%s", r.err, text, r.output.text())
		case <-ctx.Done():
			t.Fatalf("it did not print %q:\n%s", text, r.output.text())
		}
	}
}

// stop sends a signal and returns the exit code.
func (r *running) stop(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := r.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(patience):
		t.Fatalf("it does not end:\n%s", r.output.text())
	}
	return r.cmd.ProcessState.ExitCode()
}
