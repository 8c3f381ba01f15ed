package main

import (
	"context"
	"fmt"
	"time"
)

// setup is what all measurements share: one control plane, one operator.
type setup struct {
	bare     *bareLoop
	rest     func(clients int) *restDoor
	writes   func(context.Context) (float64, error) // API writes of the operator so far
	pids     map[string]int
	rounds   int
	stretch  time.Duration // length of one stretch of load
	progress func(format string, args ...any)
}

// comparison is the two ways of one life cycle at one number of clients.
type comparison struct {
	clients          int
	bare, ours       float64   // life cycles per second, medians
	ratios           []float64 // ours by bare, round by round
	p50, p99         time.Duration
	writesPerCycle   float64
	cpuBare, cpuOurs map[string]time.Duration // per life cycle
}

// compare runs the bare loop and ours in turn, round after round, so that both
// meet the machine in the same moods.
func (s *setup) compare(ctx context.Context, clients int) (comparison, error) {
	door := s.rest(clients)
	var bare, ours accumulator
	result := comparison{clients: clients}
	for round := range s.rounds {
		b, err := s.stretchOf(ctx, clients, s.bare.cycle, &bare)
		if err != nil {
			return result, fmt.Errorf("bare loop: %w", err)
		}
		o, err := s.stretchOf(ctx, clients, door.cycle, &ours)
		if err != nil {
			return result, fmt.Errorf("ours over REST: %w", err)
		}
		result.ratios = append(result.ratios, o.perSecond/b.perSecond)
		result.p50, result.p99 = o.percentile(0.50), o.percentile(0.99)
		s.progress("  %2d clients, round %d: bare %.0f/s, ours %.0f/s", clients, round+1, b.perSecond, o.perSecond)
	}
	result.bare, result.ours = median(bare.perSecond), median(ours.perSecond)
	result.cpuBare, result.cpuOurs = bare.cpuPerCycle(), ours.cpuPerCycle()
	result.writesPerCycle = ours.writes / float64(ours.cycles)
	return result, nil
}

// accumulator sums up the stretches of one way.
type accumulator struct {
	perSecond []float64
	cycles    int
	writes    float64
	cpu       map[string]time.Duration
}

func (a *accumulator) cpuPerCycle() map[string]time.Duration {
	per := make(map[string]time.Duration, len(a.cpu))
	for name, spent := range a.cpu {
		per[name] = spent / time.Duration(max(a.cycles, 1))
	}
	return per
}

// stretchOf drives one stretch of load and books its cost.
func (s *setup) stretchOf(
	ctx context.Context, clients int, cycle func(context.Context) error, into *accumulator,
) (sample, error) {
	before, err := cpuTimes(s.pids)
	if err != nil {
		return sample{}, err
	}
	writesBefore, err := s.writes(ctx)
	if err != nil {
		return sample{}, err
	}
	result := drive(ctx, clients, s.stretch, cycle)
	if result.failed > 0 {
		return result, fmt.Errorf("%d of %d life cycles failed, the first: %w",
			result.failed, result.failed+len(result.latencies), result.firstErr)
	}
	after, err := cpuTimes(s.pids)
	if err != nil {
		return result, err
	}
	writesAfter, err := s.writes(ctx)
	if err != nil {
		return result, err
	}
	if into.cpu == nil {
		into.cpu = map[string]time.Duration{}
	}
	for name := range s.pids {
		into.cpu[name] += after[name] - before[name]
	}
	into.perSecond = append(into.perSecond, result.perSecond)
	into.cycles += len(result.latencies)
	into.writes += writesAfter - writesBefore
	return result, nil
}

// reads measures GETs of runs that exist.
func (s *setup) reads(ctx context.Context, clients int) (sample, error) {
	door := s.rest(clients)
	const runs = 100
	ids := make(chan string, runs)
	for range runs {
		id, err := door.create(ctx)
		if err != nil {
			return sample{}, err
		}
		ids <- id
	}
	result := drive(ctx, clients, s.stretch, func(ctx context.Context) error {
		id := <-ids
		ids <- id
		return door.read(ctx, id)
	})
	if result.failed > 0 {
		return result, fmt.Errorf("%d GETs failed, the first: %w", result.failed, result.firstErr)
	}
	return result, nil
}
