package app

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// problem is an error in one line, for the user who starts the program.
type problem struct{ error }

func (p problem) Error() string {
	lines := strings.FieldsFunc(p.error.Error(), func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

func (p problem) Unwrap() error { return p.error }

// asProblem converts an error to one line, nil for nil.
func asProblem(err error) error {
	if err == nil {
		return nil
	}
	return problem{err}
}

// explainBusy adds the flag of an address that is in use. addresses maps flags to
// addresses.
func explainBusy(err error, addresses map[string]string) error {
	var op *net.OpError
	if !errors.Is(err, syscall.EADDRINUSE) || !errors.As(err, &op) || op.Addr == nil {
		return err
	}
	for name, address := range addresses {
		if sameAddress(op.Addr, address) {
			return fmt.Errorf("%s is in use by another process: stop it or set another address with %s: %w",
				address, name, syscall.EADDRINUSE)
		}
	}
	return err
}

// sameAddress compares a listening address with that of an option, which can have
// a host name.
func sameAddress(listened net.Addr, option string) bool {
	if listened.String() == option {
		return true
	}
	resolved, err := net.ResolveTCPAddr("tcp", option)
	return err == nil && resolved.String() == listened.String()
}
