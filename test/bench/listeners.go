package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
)

const (
	// listenedClients is the number of clients that do life cycles during the measurement of listeners.
	listenedClients = 16
	// connecting is the number of sockets opened concurrently.
	connecting = 32
	// reconnecting is the number of futures that reconnect at once after a connection loss.
	reconnecting = 50
	// reconnectedAfter is the time over which the CPU time of a reconnect is measured.
	reconnectedAfter = time.Second
	// arrivalLimit is the timeout for events after the last life cycle.
	arrivalLimit = 30 * time.Second
)

// listening is a kind of listener and its measurements.
type listening struct {
	name   string
	filter func(number int) string
	all    bool // each listener gets the end of every run

	without, with booked
	events        int64         // received by all listeners
	took          time.Duration // of all stretches with these listeners
	heap          float64       // of one listener, in bytes
}

// listeners measures and reports the effect of listeners on clients that write.
func (b *bench) listeners(ctx context.Context, stdout io.Writer) error {
	kinds, latencies, err := b.measureListeners(ctx)
	if err != nil {
		return err
	}
	reconnect, err := b.measureReconnect(ctx, slices.Max(b.runs))
	if err != nil {
		return err
	}
	return reportListeners(stdout, b.listenerCount, kinds, latencies, reconnect)
}

// measureListeners measures life cycles without listeners and with each kind.
func (b *bench) measureListeners(ctx context.Context) (kinds []*listening, latencies load.Sample, err error) {
	err = b.withOperator(ctx, "listeners", func(s *stack.Stack, o *stack.Operator) error {
		client := load.NewClient(o.Base, listenedClients)
		defer client.Close()
		w := &writers{bench: b, operator: o, pids: s.PIDs()}
		w.pids["operator"], w.pids["load"] = o.PID(), os.Getpid()
		if kinds, err = b.kindsOfListeners(ctx, client); err != nil {
			return err
		}
		latencies, err = w.listenedRounds(ctx, client, kinds)
		return err
	})
	return kinds, latencies, err
}

// listenedRounds measures all kinds of listeners, and a single future, in turns.
func (w *writers) listenedRounds(ctx context.Context, client *load.Client, kinds []*listening) (latencies load.Sample, err error) {
	var alone []load.Sample
	for round := range w.rounds {
		sample, err := load.EndLatencies(ctx, client, w.stretch)
		if err != nil {
			return latencies, fmt.Errorf("one listener: %w", err)
		}
		alone = append(alone, sample)
		for _, kind := range kinds {
			if err := w.listenedRound(ctx, client, kind, round == 0 && !w.quick); err != nil {
				return latencies, fmt.Errorf("%s: %w", kind.name, err)
			}
			w.progress("  %s, round %d: %s/s without, %s/s with", kind.name, round+1,
				load.Rate(kind.without.rounds[round].PerSecond), load.Rate(kind.with.rounds[round].PerSecond))
		}
	}
	return load.Pool(alone), nil
}

