// Command run is the program behind `make run`: it starts etcd and kube-apiserver on loopback with persistent data,
// our CRD, and the operator. It runs until it is stopped or one of them ends, and then stops all of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal stops everything in order. A second signal exits immediately.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "make run:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if os.Getenv("MAKELEVEL") != "" {
		go watchParent(ctx, cancel)
	}
	s, err := start(ctx, o, stdout, stderr)
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped during the start
		}
		return withHint(err)
	}
	if err := s.welcome(stdout); err != nil {
		return errors.Join(err, s.stop())
	}
	ended := s.wait(ctx)
	_, _ = fmt.Fprintln(stdout, "stopping; the data stays in", o.data)
	return errors.Join(ended, s.stop())
}
