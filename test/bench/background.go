package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
)

const (
	// backgroundWorkers is the number of workers whose rate is measured.
	backgroundWorkers = 4
	// idleSockets is the number of connected workers that get no runs.
	idleSockets = 1000
	// idleFor is the time over which their CPU time is measured.
	idleFor = 10 * time.Second
)

// The indexes of measurements in backgrounds.
const (
	backgroundsFrame = iota
	backgroundsEndToEnd
	backgroundsReported
)

// backgrounds are the measurements of background runs, in the order of the table.
var backgrounds = []struct {
	name string
	take func(ctx context.Context, client *load.Client, b *bench) (load.Sample, int, error) // returns the number of runs
}{
	{"submit to frame, idle worker", func(ctx context.Context, client *load.Client, b *bench) (load.Sample, int, error) {
		sample, err := load.Frames(ctx, client, b.stretch)
		return sample, len(sample.Latencies) + 1, err
	}},
	{"background runs, end to end", func(ctx context.Context, client *load.Client, b *bench) (load.Sample, int, error) {
		sample, err := load.Background(ctx, client, b.backgroundClients, backgroundWorkers, b.backgroundRuns)
		return sample, b.backgroundRuns, err
	}},
	{"runs reported over /events/in", func(ctx context.Context, client *load.Client, b *bench) (load.Sample, int, error) {
		sample, err := load.Events(ctx, client, b.backgroundClients, b.backgroundRuns)
		return sample, b.backgroundRuns, err
	}},
}

// took is the result of one measurement.
type took struct {
	rounds []load.Sample
	writes float64 // to the API server
	runs   int
}

// background measures and reports the latency and cost of workers.
func (b *bench) background(ctx context.Context, stdout io.Writer) error {
	all, idle, err := b.measureBackground(ctx)
	if err != nil {
		return err
	}
	return reportBackground(stdout, all, idle)
}

// withOperator starts a control plane that flushes writes to disk, and the operator, and calls measure.
func (b *bench) withOperator(ctx context.Context, name string, measure func(*stack.Stack, *stack.Operator) error) (err error) {
	folder, err := b.scratch(name)
	if err != nil {
		return err
	}
	s, err := stack.Start(ctx, b.plane.At(folder, true))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.EnsureNamespaces(ctx, oursNamespace); err != nil {
		return err
	}
	o, err := s.StartOperator(ctx, b.operator, oursNamespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Stop()) }()
	return measure(s, o)
}

// measureBackground measures workers. The short form has neither reported runs nor idle workers.
func (b *bench) measureBackground(ctx context.Context) (all []took, idle idleCost, err error) {
	err = b.withOperator(ctx, "background", func(_ *stack.Stack, o *stack.Operator) error {
		if all, err = b.backgroundRounds(ctx, o); err != nil || b.quick {
			return err
		}
		if idle, err = b.idle(ctx, o); err != nil {
			return fmt.Errorf("idle sockets: %w", err)
		}
		return nil
	})
	return all, idle, err
}

func (b *bench) backgroundRounds(ctx context.Context, o *stack.Operator) ([]took, error) {
	all := make([]took, len(backgrounds))
	if b.quick {
		all = all[:backgroundsReported]
	}
	client := load.NewClient(o.Base, b.backgroundClients)
	defer client.Close()
	for round := range b.rounds {
		for i := range all {
			if err := b.backgroundRound(ctx, o, client, i, &all[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", backgrounds[i].name, err)
			}
			last := all[i].rounds[round]
			b.progress("  %s, round %d: %s/s, p50 %s, p99 %s, %.2f API writes a run", backgrounds[i].name, round+1,
				load.Rate(last.PerSecond), load.Millis(last.Percentile(0.5)), load.Millis(last.Percentile(0.99)), all[i].writes/float64(all[i].runs))
		}
	}
	return all, nil
}

func (b *bench) backgroundRound(ctx context.Context, o *stack.Operator, client *load.Client, i int, into *took) error {
	before, err := o.Writes(ctx)
	if err != nil {
		return err
	}
	sample, runs, err := backgrounds[i].take(ctx, client, b)
	if err != nil {
		return err
	}
	if err := o.Settle(ctx); err != nil {
		return err
	}
	after, err := o.Writes(ctx)
	if err != nil {
		return err
	}
	into.rounds = append(into.rounds, sample)
	into.writes += after - before
	into.runs += runs
	return nil
}

// idleCost is the cost of workers without runs.
type idleCost struct {
	heap, resident float64 // bytes each
	cpu            float64 // share of one core, of all workers together
}

// idle connects workers and measures their memory and CPU time.
func (b *bench) idle(ctx context.Context, o *stack.Operator) (cost idleCost, err error) {
	heap, resident, err := weighOperator(ctx, o)
	if err != nil {
		return cost, err
	}
	var workers []*load.Worker
	defer func() {
		for _, worker := range workers {
			err = errors.Join(err, worker.Close())
		}
	}()
	for i := range idleSockets {
		worker, err := load.NewWorker(ctx, o.Base, "idle", "idle-"+strconv.Itoa(i))
		if err != nil {
			return cost, err
		}
		workers = append(workers, worker)
	}
	heapWith, residentWith, err := weighOperator(ctx, o)
	if err != nil {
		return cost, err
	}
	pids := map[string]int{"operator": o.PID()}
	before, err := stack.CPUTimes(pids)
	if err != nil {
		return cost, err
	}
	select {
	case <-time.After(idleFor):
	case <-ctx.Done():
		return cost, context.Cause(ctx)
	}
	after, err := stack.CPUTimes(pids)
	cost = idleCost{
		heap: (heapWith - heap) / idleSockets, resident: (residentWith - resident) / idleSockets,
		cpu: (after["operator"] - before["operator"]).Seconds() / idleFor.Seconds(),
	}
	return cost, err
}

func weighOperator(ctx context.Context, o *stack.Operator) (heap, resident float64, err error) {
	if heap, err = stack.LiveHeap(ctx, o.ReadMetrics); err != nil {
		return 0, 0, err
	}
	resident, err = stack.ResidentBytes(o.PID())
	return heap, resident, err
}

func reportBackground(w io.Writer, all []took, idle idleCost) error {
	t := load.NewTable("what", "per second", "p50", "p99", "API writes a run")
	for i := range all {
		pooled := load.Pool(all[i].rounds)
		cells := []string{backgrounds[i].name, load.Rate(pooled.PerSecond), "", "", fmt.Sprintf("%.2f", all[i].writes/float64(all[i].runs))}
		if len(pooled.Latencies) > len(all[i].rounds) { // otherwise a latency is that of a whole round
			cells[1], cells[2], cells[3] = "", load.Millis(pooled.Percentile(0.5)), load.Millis(pooled.Percentile(0.99))
		}
		t.Row(cells...)
	}
	_, err := fmt.Fprintf(w, "%s%d idle workers: %s of live heap and %s of resident memory each, %.1f %% of one core together\n",
		t.String(), idleSockets, load.Bytes(idle.heap), load.Bytes(idle.resident), 100*idle.cpu)
	return err
}
