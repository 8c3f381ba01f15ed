// Package load makes load on an HTTP server that speaks as a Prefect server does, and
// sums up what it came to. It knows no server in particular: all contenders of a
// benchmark meet the same clients, bodies and arithmetic.
package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrExhausted is what an operation returns that has nothing left to work on. It ends
// the client that meets it and is no failure.
var ErrExhausted = errors.New("nothing is left to work on")

// Operation is one thing that a client does over and over.
type Operation func(context.Context) error

// Sample is what one or several stretches of load came to.
type Sample struct {
	// PerSecond is the rate of operations that succeeded.
	PerSecond float64
	// Latencies of the operations that succeeded, in ascending order.
	Latencies []time.Duration
	// Failed counts the other operations; FirstErr is why the first one failed.
	Failed   int
	FirstErr error
	// Retried counts requests that were sent again; Drive does not know of them.
	Retried int64
}

// Err is nil when no operation failed, and an operation succeeded.
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

// Drive runs an operation over and over in so many clients for a while. An
// operation that began in time is finished and counted.
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

// Repeat runs an operation so many times in so many clients, and stops at the first
// error. The operation is handed its number, from 0.
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
