package controlplane

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// startSleeper starts a process whose command line contains the folder.
func startSleeper(t *testing.T, folder string) *Process {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "sleeper")
	if err := os.Symlink(sleep, path); err != nil {
		t.Fatal(err)
	}
	p, err := StartProcess(Command{Name: "sleeper", Path: path, Args: []string{"600"}, PIDFolder: folder, Output: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	// For a moment after its start, a process has no command line yet.
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for commandLine(t.Context(), p.pid) == "" {
		select {
		case <-tick.C:
		case <-p.Done():
			t.Fatal("the sleeper has ended")
		}
	}
	return p
}

func TestEndStale_endsProcessesOfAKilledRun(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := startSleeper(t, data)
	ended, err := EndStale(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(stopGrace):
		t.Fatalf("it ended %q, and not the sleeper", ended)
	}
	want := []string{"sleeper (process " + strconv.Itoa(p.pid) + ")"}
	if diff := cmp.Diff(want, ended); diff != "" {
		t.Error(diff)
	}
	if again, err := EndStale(t.Context(), data); err != nil || len(again) > 0 {
		t.Errorf("a second time it ended %q (%v), want nothing", again, err)
	}
}

func TestEndStale_ignoresOtherPrograms(t *testing.T) {
	t.Parallel()
	other := startSleeper(t, t.TempDir())
	data := t.TempDir()
	for name, text := range map[string]string{"etcd": strconv.Itoa(other.pid), "kube-apiserver": "no number", "gone": "1"} {
		if err := os.WriteFile(filepath.Join(data, name+".pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ended, err := EndStale(t.Context(), data)
	if err != nil || len(ended) > 0 {
		t.Fatalf("it ended %q (%v), want nothing", ended, err)
	}
	select {
	case <-other.Done():
		t.Error("another program, which has a pid of an old file, was ended")
	default:
	}
	if left, _ := filepath.Glob(filepath.Join(data, "*.pid")); len(left) > 0 {
		t.Errorf("old pid files are left: %q", left)
	}
}