// kindsOfListeners creates the runs that listeners of the first kind select.
func (b *bench) kindsOfListeners(ctx context.Context, client *load.Client) ([]*listening, error) {
	ids := make([]string, b.listenerCount)
	err := load.Repeat(ctx, listenedClients, len(ids), func(ctx context.Context, i int) (err error) {
		ids[i], err = client.Create(ctx, load.Run{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("creating runs to wait for: %w", err)
	}
	kinds := []*listening{{name: "of a run of their own", filter: func(i int) string { return load.OwnRun(ids[i]) }}}
	if !b.quick {
		kinds = append(kinds, &listening{name: "futures, of all ends", all: true, filter: func(int) string { return load.Future() }})
	}
	return kinds, nil
}

// listenedRound measures one stretch without listeners and one with them.
func (w *writers) listenedRound(ctx context.Context, client *load.Client, kind *listening, weigh bool) (err error) {
	if err := w.operator.Settle(ctx); err != nil {
		return err
	}
	if err := w.stretchOf(ctx, listenedClients, client.Cycle, &kind.without); err != nil {
		return err
	}
	if err := w.operator.Settle(ctx); err != nil {
		return err
	}
	var c connected
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := w.listen(ctx, kind, &c, weigh); err != nil {
		return err
	}
	if err := c.addWorkers(ctx, w.operator.Base, w.listenerCount); err != nil {
		return err
	}
	before, begin := c.events(), time.Now()
	if err := w.stretchOf(ctx, listenedClients, client.Cycle, &kind.with); err != nil {
		return err
	}
	kind.took += time.Since(begin)
	ended := int64(len(kind.with.rounds[len(kind.with.rounds)-1].Latencies))
	if err := c.awaitEnds(ctx, before, ended, kind.all); err != nil {
		return err
	}
	for i, l := range c.listeners {
		kind.events += l.Events() - before[i]
	}
	return nil
}

// listen connects listeners and waits until they have received recent events.
func (w *writers) listen(ctx context.Context, kind *listening, c *connected, weigh bool) error {
	heap := 0.0
	if weigh {
		var err error
		if heap, err = stack.LiveHeap(ctx, w.operator.ReadMetrics); err != nil {
			return fmt.Errorf("operator: %w", err)
		}
	}
	if err := c.addListeners(ctx, w.operator.Base, w.listenerCount, kind.filter); err != nil {
		return err
	}
	if err := load.Quiet(ctx, c.listeners...); err != nil || !weigh {
		return err //nolint:wrapcheck // the listener was disconnected
	}
	heapWith, err := stack.LiveHeap(ctx, w.operator.ReadMetrics)
	kind.heap = (heapWith - heap) / float64(w.listenerCount)
	return err //nolint:wrapcheck // the listener's error is returned
}

// connected holds the sockets that are open during a measurement.
type connected struct {
	listeners []*load.Listener
	workers   []*load.Worker
}

func (c *connected) addListeners(ctx context.Context, base string, n int, filter func(number int) string) error {
	c.listeners = make([]*load.Listener, n)
	err := load.Repeat(ctx, connecting, n, func(ctx context.Context, i int) (err error) {
		c.listeners[i], err = load.NewListener(ctx, base, filter(i))
		return err
	})
	if err != nil {
		return fmt.Errorf("connecting listeners: %w", err)
	}
	return nil
}

// addWorkers connects workers of a task that has no runs.
func (c *connected) addWorkers(ctx context.Context, base string, n int) error {
	c.workers = make([]*load.Worker, n)
	err := load.Repeat(ctx, connecting, n, func(ctx context.Context, i int) (err error) {
		c.workers[i], err = load.NewWorker(ctx, base, "idle", "idle-"+strconv.Itoa(i))
		return err
	})
	if err != nil {
		return fmt.Errorf("connecting workers: %w", err)
	}
	return nil
}

func (c *connected) Close() error {
	var errs []error
	for _, l := range c.listeners {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	for _, w := range c.workers {
		if w != nil {
			errs = append(errs, w.Close())
		}
	}
	return errors.Join(errs...)
}

// events returns the number of events that each listener has received.
func (c *connected) events() []int64 {
	counts := make([]int64, len(c.listeners))
	for i, l := range c.listeners {
		counts[i] = l.Events()
	}
	return counts
}

// awaitEnds waits until each listener has received the ends that it selects, and no more.
func (c *connected) awaitEnds(ctx context.Context, before []int64, ended int64, all bool) error {
	ctx, cancel := context.WithTimeout(ctx, arrivalLimit)
	defer cancel()
	want := map[bool]int64{true: ended}[all]
	for i, l := range c.listeners {
		if err := errors.Join(l.Await(ctx, before[i]+want), l.Err()); err != nil {
			return err
		}
		if got := l.Events() - before[i]; got != want {
			return fmt.Errorf("a listener has got %d events of %d ends, want %d", got, ended, want)
		}
	}
	return nil
}

// reconnected is the cost of many futures that reconnect at once.
type reconnected struct {
	runs int
	cpu  []float64 // of the operator for all futures, in seconds
}

// measureReconnect connects futures when all runs finished long ago.
func (b *bench) measureReconnect(ctx context.Context, runs int) (_ reconnected, err error) {
	result := reconnected{runs: runs}
	folder, err := b.filled(ctx, runs)
	if err != nil {
		return result, err
	}
	s, err := stack.Start(ctx, b.plane.At(folder, false))
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	o, err := s.StartOperator(ctx, b.operator, oursNamespace)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, o.Stop()) }()
	if err := o.Settle(ctx); err != nil {
		return result, err
	}
	if err := awaitNoEvents(ctx, o); err != nil {
		return result, err
	}
	for range b.rounds {
		seconds, err := reconnectOnce(ctx, o)
		if err != nil {
			return result, err
		}
		result.cpu = append(result.cpu, seconds)
	}
	return result, nil
}

// eventsPoll is the interval between checks whether a new future receives events.
const eventsPoll = 5 * time.Second

// awaitNoEvents returns when a new future receives no event. Runs that were just filled in ended less than a minute
// ago.
func awaitNoEvents(ctx context.Context, o *stack.Operator) error {
	for {
		l, err := load.NewListener(ctx, o.Base, load.Future())
		if err != nil {
			return fmt.Errorf("connecting a listener: %w", err)
		}
		err = load.Quiet(ctx, l)
		events := l.Events()
		if err := errors.Join(err, l.Close()); err != nil || events == 0 {
			return err
		}
		select {
		case <-time.After(eventsPoll):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func reconnectOnce(ctx context.Context, o *stack.Operator) (seconds float64, err error) {
	pids := map[string]int{"operator": o.PID()}
	before, err := stack.CPUTimes(pids)
	if err != nil {
		return 0, err
	}
	var c connected
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.addListeners(ctx, o.Base, reconnecting, func(int) string { return load.Future() }); err != nil {
		return 0, err
	}
	select {
	case <-time.After(reconnectedAfter):
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	after, err := stack.CPUTimes(pids)
	return (after["operator"] - before["operator"]).Seconds(), err
}

// listenersCPU returns the CPU time that the operator spends on all listeners per second of life cycles.
func (l *listening) listenersCPU() time.Duration {
	spent := l.with.cpu["operator"] - l.without.cpuEach("operator")*time.Duration(l.with.operations())
	return time.Duration(float64(spent) / max(l.took.Seconds(), 1e-9))
}

func reportListeners(w io.Writer, n int, kinds []*listening, latencies load.Sample, reconnect reconnected) error {
	t := load.NewTable(fmt.Sprintf("%d listeners, %d idle workers", n, n), "life cycles per second without", "with them",
		"ratio (median, min to max)", "operator's CPU each, without", "with", "events received per second",
		"live heap a listener", "operator's CPU a listener, per second")
	for _, kind := range kinds {
		t.Row(kind.name, load.Rate(load.Pool(kind.without.rounds).PerSecond), load.Rate(load.Pool(kind.with.rounds).PerSecond),
			load.RatioOf(kind.with.rounds, kind.without.rounds).String(),
			load.Millis(kind.without.cpuEach("operator")), load.Millis(kind.with.cpuEach("operator")),
			load.Rate(float64(kind.events)/max(kind.took.Seconds(), 1e-9)), load.Bytes(kind.heap),
			load.Millis(kind.listenersCPU()/time.Duration(n)))
	}
	_, err := fmt.Fprintf(w, "%sone future, from the set_state to the event: p50 %s, p99 %s\n", t.String(),
		load.Millis(latencies.Percentile(0.5)), load.Millis(latencies.Percentile(0.99)))
	if err == nil && reconnect.runs > 0 {
		_, err = fmt.Fprintf(w, "%d futures that connect again in front of %d runs: %.0f ms of CPU of the operator in all (%.0f to %.0f)\n",
			reconnecting, reconnect.runs, 1000*load.Median(reconnect.cpu), 1000*slices.Min(reconnect.cpu), 1000*slices.Max(reconnect.cpu))
	}
	return err
}
