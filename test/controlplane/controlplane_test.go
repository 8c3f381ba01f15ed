package controlplane

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeAssets returns a folder with an etcd that runs a shell script.
func fakeAssets(t *testing.T, script string) string {
	t.Helper()
	folder := t.TempDir()
	text := "#!/bin/sh\necho started >> " + filepath.Join(folder, "starts") + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(folder, "etcd"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

func starts(t *testing.T, assets string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(assets, "starts"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "started")
}

func TestStart_errorHasTheReasonOfTheProgram(t *testing.T) {
	t.Parallel()
	data, assets := t.TempDir(), fakeAssets(t, "echo first; echo the disk is full >&2; exit 3")
	_, err := Start(t.Context(), Options{Assets: assets, Data: data})
	if err == nil || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), "etcd.log") {
		t.Errorf("got %v, want the last line of the log and where the log is", err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "*.pid")); len(left) > 0 {
		t.Errorf("pid files are left: %q", left)
	}
	if got := starts(t, assets); got != 1 {
		t.Errorf("a program that fails was started %d times, want once", got)
	}
}

func TestStart_triesAnotherPortIfAFreeOneWasTaken(t *testing.T) {
	t.Parallel()
	assets := fakeAssets(t, "echo listen tcp 127.0.0.1:1: bind: address already in use >&2; exit 1")
	if _, err := Start(t.Context(), Options{Assets: assets, Data: t.TempDir()}); err == nil {
		t.Error("a program that never starts is no error")
	}
	if got := starts(t, assets); got != startTries {
		t.Errorf("it was started %d times, want %d", got, startTries)
	}
}

func TestStart_namesABusyPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	port := l.Addr().(*net.TCPAddr).Port //nolint:errcheck,forcetypeassert // it listens on TCP
	_, err = Start(t.Context(), Options{Assets: t.TempDir(), Data: t.TempDir(), EtcdPort: port})
	if busy, ok := errors.AsType[*PortBusyError](err); !ok || busy.Port != port || busy.Program != "etcd" {
		t.Errorf("got %v, want a PortBusyError for etcd and port %d", err, port)
	}
}

func TestAssets_errorNamesTheFix(t *testing.T) {
	empty, full := t.TempDir(), t.TempDir()
	for _, program := range []string{"etcd", "kube-apiserver"} {
		if err := os.WriteFile(filepath.Join(full, program), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(AssetsVariable, empty)
	_, err := Assets(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "make test") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line that names `make test`", err)
	}
	t.Setenv(AssetsVariable, full)
	if got, err := Assets(t.TempDir()); err != nil || got != full {
		t.Errorf("got %q, %v; want the folder that the variable names", got, err)
	}
}

func TestRepository_isFoundFromAnyFolderInIt(t *testing.T) {
	root, err := Repository()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "test", "controlplane")); err != nil {
		t.Errorf("%s is not the root: %v", root, err)
	}
	t.Chdir(t.TempDir())
	if root, err := Repository(); err == nil {
		t.Errorf("outside of the repository it found %s", root)
	}
}
