package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// stopGrace is the time for a process to stop by itself before it is killed.
	stopGrace = 20 * time.Second
	// pollInterval is the interval between checks of a process or a port.
	pollInterval = 50 * time.Millisecond
	// logTail is the maximum size of the end of a log in an error, in bytes.
	logTail = 16 << 10
)

// Command describes a child process that must not outlive its parent.
type Command struct {
	// Name is used in messages. The pid file is <Name>.pid.
	Name string
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// PIDFolder is the folder of the pid file while the process runs. EndStale reads it.
	PIDFolder string
	// Output receives the output of the process.
	Output io.Writer
}

// Process is a running child.
type Process struct {
	name    string
	pidFile string
	pid     int
	done    chan struct{}
	err     error
}

// StartProcess starts the command and writes its pid file.
func StartProcess(c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...) //nolint:noctx,gosec // Stop ends it, not the end of a call; the path is the caller's
	cmd.Stdout, cmd.Stderr = c.Output, c.Output
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.SysProcAttr = sysProcAttr()
	p := &Process{name: c.Name, pidFile: filepath.Join(c.PIDFolder, c.Name+".pid"), done: make(chan struct{})}
	started := make(chan error, 1)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	p.pid = cmd.Process.Pid
	if err := os.WriteFile(p.pidFile, []byte(strconv.Itoa(p.pid)+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the pid file of %s: %w", c.Name, err), p.Kill())
	}
	return p, nil
}

// run starts and awaits the child on one operating system thread: the kernel kills the child when the thread that
// started it ends.
func (p *Process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := cmd.Start()
	started <- err
	if err == nil {
		p.err = cmd.Wait()
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the process id.
func (p *Process) PID() int { return p.pid }

// Stop asks the process to end, waits, and kills it after 20 s. It returns no error for a process that has ended.
func (p *Process) Stop() error {
	return p.end(syscall.SIGTERM)
}

// Kill ends the process at once.
func (p *Process) Kill() error {
	return p.end(syscall.SIGKILL)
}

func (p *Process) end(signal syscall.Signal) error {
	if p == nil {
		return nil
	}
	defer func() { _ = os.Remove(p.pidFile) }()
	for _, s := range []syscall.Signal{signal, syscall.SIGKILL} {
		// The process may have ended already. Then the wait below returns at once.
		_ = syscall.Kill(p.pid, s)
		select {
		case <-p.done:
			return nil
		case <-time.After(stopGrace):
		}
	}
	return fmt.Errorf("%s (process %d) does not end", p.name, p.pid)
}

// awaitReady calls ready until it returns nil. It fails when the process ends, at the timeout, or when ctx is done.
func (p *Process) awaitReady(ctx context.Context, limit time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready: %w", p.name, errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %s: %w", p.name, limit, err)
		case <-tick.C:
		}
	}
}

// logged returns the end of a log file. It returns an empty text for a log that cannot be read, because the log only
// explains another failure.
func logged(path string) string {
	b, err := os.ReadFile(path) //nolint:gosec // a log of ours
	if err != nil {
		return ""
	}
	return string(b[max(0, len(b)-logTail):])
}

// lastLine returns the last line of a log that is not empty.
func lastLine(path string) string {
	lines := bytes.Split(bytes.TrimSpace([]byte(logged(path))), []byte("\n"))
	return strings.TrimSpace(string(lines[len(lines)-1]))
}
