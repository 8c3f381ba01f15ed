package main

import (
	"context"
	"fmt"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
)

const (
	// backgroundClients is the number of concurrent clients that submit or report
	// runs. backgroundWorkers is the number of workers that run them.
	backgroundClients, backgroundWorkers = 16, 4
	// backgroundLimit is the timeout of a contender for one round.
	backgroundLimit = 5 * time.Minute
)

// backgrounds lists the kinds of background runs, each a round of a number of runs.
var backgrounds = []struct {
	kind    string
	clients int
	goals   goals
	take    func(ctx context.Context, b *bench, client *load.Client) (load.Sample, error)
}{
	{"submit to frame, idle worker", 1, nil, func(ctx context.Context, b *bench, client *load.Client) (load.Sample, error) {
		return load.Frames(ctx, client, b.stretch)
	}},
	{"background run, end to end", backgroundClients, backgroundGoals, func(ctx context.Context, b *bench, client *load.Client) (load.Sample, error) {
		return load.Background(ctx, client, backgroundClients, backgroundWorkers, b.backgroundRuns)
	}},
	{"run reported over /events/in", backgroundClients, backgroundGoals, func(ctx context.Context, b *bench, client *load.Client) (load.Sample, error) {
		return load.Events(ctx, client, backgroundClients, b.backgroundRuns)
	}},
}

// compareBackground measures background runs in all contenders in turns, round
// after round. A timeout of a contender is a result.
func (b *bench) compareBackground(ctx context.Context, contenders []*contender, runs int) ([]result, error) {
	var results []result
	for _, kind := range backgrounds {
		r := result{
			kind: kind.kind, runs: runs, clients: kind.clients, goals: kind.goals,
			rounds: make([][]load.Sample, len(contenders)), missing: make([]bool, len(contenders)),
		}
		for range b.rounds {
			for i, c := range contenders {
				var sample load.Sample
				err := c.turn(func() (err error) {
					limited, cancel := context.WithTimeoutCause(ctx, backgroundLimit, fmt.Errorf("not done within %s", backgroundLimit))
					defer cancel()
					sample, err = kind.take(limited, b, c.client)
					return err
				})
				if ctx.Err() != nil || (err != nil && c.ours) {
					return nil, fmt.Errorf("%s: %s: %w", kind.kind, c.name, err)
				}
				if err != nil {
					sample.Failed, sample.FirstErr = 1, err
					b.progress("  %s: %s: %v", kind.kind, c.name, err)
				}
				r.rounds[i] = append(r.rounds[i], sample)
			}
		}
		b.progress("  %s", r.line(contenders))
		results = append(results, r)
	}
	return results, nil
}
