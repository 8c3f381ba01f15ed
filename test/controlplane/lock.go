package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// LockedError means that a running process uses the data folder.
type LockedError struct {
	Data string
	// Holder is the process id of the user, or "" if it is not written yet.
	Holder string
	// Stopping means that the holder has announced its stop: see MarkStopping.
	Stopping bool
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the data folder %s is in use by process %s", e.Data, e.Holder)
}

// Lock locks the data folder for this process, and creates it if it is missing. The kernel releases the lock when the
// process ends, so a killed run does not block the next one. The error is a *LockedError if the folder is locked.
func Lock(data string) (unlock func() error, err error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data folder: %w", err)
	}
	f, err := os.OpenFile(lockFile(data), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking the data folder: %w", err)
		}
		return nil, lockedBy(f, data)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the lock of the data folder: %w", err), f.Close())
	}
	return f.Close, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// stopping follows the process id in the lock of a holder that is stopping.
const stopping = "stopping"

func lockedBy(f *os.File, data string) *LockedError {
	text := make([]byte, 64)
	n, _ := f.ReadAt(text, 0)
	holder, mark, _ := strings.Cut(strings.TrimSpace(string(text[:n])), " ")
	return &LockedError{Data: data, Holder: holder, Stopping: mark == stopping}
}

// MarkStopping announces in the lock of the data folder, which this process must hold, that the process will release it
// soon. AwaitLock waits for such a holder.
func MarkStopping(data string) error {
	f, err := os.OpenFile(lockFile(data), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("opening the lock of the data folder: %w", err)
	}
	// Overwrite the process id in one write, because others can read it at the same time.
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+" "+stopping+"\n"), 0); err != nil {
		return errors.Join(fmt.Errorf("marking the lock of the data folder: %w", err), f.Close())
	}
	return f.Close()
}

// AwaitLock is Lock, but waits up to the limit for a holder that is stopping. It calls waiting once, before it waits.
// Any other holder is a *LockedError at once, as is one that still holds the lock when the limit is reached or ctx
// ends.
func AwaitLock(ctx context.Context, data string, limit time.Duration, waiting func(*LockedError)) (unlock func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		unlock, err := Lock(data)
		locked, ok := errors.AsType[*LockedError](err)
		if !ok || !locked.Stopping {
			return unlock, err
		}
		if waiting != nil {
			waiting(locked)
			waiting = nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, locked
		}
	}
}

func lockFile(data string) string { return filepath.Join(data, "lock") }
