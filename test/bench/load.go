package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// sample is what one stretch of load came to.
type sample struct {
	perSecond float64
	latencies []time.Duration // of each operation, sorted
	failed    int
	firstErr  error
}

// percentile returns the latency that share of all operations stayed under.
func (s sample) percentile(share float64) time.Duration {
	if len(s.latencies) == 0 {
		return 0
	}
	return s.latencies[min(int(share*float64(len(s.latencies))), len(s.latencies)-1)]
}

// drive runs an operation over and over in so many clients for a while. An
// operation that began in time is finished and counted.
func drive(ctx context.Context, clients int, length time.Duration, operation func(context.Context) error) sample {
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		result   sample
		finished atomic.Int64
	)
	begin := time.Now()
	for range clients {
		group.Go(func() {
			var mine []time.Duration
			for time.Since(begin) < length && ctx.Err() == nil {
				started := time.Now()
				if err := operation(ctx); err != nil {
					mu.Lock()
					result.failed++
					if result.firstErr == nil {
						result.firstErr = err
					}
					mu.Unlock()
					continue
				}
				finished.Add(1)
				mine = append(mine, time.Since(started))
			}
			mu.Lock()
			result.latencies = append(result.latencies, mine...)
			mu.Unlock()
		})
	}
	group.Wait()
	result.perSecond = float64(finished.Load()) / time.Since(begin).Seconds()
	slices.Sort(result.latencies)
	return result
}

// median of the values; 0 when there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
