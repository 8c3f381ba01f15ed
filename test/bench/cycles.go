package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
)

// side is one of the two programs that make the same writes.
type side struct {
	cycle load.Operation
	// create does the first write. setState does the others on runs that create
	// has made in this round, and is exhausted when there are no more.
	create, setState load.Operation
}

// The names of operations.
const (
	writeCycle  = "life cycle"
	writeCreate = "create"
)

// writes are the operations that are compared, in the order of the table.
var writes = []struct {
	name      string
	operation func(side) load.Operation
}{
	{writeCycle, func(s side) load.Operation { return s.cycle }},
	{writeCreate, func(s side) load.Operation { return s.create }},
	{"set_state", func(s side) load.Operation { return s.setState }},
}

// comparison holds the results of both sides for one operation and one number
// of clients.
type comparison struct {
	clients    int
	name       string
	bare, ours booked
}

// booked holds the stretches of one side and their cost.
type booked struct {
	rounds    []load.Sample
	cpu       map[string]time.Duration
	apiWrites float64
}

// operations returns the number of operations.
func (b *booked) operations() int { return len(load.Pool(b.rounds).Latencies) }

// cpuEach returns the CPU time of a process per operation.
func (b *booked) cpuEach(process string) time.Duration {
	return b.cpu[process] / time.Duration(max(b.operations(), 1))
}

// writers is the input of a comparison of writes.
type writers struct {
	*bench
	bare     *bareLoop
	operator *stack.Operator
	pids     map[string]int
}

// compareWrites measures writes on a control plane that flushes them to disk.
func (b *bench) compareWrites(ctx context.Context) (_ []comparison, err error) {
	folder, err := b.scratch("writes")
	if err != nil {
		return nil, err
	}
	s, err := stack.Start(ctx, b.plane.At(folder, true))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.EnsureNamespaces(ctx, oursNamespace, bareNamespace); err != nil {
		return nil, err
	}
	bare, err := b.bareLoopLike(ctx, s, bareNamespace)
	if err != nil {
		return nil, err
	}
	o, err := s.StartOperator(ctx, b.operator, oursNamespace)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Stop()) }()
	w := &writers{bench: b, bare: bare, operator: o, pids: s.PIDs()}
	w.pids["operator"], w.pids["load"] = o.PID(), os.Getpid()
	var all []comparison
	for _, clients := range b.clients {
		compared, err := w.compare(ctx, clients)
		if err != nil {
			return nil, err
		}
		all = append(all, compared...)
	}
	return all, nil
}

// compare runs the bare loop and ours in turns, round after round, because the
// speed of the machine varies over time.
func (w *writers) compare(ctx context.Context, clients int) ([]comparison, error) {
	compared := make([]comparison, len(writes))
	client := load.NewClient(w.operator.Base, clients)
	defer client.Close()
	for round := range w.rounds {
		bare, ours := bareSide(w.bare), oursSide(client)
		for i, write := range writes {
			c := &compared[i]
			c.name, c.clients = write.name, clients
			if err := w.stretchOf(ctx, clients, write.operation(bare), &c.bare); err != nil {
				return nil, fmt.Errorf("bare loop, %s: %w", write.name, err)
			}
			if err := w.stretchOf(ctx, clients, write.operation(ours), &c.ours); err != nil {
				return nil, fmt.Errorf("ours over REST, %s: %w", write.name, err)
			}
			if w.quick && i < len(writes)-1 {
				continue
			}
			if err := w.operator.Settle(ctx); err != nil {
				return nil, err
			}
			w.progress("  %s, %d clients, round %d: bare %s/s, ours %s/s", write.name, clients, round+1,
				load.Rate(c.bare.rounds[round].PerSecond), load.Rate(c.ours.rounds[round].PerSecond))
		}
	}
	return compared, nil
}

// stretchOf drives one stretch of load and books its cost.
func (w *writers) stretchOf(ctx context.Context, clients int, operation load.Operation, into *booked) error {
	before, err := w.operator.Writes(ctx)
	if err != nil {
		return err
	}
	cpuBefore, err := stack.CPUTimes(w.pids)
	if err != nil {
		return err
	}
	sample := load.Drive(ctx, clients, w.stretch, operation)
	if err := sample.Err(); err != nil {
		return err
	}
	cpuAfter, err := stack.CPUTimes(w.pids)
	if err != nil {
		return err
	}
	after, err := w.operator.Writes(ctx)
	if err != nil {
		return err
	}
	if into.cpu == nil {
		into.cpu = map[string]time.Duration{}
	}
	for name := range w.pids {
		into.cpu[name] += cpuAfter[name] - cpuBefore[name]
	}
	into.rounds = append(into.rounds, sample)
	into.apiWrites += after - before
	return nil
}

func oursSide(client *load.Client) side {
	made := load.NewStock[string](2)
	steps := []load.State{load.Running, load.Completed}
	return side{
		cycle: client.Cycle,
		create: func(ctx context.Context) error {
			id, err := client.Create(ctx, load.Run{})
			if err == nil {
				made.Add(id)
			}
			return err
		},
		setState: func(ctx context.Context) error {
			return made.Take(func(id string, step int) error { return client.SetState(ctx, id, steps[step]) })
		},
	}
}

func bareSide(bare *bareLoop) side {
	made := load.NewStock[*v1alpha1.TaskRun](2)
	steps := []*v1alpha1.TaskRunStatus{&bare.forms.running, &bare.forms.completed}
	return side{
		cycle: bare.cycle,
		create: func(ctx context.Context) error {
			run, err := bare.create(ctx, bare.forms.spec.DeepCopy())
			if err == nil {
				made.Add(run)
			}
			return err
		},
		setState: func(ctx context.Context) error {
			return made.Take(func(run *v1alpha1.TaskRun, step int) error { return bare.setStatus(ctx, run, steps[step]) })
		},
	}
}
