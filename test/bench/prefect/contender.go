package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/prefect"
)

const (
	// prefectReadyLimit is the timeout for the start of a Prefect server, which
	// creates its database.
	prefectReadyLimit = 5 * time.Minute
	// warmUp is the time of unmeasured load on a contender before each of its
	// stretches.
	warmUp = 500 * time.Millisecond
	// grace is the maximum time beyond the end of a stretch for operations that have
	// started.
	grace = 10 * time.Second
	// namespace is the namespace of the operator's runs.
	namespace = "ours"
)

// contender is a measured server.
type contender struct {
	name, base string
	ours       bool
	// paused is the process that is stopped while others are measured, or nil. A
	// Prefect server continues to process events after a stretch.
	paused *controlplane.Process
	settle func(context.Context) error
	// fillClients is the number of concurrent clients that fill it. SQLite has one
	// writer.
	fillClients int
	client      *load.Client
}

// turn lets only this contender run. Stopped processes are continued for termination,
// and are killed with this program.
func (c *contender) turn(work func() error) error {
	if c.paused == nil {
		return work()
	}
	if err := syscall.Kill(c.paused.PID(), syscall.SIGCONT); err != nil {
		return fmt.Errorf("letting %s go on: %w", c.name, err)
	}
	if c.client != nil {
		c.client.Close() // the server closed idle connections while it was stopped
	}
	err := work()
	if stopped := syscall.Kill(c.paused.PID(), syscall.SIGSTOP); stopped != nil {
		err = errors.Join(err, fmt.Errorf("stopping %s for a while: %w", c.name, stopped))
	}
	return err
}

// drive runs one stretch of load, after a short one that is not counted.
func (c *contender) drive(ctx context.Context, clients int, length time.Duration, operation load.Operation) (load.Sample, error) {
	var sample load.Sample
	err := c.turn(func() error {
		bounded(ctx, clients, warmUp, operation)
		before := c.client.Retried.Load()
		sample = bounded(ctx, clients, length, operation)
		sample.Retried = c.client.Retried.Load() - before
		return ctx.Err()
	})
	// A failure of a Prefect server under load is a result; a failure of ours is an
	// error.
	if c.ours {
		err = errors.Join(err, sample.Err())
	}
	if err != nil {
		return sample, fmt.Errorf("%s: %w", c.name, err)
	}
	return sample, nil
}

// bounded drives load, and cancels operations that take far too long.
func bounded(ctx context.Context, clients int, length time.Duration, operation load.Operation) load.Sample {
	ctx, cancel := context.WithTimeoutCause(ctx, length+grace, fmt.Errorf("not done %s after the end of the stretch", grace))
	defer cancel()
	return load.Drive(ctx, clients, length, operation)
}

// start starts all contenders, ours first. The returned function stops those that were
// started; it is set after an error, too.
func (b *bench) start(ctx context.Context, server, scratch string) ([]*contender, func() error, error) {
	var stops []func() error
	stop := func() error {
		var err error
		for _, stopOne := range slices.Backward(stops) {
			err = errors.Join(err, stopOne())
		}
		return err
	}
	ours, err := b.startOurs(ctx, filepath.Join(scratch, "ours"), &stops)
	if err != nil {
		return nil, stop, err
	}
	contenders := []*contender{ours}
	if b.sqlite {
		sqlite, err := b.startPrefect(ctx, server, "Prefect on SQLite", filepath.Join(scratch, "sqlite"), "", &stops)
		if err != nil {
			return nil, stop, err
		}
		contenders = append(contenders, sqlite)
	}
	programs, found := findPostgreSQL()
	if !found {
		b.progress("no PostgreSQL here (initdb and postgres, in PATH or /usr/lib/postgresql/*/bin): Prefect is measured on SQLite alone")
		return contenders, stop, nil
	}
	url, err := b.startPostgreSQL(ctx, programs, filepath.Join(scratch, "database"), &stops)
	if err != nil {
		return nil, stop, err
	}
	postgres, err := b.startPrefect(ctx, server, "Prefect on PostgreSQL", filepath.Join(scratch, "postgresql"), url, &stops)
	if err != nil {
		return nil, stop, err
	}
	return append(contenders, postgres), stop, nil
}

// startOurs starts a control plane that flushes every write to disk, and the operator.
func (b *bench) startOurs(ctx context.Context, data string, stops *[]func() error) (*contender, error) {
	s, err := stack.Start(ctx, b.plane.At(data, true))
	if err != nil {
		return nil, err
	}
	*stops = append(*stops, s.Stop)
	if err := s.EnsureNamespaces(ctx, namespace); err != nil {
		return nil, err
	}
	o, err := s.StartOperator(ctx, b.operator, namespace)
	if err != nil {
		return nil, err
	}
	*stops = append(*stops, o.Stop)
	b.progress("started ours")
	return &contender{name: "ours", base: o.Base, ours: true, settle: o.Settle, fillClients: fillClients}, nil
}

// startPrefect starts a Prefect server with its default settings, except for those
// that access the network or serve its web pages. Without a database URL, it uses
// SQLite in its data folder.
func (b *bench) startPrefect(
	ctx context.Context, program, name, data, database string, stops *[]func() error,
) (*contender, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of %s: %w", name, err)
	}
	addresses, err := stack.FreeAddresses(1)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	output, err := os.Create(filepath.Join(data, "server.log")) //nolint:gosec // in this run's own folder
	if err != nil {
		return nil, fmt.Errorf("creating the log of %s: %w", name, err)
	}
	defer output.Close()
	writers := fillClients
	if database == "" {
		writers = 1
		database = "sqlite+aiosqlite:///" + filepath.Join(data, "prefect.db")
	}
	host, port := split(addresses[0])
	process, err := controlplane.StartProcess(controlplane.Command{
		Name: "prefect-server", Path: "/usr/bin/env", PIDFolder: data, Output: output,
		Args: []string{
			"-i", "PATH=" + os.Getenv("PATH"), "HOME=" + data, "PREFECT_HOME=" + data,
			"PREFECT_SERVER_DATABASE_CONNECTION_URL=" + database, "PREFECT_SERVER_ANALYTICS_ENABLED=false", "DO_NOT_TRACK=1",
			program, "server", "start", "--host", host, "--port", port, "--no-ui",
		},
	})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	*stops = append(*stops, func() error {
		_ = syscall.Kill(process.PID(), syscall.SIGCONT) // a stopped process does not receive the signal to terminate
		return process.Stop()
	})
	base := "http://" + addresses[0] + "/api"
	if err := stack.AwaitReady(ctx, process, base+"/health", prefectReadyLimit); err != nil {
		printed, _ := os.ReadFile(output.Name()) // only explains the failure
		return nil, fmt.Errorf("starting %s: %w: %s", name, err, prefect.Tail(printed))
	}
	b.progress("started %s", name)
	c := &contender{
		name: name, base: base, paused: process, fillClients: writers,
		settle: func(context.Context) error { return nil },
	}
	return c, c.turn(func() error { return nil })
}
