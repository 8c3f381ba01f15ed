// Command image builds the container image of the operator without a container engine: the Go toolchain compiles, the
// image is written as an OCI layout and as an archive for each platform. The same commit and the same Go give the same
// digests.
//
//	image build    writes the image and a bill of materials of each binary to dist/
//	image push     sends what build wrote to a registry
//
// verify.sh builds twice and compares.
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
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "image:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// run runs the command in the first argument. It writes results to out and progress messages to progress.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	if len(args) == 0 {
		return errors.New("say what to do: build or push")
	}
	o, err := parse(args[1:], progress)
	if err != nil {
		return err
	}
	say := func(format string, values ...any) { _, _ = fmt.Fprintf(progress, format+"\n", values...) }
	switch args[0] {
	case "build":
		return build(ctx, o, out, say)
	case "push":
		return push(ctx, o, out, say)
	default:
		return fmt.Errorf("%q is unknown: build or push", args[0])
	}
}

// sayer prints progress messages.
type sayer func(format string, values ...any)
