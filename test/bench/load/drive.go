// Package load generates load on an HTTP server that implements Prefect's API, and
// summarizes the results. It has no code for particular servers: all contenders of a
// benchmark get the same clients, bodies and arithmetic.
package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrExhausted is returned by an operation that has nothing left to work on. It ends
// the client that gets it and is not a failure.
var ErrExhausted = errors.New("nothing is left to work on")

// Operation is one request or series of requests that a client repeats.
type Operation func(context.Context) error

// Sample is the result of one or several stretches of load.
type Sample struct {
	// PerSecond is the rate of successful operations.
	PerSecond float64
	// Latencies holds the latencies of successful operations, in ascending order.
	Latencies []time.Duration
	// Failed counts the other operations. FirstErr is the error of the first one.
	Failed   int
	FirstErr error
	// Retried counts requests that were sent again. Drive does not set it.
	Retried int64
}

// Err returns nil if no operation failed and at least one succeeded.
func (s Sample) Err() error {
	switch {
	case s.Failed > 0:
		return fmt.Errorf("%d of %d operations failed, the first: %w", s.Failed, s.Failed+len(s.Latencies), s.FirstErr)
	case len(s.Latencies) == 0:
		return errors.New("not one operation was done")
	default:
		return nil
	}
}

// Drive repeats an operation in a number of clients for a period of time. Operations
// that have started by then are finished and counted.
func Drive(ctx context.Context, clients int, length time.Duration, operation Operation) Sample {
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		result Sample
	)
	begin := time.Now()
	for range clients {
		group.Go(func() {
			mine := client(ctx, begin.Add(length), operation)
			mu.Lock()
			defer mu.Unlock()
			result.Latencies = append(result.Latencies, mine.Latencies...)
			result.Failed += mine.Failed
			if result.FirstErr == nil {
				result.FirstErr = mine.FirstErr
			}
		})
	}
	group.Wait()
	result.PerSecond = float64(len(result.Latencies)) / time.Since(begin).Seconds()
	slices.Sort(result.Latencies)
	return result
}

// client is one of the loops of Drive.
func client(ctx context.Context, end time.Time, operation Operation) Sample {
	var mine Sample
	for time.Now().Before(end) && ctx.Err() == nil {
		started := time.Now()
		err := operation(ctx)
		switch {
		case errors.Is(err, ErrExhausted):
			return mine
		case err == nil:
			mine.Latencies = append(mine.Latencies, time.Since(started))
		default:
			mine.Failed++
			if mine.FirstErr == nil {
				mine.FirstErr = err
			}
		}
	}
	return mine
}

// Repeat runs an operation a fixed number of times in a number of clients, and stops
// at the first error. The operation gets its number, from 0.
func Repeat(ctx context.Context, clients, times int, operation func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for number := range numbers {
				if err := operation(ctx, number); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for number := range times {
		select {
		case numbers <- number:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(numbers)
	group.Wait()
	return context.Cause(ctx)
}
