// Command prefect compares the operator with a real Prefect server: the same
// clients and bodies, on the same machine, in turns. It installs Prefect into
// its own environment, and prints tables of docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/prefect"
)

// bench holds the options and the work folders.
type bench struct {
	plane                stack.Options
	operator, python     string // programs
	data                 string // folder of persistent data
	clients, readClients load.Numbers
	runs                 load.Numbers
	rounds               int
	backgroundRuns       int
	sqlite               bool
	stretch, readStretch time.Duration
	fillLimit            time.Duration
	stderr               io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal stops everything in order. A second signal exits
	// immediately.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench-prefect:", err)
		os.Exit(1)
	}
}

// parse reads the flags.
func parse(args []string, stderr io.Writer) (*bench, error) {
	b := &bench{clients: load.Numbers{1, 16, 64}, readClients: load.Numbers{1, 16}, runs: load.Numbers{1000, 10_000}, stderr: stderr}
	flags := flag.NewFlagSet("bench-prefect", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&b.operator, "operator", "bin/taskrun-operator", "the operator's binary")
	flags.StringVar(&b.python, "python", "python3", "the Python that Prefect is installed for, 3.10 or newer")
	flags.StringVar(&b.data, "data", filepath.Join(".data", "bench-prefect"), "folder in which the installed Prefect is kept")
	flags.Var(&b.clients, "clients", "numbers of concurrent clients that write")
	flags.Var(&b.readClients, "read-clients", "numbers of concurrent clients that read")
	flags.Var(&b.runs, "runs", "numbers of existing runs in front of which reads are measured, in ascending order")
	flags.IntVar(&b.rounds, "rounds", 3, "rounds of each measurement; the median counts")
	flags.BoolVar(&b.sqlite, "sqlite", true, "measure Prefect on SQLite too, which takes minutes over what others take seconds for")
	flags.IntVar(&b.backgroundRuns, "background-runs", 200, "number of background runs in one round")
	flags.DurationVar(&b.stretch, "stretch", 4*time.Second, "length of one stretch of writes")
	flags.DurationVar(&b.readStretch, "read-stretch", 2*time.Second, "length of one stretch of reads")
	flags.DurationVar(&b.fillLimit, "fill-limit", 15*time.Minute, "how long a server may take to be filled with runs")
	b.plane.BindFlags(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err //nolint:wrapcheck // it names the flag
	}
	if b.rounds < 1 || b.backgroundRuns < 1 {
		return nil, errors.New("-rounds, -background-runs: want 1 or more")
	}
	return b, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	b, err := parse(args, stderr)
	if err != nil {
		return err
	}
	unlock, err := controlplane.Lock(b.data)
	if err != nil {
		return fmt.Errorf("taking the data folder: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	folder := filepath.Join(b.data, "venv")
	programs, err := prefect.Install(ctx, folder, b.python, prefect.Newest, func() { b.progress("installing Prefect into %s", folder) })
	if err != nil {
		return err
	}
	// The data of all contenders is in one folder, so on one disk. A database
	// server that cannot run as root must have access to its own part of it.
	scratch, err := os.MkdirTemp("", "taskrun-bench-prefect-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	if err := os.Chmod(scratch, 0o711); err != nil { //nolint:gosec // see above; the folders in it are private
		return fmt.Errorf("opening a folder: %w", err)
	}
	contenders, stop, err := b.start(ctx, filepath.Join(programs, "prefect"), scratch)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	results, err := b.measure(ctx, contenders)
	if err != nil {
		return err
	}
	return report(stdout, contenders, results)
}

// progress prints a progress message.
func (b *bench) progress(format string, args ...any) {
	_, _ = fmt.Fprintf(b.stderr, format+"\n", args...)
}
