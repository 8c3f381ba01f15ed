package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
)

// readIDs is the number of runs that are read one by one, in random order.
const readIDs = 1000

// footprint is the memory of the two processes that hold runs in memory, in bytes.
type footprint struct {
	operatorHeap, operatorResident   float64
	apiServerHeap, apiServerResident float64
}

// held holds the measurements with a number of runs.
type held struct {
	runs      int
	starts    []start // kube-apiserver was started just before the first one, and is warm for the others
	footprint footprint
	answers   []answered
	missing   []load.Query // queries that the server has no route for
}

// start is one start of the operator: the time until it is ready, and until its controller has reconciled
// all runs.
type start struct {
	stack.ColdStart

	reconciledCPU  time.Duration
	reconciledPeak float64 // bytes
}

// answered is one kind of read, with a sample for each number of clients.
type answered struct {
	name    string
	samples []load.Sample // in the order of readClients
}

// warmStarts returns the starts with kube-apiserver warm, or the only start.
func (h *held) warmStarts() []start {
	if len(h.starts) == 1 {
		return h.starts
	}
	return h.starts[1:]
}

// startMedian returns the median of the starts with kube-apiserver warm.
func (h *held) startMedian(of func(start) float64) float64 {
	var values []float64
	for _, s := range h.warmStarts() {
		values = append(values, of(s))
	}
	return load.Median(values)
}

// measureHeld measures reads and memory with a number of runs in their own control plane. The results with
// 0 runs are the baseline.
func (b *bench) measureHeld(ctx context.Context, runs int) (_ held, err error) {
	result := held{runs: runs}
	folder, err := b.folderOf(ctx, runs)
	if err != nil {
		return result, err
	}
	// Restart the control plane on its data: its memory is then that of normal operation, without what
	// filling left.
	s, err := stack.Start(ctx, b.plane.At(folder, false))
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.EnsureNamespaces(ctx, oursNamespace); err != nil {
		return result, err
	}
	o, err := b.coldStarts(ctx, s, &result)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, o.Stop()) }()
	if b.quick {
		return result, b.measureReads(ctx, o, &result)
	}
	if result.footprint, err = weigh(ctx, s, o); err != nil || runs == 0 {
		return result, err
	}
	b.progress("  %d runs: starts %.2f s and then %.2f s, operator %s of live heap", runs, result.starts[0].Time.Seconds(),
		result.startMedian(func(s start) float64 { return s.Time.Seconds() }), load.Bytes(result.footprint.operatorHeap))
	return result, b.measureReads(ctx, o, &result)
}

func (b *bench) folderOf(ctx context.Context, runs int) (string, error) {
	if runs == 0 {
		return b.scratch("empty")
	}
	return b.filled(ctx, runs)
}

// coldStarts starts the operator once per round, and one time more to begin with. The last one keeps running.
func (b *bench) coldStarts(ctx context.Context, s *stack.Stack, into *held) (*stack.Operator, error) {
	for round := 1; ; round++ {
		o, err := s.StartOperator(ctx, b.operator, oursNamespace)
		if err != nil {
			return nil, err
		}
		one := start{ColdStart: o.ColdStart}
		if one.reconciledCPU, one.reconciledPeak, err = o.AwaitReconciled(ctx, into.runs); err != nil {
			return nil, errors.Join(err, o.Stop())
		}
		into.starts = append(into.starts, one)
		if round > b.rounds || b.quick {
			return o, nil
		}
		if err := o.Stop(); err != nil {
			return nil, fmt.Errorf("stopping the operator between two cold starts: %w", err)
		}
	}
}

func weigh(ctx context.Context, s *stack.Stack, o *stack.Operator) (footprint, error) {
	var f footprint
	apiServer, err := s.APIServerMetrics()
	if err != nil {
		return f, err
	}
	if f.operatorHeap, err = stack.LiveHeap(ctx, o.ReadMetrics); err != nil {
		return f, fmt.Errorf("operator: %w", err)
	}
	if f.apiServerHeap, err = stack.LiveHeap(ctx, apiServer); err != nil {
		return f, fmt.Errorf("kube-apiserver: %w", err)
	}
	if f.operatorResident, err = stack.ResidentBytes(o.PID()); err != nil {
		return f, err
	}
	f.apiServerResident, err = stack.ResidentBytes(s.PIDs()["kube-apiserver"])
	return f, err
}

// measureReads performs all reads in turns, round after round.
func (b *bench) measureReads(ctx context.Context, o *stack.Operator, into *held) error {
	client := load.NewClient(o.Base, b.mostClients())
	defer client.Close()
	ids, err := client.IDs(ctx, readIDs)
	if err != nil {
		return fmt.Errorf("choosing runs to read: %w", err)
	}
	if count, err := client.Count(ctx); err != nil || count < into.runs {
		return errors.Join(fmt.Errorf("there are %d runs, want %d or more", count, into.runs), err)
	}
	served, missing, err := load.Served(ctx, client, load.Queries(true))
	if err != nil {
		return err
	}
	into.missing = missing
	operations := []named{{"GET /hello, which reads no run", client.Hello}, {"GET", load.Reads(client, ids)}}
	for _, q := range served {
		operations = append(operations, named{q.Name, q.Operation(client)})
	}
	for _, operation := range operations {
		into.answers = append(into.answers, answered{name: operation.name})
	}
	rounds, err := b.readRounds(ctx, operations)
	if err != nil {
		return err
	}
	for i := range into.answers {
		for j := range b.readClients {
			into.answers[i].samples = append(into.answers[i].samples, load.Pool(rounds[i][j]))
		}
	}
	return nil
}

// named is an operation and its name in a table.
type named struct {
	name      string
	operation load.Operation
}

// readRounds returns the samples by operation, number of clients and round.
func (b *bench) readRounds(ctx context.Context, operations []named) ([][][]load.Sample, error) {
	samples := make([][][]load.Sample, len(operations))
	for i := range samples {
		samples[i] = make([][]load.Sample, len(b.readClients))
	}
	for round := range b.rounds {
		begin := time.Now()
		for i, operation := range operations {
			for j, clients := range b.readClients {
				sample := load.Drive(ctx, clients, b.readStretch, operation.operation)
				if err := sample.Err(); err != nil {
					return nil, fmt.Errorf("%s: %w", operation.name, err)
				}
				samples[i][j] = append(samples[i][j], sample)
			}
		}
		b.progress("  reads, round %d: %s", round+1, time.Since(begin).Round(time.Second))
	}
	return samples, nil
}
