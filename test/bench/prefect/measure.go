package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
)

// fillClients is the number of concurrent clients that fill a server with several
// writers.
const fillClients = 16

// readIDs is the number of runs that are read one by one, in random order.
const readIDs = 1000

// result is one kind of operation at one number of clients and one number of runs.
type result struct {
	kind    string
	runs    int // minimum number of runs
	clients int
	rounds  [][]load.Sample // by contender, then by round
	missing []bool          // by contender: it has no route for the operation
	goals   goals
}

// operations holds one kind of operation by contender, nil if a contender does not
// support it.
type operations struct {
	kind  string
	each  []load.Operation
	goals goals
}

// measure fills the servers step by step and measures reads at each step. Writes
// come last, because they add runs.
func (b *bench) measure(ctx context.Context, contenders []*contender) ([]result, error) {
	most := 0
	for _, n := range append(append([]int{}, b.clients...), b.readClients...) {
		most = max(most, n)
	}
	for _, c := range contenders {
		c.client = load.NewClient(c.base, max(most, fillClients))
		c.client.Patient = !c.ours
		defer c.client.Close()
	}
	var results []result
	runs := 0
	for _, runs = range b.runs {
		for _, c := range contenders {
			if err := c.turn(func() error { return b.fill(ctx, c, runs) }); err != nil {
				return nil, fmt.Errorf("filling %s: %w", c.name, err)
			}
		}
		reads, err := readOperations(ctx, contenders)
		if err != nil {
			return nil, err
		}
		measured, err := b.compare(ctx, contenders, reads, runs, b.readClients, b.readStretch)
		if err != nil {
			return nil, err
		}
		results = append(results, measured...)
	}
	cycles := operations{kind: "life cycle", goals: cycleGoals}
	flows := operations{kind: "flow run without tasks", goals: cycleGoals}
	for _, c := range contenders {
		cycles.each = append(cycles.each, c.client.Cycle)
		flows.each = append(flows.each, c.client.FlowCycle)
	}
	measured, err := b.compare(ctx, contenders, []operations{cycles, flows}, runs, b.clients, b.stretch)
	if err != nil {
		return nil, err
	}
	background, err := b.compareBackground(ctx, contenders, runs)
	return slices.Concat(measured, background, results), err
}

// fill adds runs until this number exists.
func (b *bench) fill(ctx context.Context, c *contender, runs int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, b.fillLimit, fmt.Errorf("-fill-limit %s is over", b.fillLimit))
	defer cancel()
	there, err := c.client.Count(ctx)
	if err != nil {
		return fmt.Errorf("counting what is there: %w", err)
	}
	begin := time.Now()
	var done atomic.Int64
	err = load.Repeat(ctx, c.fillClients, max(0, runs-there), func(ctx context.Context, i int) error {
		number := there + i
		_, err := c.client.Create(ctx, load.Run{State: load.StateOf(number), Group: load.GroupOf(number)})
		if n := done.Add(1); n%1000 == 0 {
			b.progress("  filling %s: %d of %d, %.0f/s", c.name, int64(there)+n, runs, float64(n)/time.Since(begin).Seconds())
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("after %d of %d runs: %w", int64(there)+done.Load(), runs, err)
	}
	return c.settle(ctx)
}

// readOperations returns the read of one run and the queries, for all contenders.
func readOperations(ctx context.Context, contenders []*contender) ([]operations, error) {
	queries := load.Queries(false)
	kinds := []string{"GET /hello, which reads no run", "GET"}
	for _, q := range queries {
		kinds = append(kinds, q.Name)
	}
	all := make([]operations, len(kinds))
	for i, kind := range kinds {
		all[i] = operations{kind: kind, each: make([]load.Operation, len(contenders)), goals: readGoals}
	}
	all[0].goals = nil
	for i, c := range contenders {
		err := c.turn(func() error {
			ids, err := c.client.IDs(ctx, readIDs)
			if err != nil {
				return fmt.Errorf("choosing runs to read: %w", err)
			}
			all[0].each[i], all[1].each[i] = c.client.Hello, load.Reads(c.client, ids)
			served, _, err := load.Served(ctx, c.client, queries)
			for _, q := range served {
				for j := range all {
					if all[j].kind == q.Name {
						all[j].each[i] = q.Operation(c.client)
					}
				}
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return all, nil
}

// compare runs the operations in all contenders in turns, round after round.
func (b *bench) compare(
	ctx context.Context, contenders []*contender, kinds []operations, runs int, clients []int, length time.Duration,
) ([]result, error) {
	var results []result
	for _, n := range clients {
		for _, kind := range kinds {
			r := result{kind: kind.kind, runs: runs, clients: n, goals: kind.goals, rounds: make([][]load.Sample, len(contenders))}
			r.missing = make([]bool, len(contenders))
			for range b.rounds {
				for i, c := range contenders {
					if kind.each[i] == nil {
						r.missing[i] = true
						continue
					}
					sample, err := c.drive(ctx, n, length, kind.each[i])
					if err != nil {
						return nil, fmt.Errorf("%s with %d clients: %w", kind.kind, n, err)
					}
					r.rounds[i] = append(r.rounds[i], sample)
				}
			}
			b.progress("  %s", r.line(contenders))
			results = append(results, r)
		}
	}
	return results, nil
}
