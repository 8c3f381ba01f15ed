package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// EndStale ends the processes that a killed run left behind in a data folder: those in its pid files whose command
// line contains that folder. It returns their names. It ignores a pid that belongs to another program.
func EndStale(ctx context.Context, data string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(data, "*.pid"))
	if err != nil {
		return nil, fmt.Errorf("looking for pid files in %s: %w", data, err)
	}
	// Stop in reverse order of the names: the operator, kube-apiserver, etcd.
	slices.Sort(files)
	slices.Reverse(files)
	var ended []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".pid")
		pid, err := readPID(file)
		if err == nil && strings.Contains(commandLine(ctx, pid), data) {
			if err := endForeign(ctx, pid); err != nil {
				return ended, fmt.Errorf("ending the left-over %s (process %d): %w", name, pid, err)
			}
			ended = append(ended, fmt.Sprintf("%s (process %d)", name, pid))
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return ended, fmt.Errorf("removing a left-over pid file: %w", err)
		}
	}
	return ended, nil
}

func readPID(file string) (int, error) {
	b, err := os.ReadFile(file) //nolint:gosec // a pid file of ours
	if err != nil {
		return 0, fmt.Errorf("reading a pid file: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 1 {
		return 0, fmt.Errorf("%s does not hold a process id", file)
	}
	return pid, nil
}

// commandLine returns the command line of a process, or "" if there is none. It uses ps on systems without /proc. If
// both are missing, no process is ended.
func commandLine(ctx context.Context, pid int) string {
	if b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); err == nil {
		return strings.ReplaceAll(string(b), "\x00", " ")
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output() //nolint:gosec // a number
	if err != nil {
		return ""
	}
	return string(out)
}

// endForeign ends a process that is not a child: first with SIGTERM, then with SIGKILL.
func endForeign(ctx context.Context, pid int) error {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, s); errors.Is(err, syscall.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("signalling: %w", err)
		}
		if gone(ctx, pid) {
			return nil
		}
	}
	return errors.New("it does not end")
}

// gone waits until the process has no command line, for at most the grace period.
func gone(ctx context.Context, pid int) bool {
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		// A process that has ended but was not reaped by its parent has an empty command line.
		if commandLine(ctx, pid) == "" {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
