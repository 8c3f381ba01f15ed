package controlplane

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestLockKeepsASecondUserOut(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "new", "folder")
	unlock, err := Lock(data)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(data)
	locked, ok := errors.AsType[*LockedError](err)
	if !ok || locked.Holder != strconv.Itoa(os.Getpid()) {
		t.Fatalf("a second lock gives %v, want a LockedError that names this process", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = Lock(data)
	if err != nil {
		t.Fatalf("after the first user has gone: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
