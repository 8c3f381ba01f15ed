package controlplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// LockedError says that a living process uses the data folder.
type LockedError struct {
	Data string
	// Holder is the process id of the user, or "" if it has not yet written it.
	Holder string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("the data folder %s is in use by process %s", e.Data, e.Holder)
}

// Lock takes the data folder for this process, creating it if missing. The kernel lets go of the lock when the process
// ends in whatever way, so a killed run never keeps the next one out. The error is a *LockedError if it is taken.
func Lock(data string) (unlock func() error, err error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(data, "lock"), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in the caller's folder
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking the data folder: %w", err)
		}
		holder := make([]byte, 16)
		n, _ := f.ReadAt(holder, 0)
		return nil, &LockedError{Data: data, Holder: strings.TrimSpace(string(holder[:n]))}
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
