package controlplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestLock_secondUserGetsAnError(t *testing.T) {
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

// aLongTime is the timeout of waits that end much earlier.
const aLongTime = time.Minute

func TestAwaitLock_waitsForAHolderThatStops(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	unlock, err := Lock(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := MarkStopping(data); err != nil {
		t.Fatal(err)
	}
	told := 0
	unlockAgain, err := AwaitLock(t.Context(), data, aLongTime, func(locked *LockedError) {
		told++
		if locked.Holder != strconv.Itoa(os.Getpid()) {
			t.Errorf("the holder is %q, want this process", locked.Holder)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
	if err != nil || told != 1 {
		t.Fatalf("error %v, told %d times; want the lock, and to be told once", err, told)
	}
	// The new holder does not stop.
	_, err = AwaitLock(t.Context(), data, aLongTime, nil)
	if locked, ok := errors.AsType[*LockedError](err); !ok || locked.Stopping {
		t.Errorf("error %v, want that the folder is in use", err)
	}
	if err := unlockAgain(); err != nil {
		t.Error(err)
	}
}

func TestAwaitLock_timesOut(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	unlock, err := Lock(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := MarkStopping(data); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, wait := range map[string]struct {
		ctx   context.Context
		limit time.Duration
	}{"the limit": {t.Context(), time.Millisecond}, "the end of the context": {ended, aLongTime}} {
		_, err := AwaitLock(wait.ctx, data, wait.limit, nil)
		if locked, ok := errors.AsType[*LockedError](err); !ok || !locked.Stopping {
			t.Errorf("%s: error %v, want that the folder is in use", name, err)
		}
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
