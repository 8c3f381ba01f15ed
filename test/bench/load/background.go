package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// completedPoll is the interval between checks whether all runs have completed.
const completedPoll = 20 * time.Millisecond

// Submit creates a run that waits for a worker.
func (c *Client) Submit(ctx context.Context, taskKey, name, group string) error {
	return c.call(ctx, http.MethodPost, "/task_runs/", submission(taskKey, name, group), nil)
}

// completed returns the number of completed runs of a group.
func (c *Client) completed(ctx context.Context, group string) (int, error) {
	var n int
	body := `{"task_runs":{"tags":{"all_":["` + group + `"]},"state":{"type":{"any_":["COMPLETED"]}}}}`
	err := c.call(ctx, http.MethodPost, "/task_runs/count", body, &n)
	return n, err
}

// await returns when a number of runs of a group have completed, or when the context
// ends.
func (c *Client) await(ctx context.Context, group string, runs int) error {
	for {
		n, err := c.completed(ctx, group)
		if err != nil || n >= runs {
			return err
		}
		select {
		case <-time.After(completedPoll):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d runs have completed: %w", n, runs, context.Cause(ctx))
		}
	}
}

// awaitWorkers waits until this number of workers of a task are connected.
func (c *Client) awaitWorkers(ctx context.Context, taskKey string, workers int) error {
	for {
		var connected []struct{}
		body := `{"task_worker_filter":{"task_keys":["` + taskKey + `"]}}`
		err := c.call(ctx, http.MethodPost, "/task_workers/filter", body, &connected)
		if err != nil || len(connected) >= workers {
			return err
		}
		select {
		case <-time.After(completedPoll):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d workers are connected: %w", len(connected), workers, context.Cause(ctx))
		}
	}
}

// Frames submits runs one after the other while one worker is idle. A latency is the
// time from the start of the submit to the arrival of the frame at the worker.
func Frames(ctx context.Context, c *Client, length time.Duration) (sample Sample, err error) {
	key := "frames-" + uuid.NewString()[:8]
	worker, err := NewWorker(ctx, c.base, key, "bench-"+key)
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, worker.Close()) }()
	reporter, err := NewReporter(ctx, c.base)
	if err != nil {
		return sample, err
	}
	defer func() { err = errors.Join(err, reporter.Close()) }()
	// The first run makes sure that the server knows the worker.
	var begin time.Time
	for begin.IsZero() || time.Since(begin) < length {
		submitted := time.Now()
		if err := c.Submit(ctx, key, "add", key); err != nil {
			return sample, err
		}
		run, err := worker.Next(ctx)
		if err != nil {
			return sample, err
		}
		took := time.Since(submitted)
		if err := errors.Join(worker.Take(ctx), reporter.Report(ctx, Reported{run.ID, key}, Pending, Running, Completed), reporter.Flush(ctx)); err != nil {
			return sample, err
		}
		if begin.IsZero() {
			begin = time.Now()
			continue
		}
		sample.Latencies = append(sample.Latencies, took)
	}
	sample.PerSecond = float64(len(sample.Latencies)) / length.Seconds()
	slices.Sort(sample.Latencies)
	return sample, nil
}

// Background submits runs through several clients, and several workers run them. Like
// a process that serves a task, each worker has one connection for its runs and one
// for its events. The workers are connected and idle before the first submit. The rate
// counts until a reader sees all runs completed.
func Background(ctx context.Context, c *Client, clients, workers, runs int) (Sample, error) {
	key := "background-" + uuid.NewString()[:8]
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var crew sync.WaitGroup
	defer crew.Wait()
	defer cancel(nil) // before the wait
	for i := range workers {
		crew.Go(func() {
			if err := serve(ctx, c.base, key, i); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	if err := c.awaitWorkers(ctx, key, workers); err != nil {
		return Sample{}, err
	}
	return c.timed(ctx, key, runs, func(ctx context.Context) error {
		return Repeat(ctx, clients, runs, func(ctx context.Context, i int) error {
			return c.Submit(ctx, key, "add-"+strconv.Itoa(i), key)
		})
	})
}

// serve is a worker: it runs the delivered runs until the context ends.
func serve(ctx context.Context, base, key string, number int) (err error) {
	worker, err := NewWorker(ctx, base, key, fmt.Sprint("bench-", key, "-", number))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.Close()) }()
	reporter, err := NewReporter(ctx, base)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reporter.Close()) }()
	for {
		run, err := worker.Next(ctx)
		if err != nil {
			return err
		}
		err = errors.Join(worker.Take(ctx), reporter.Report(ctx, Reported{run.ID, key}, Pending, Running, Completed))
		if err != nil {
			return err
		}
	}
}

// Events reports new runs by events only, over several connections. The rate counts
// until a reader sees all runs completed.
func Events(ctx context.Context, c *Client, connections, runs int) (Sample, error) {
	group := "events-" + uuid.NewString()[:8]
	return c.timed(ctx, group, runs, func(ctx context.Context) error {
		return Repeat(ctx, connections, connections, func(ctx context.Context, i int) (err error) {
			reporter, err := NewReporter(ctx, c.base)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, reporter.Close()) }()
			for range runs/connections + btoi(i < runs%connections) {
				if err := reporter.Report(ctx, NewReported(group), Pending, Running, Completed); err != nil {
					return err
				}
			}
			return reporter.Flush(ctx)
		})
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// timed calls a function and measures the time until all runs of a group have
// completed.
func (c *Client) timed(ctx context.Context, group string, runs int, do func(context.Context) error) (Sample, error) {
	begin := time.Now()
	if err := do(ctx); err != nil {
		return Sample{}, err
	}
	if err := c.await(ctx, group, runs); err != nil {
		return Sample{}, err
	}
	took := time.Since(begin)
	return Sample{PerSecond: float64(runs) / took.Seconds(), Latencies: []time.Duration{took}}, nil
}
