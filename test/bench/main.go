// Command bench measures the operator: writes, compared with a client-go loop on the
// same API server; reads, memory and cold starts with many runs. It prints tables of
// docs/benchmarks.md.
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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// Each side has its own namespace, and the operator watches only its own, so neither
// receives the other's objects.
const (
	oursNamespace = "ours"
	bareNamespace = "bare"
)

// bench holds the options and the work folders.
type bench struct {
	plane                stack.Options
	operator             string // the program
	data                 string // folder of persistent data
	parts                []string
	clients, readClients load.Numbers
	runs                 load.Numbers
	rounds               int
	backgroundClients    int
	backgroundRuns       int
	listenerCount        int
	quick                bool
	stretch, readStretch time.Duration
	stderr               io.Writer
	throwAway            []string // folders to remove
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal stops everything in order. A second signal exits immediately.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parse reads the flags.
func parse(args []string, stderr io.Writer) (*bench, error) {
	b := &bench{clients: load.Numbers{1, 16, 64}, readClients: load.Numbers{1, 16}, runs: load.Numbers{1000, 10_000}, stderr: stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	parts := flags.String("parts", "writes,reads,background,listeners", "what is measured, one or several: writes, reads (with memory and cold starts), background, listeners")
	flags.StringVar(&b.operator, "operator", "bin/taskrun-operator", "the operator's binary")
	flags.StringVar(&b.data, "data", filepath.Join(".data", "bench"), "folder in which control planes with runs are kept for the next time")
	flags.Var(&b.clients, "clients", "numbers of concurrent clients that write")
	flags.Var(&b.readClients, "read-clients", "numbers of concurrent clients that read")
	flags.Var(&b.runs, "runs", "numbers of existing runs in front of which reads are measured")
	flags.IntVar(&b.backgroundClients, "background-clients", 16, "number of clients that submit, or report, background runs")
	flags.IntVar(&b.backgroundRuns, "background-runs", 1000, "number of background runs in one round")
	flags.IntVar(&b.listenerCount, "listeners", 1000, "number of listeners on /events/out, and of idle workers beside them")
	flags.IntVar(&b.rounds, "rounds", 5, "rounds of each measurement; the median counts")
	flags.DurationVar(&b.stretch, "stretch", 4*time.Second, "length of one stretch of writes")
	flags.DurationVar(&b.readStretch, "read-stretch", time.Second, "length of one stretch of reads")
	flags.BoolVar(&b.quick, "quick", false, "print one table of ratios in less than three minutes; flags of numbers and lengths have no effect")
	b.plane.BindFlags(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err //nolint:wrapcheck // it names the flag
	}
	if b.quick {
		b.shorten()
	}
	b.parts = strings.Split(*parts, ",")
	for _, part := range b.parts {
		if !slices.Contains([]string{"writes", "reads", "background", "listeners"}, part) {
			return nil, fmt.Errorf("-parts: there is no part %q", part)
		}
	}
	if min(b.rounds, b.backgroundClients, b.backgroundRuns, b.listenerCount) < 1 {
		return nil, errors.New("-rounds, -background-clients, -background-runs, -listeners: want 1 or more")
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
	defer func() { err = errors.Join(err, b.clear(), unlock()) }()
	if b.quick {
		return b.quickly(ctx, stdout)
	}
	for _, part := range b.parts {
		measure := map[string]func(context.Context, io.Writer) error{
			"writes": b.writes, "reads": b.reads, "background": b.background, "listeners": b.listeners,
		}[part]
		if err := measure(ctx, stdout); err != nil {
			return err
		}
	}
	return nil
}

// writes measures and reports writes, reads the other parts.
func (b *bench) writes(ctx context.Context, stdout io.Writer) error {
	compared, err := b.compareWrites(ctx)
	if err != nil {
		return err
	}
	return reportWrites(stdout, compared)
}

func (b *bench) reads(ctx context.Context, stdout io.Writer) error {
	var all []held
	for _, runs := range append([]int{0}, b.runs...) {
		one, err := b.measureHeld(ctx, runs)
		if err != nil {
			return fmt.Errorf("with %d runs: %w", runs, err)
		}
		all = append(all, one)
	}
	return reportHeld(stdout, b.readClients, all[0], all[1:])
}

// scratch creates an empty folder, which is removed when the benchmark ends. It clears
// one that a killed benchmark left behind.
func (b *bench) scratch(name string) (string, error) {
	folder := filepath.Join(b.data, name)
	if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil { //nolint:gosec // the user names the folder
		return "", fmt.Errorf("making a folder: %w", err)
	}
	b.throwAway = append(b.throwAway, folder)
	return folder, nil
}

func (b *bench) clear() error {
	var errs []error
	for _, folder := range b.throwAway {
		errs = append(errs, os.RemoveAll(folder)) //nolint:gosec // the user names the folder
	}
	return errors.Join(errs...)
}

func (b *bench) mostClients() int { return slices.Max(b.readClients) }

// progress prints a progress message.
func (b *bench) progress(format string, args ...any) {
	_, _ = fmt.Fprintf(b.stderr, format+"\n", args...)
}
