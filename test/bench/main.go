// Command bench measures the operator against a bare client-go loop on one API
// server in one run, and prints the tables of docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/internal/controlplane"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each measurement; the median counts")
	stretch := flag.Duration("stretch", 4*time.Second, "length of one stretch of load")
	clients := flag.String("clients", "1,16,64", "numbers of concurrent clients")
	operator := flag.String("operator", "bin/taskrun-operator", "the operator's binary")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *operator, *clients, *rounds, *stretch); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be cleaned up
	}
}

func run(ctx context.Context, operator, clients string, rounds int, stretch time.Duration) (err error) {
	data, err := os.MkdirTemp("", "taskrun-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	cluster, err := startControlPlane(ctx, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop()) }()
	s, stopOperator, err := prepare(ctx, cluster, operator, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopOperator()) }()
	s.rounds, s.stretch = rounds, stretch

	var cycles []comparison
	reads := map[int]sample{}
	for field := range strings.SplitSeq(clients, ",") {
		n, err := strconv.Atoi(field)
		if err != nil {
			return fmt.Errorf("-clients: %w", err)
		}
		c, err := s.compare(ctx, n)
		if err != nil {
			return err
		}
		cycles = append(cycles, c)
		if reads[n], err = s.reads(ctx, n); err != nil {
			return err
		}
	}
	return report(os.Stdout, cycles, reads)
}

func startControlPlane(ctx context.Context, data string) (*controlplane.ControlPlane, error) {
	repository, err := controlplane.Repository()
	if err != nil {
		return nil, err
	}
	assets, err := controlplane.Assets(repository)
	if err != nil {
		return nil, err
	}
	cluster, err := controlplane.Start(ctx, controlplane.Options{Assets: assets, Data: data, Durable: true})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		controlplane.ApplyCRDs(ctx, cluster.Config(), filepath.Join(repository, "config", "crd", "bases")),
		createNamespaces(ctx, cluster.Config(), oursNamespace, bareNamespace),
	)
	if err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	return cluster, nil
}

func createNamespaces(ctx context.Context, config *rest.Config, names ...string) error {
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, name := range names {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := client.Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// prepare starts the operator, and makes one run over REST whose object is the
// pattern of the bare loop's.
func prepare(
	ctx context.Context, cluster *controlplane.ControlPlane, operator, data string,
) (*setup, func() error, error) {
	o, err := startOperator(ctx, cluster, operator, data)
	if err != nil {
		return nil, nil, err
	}
	s := &setup{
		rest:   func(clients int) *restDoor { return newRESTDoor(o.base, clients) },
		writes: func(ctx context.Context) (float64, error) { return apiWrites(ctx, o.metrics) },
		pids:   map[string]int{"operator": o.process.PID()},
		progress: func(format string, args ...any) {
			fmt.Fprintf(os.Stderr, format+"\n", args...)
		},
	}
	for name, process := range cluster.Processes() {
		s.pids[name] = process.PID()
	}
	if s.bare, err = pattern(ctx, cluster, s.rest(1)); err != nil {
		return nil, nil, errors.Join(err, o.process.Stop())
	}
	return s, o.process.Stop, nil
}

// pattern takes one run through its life over REST and keeps its object's forms.
func pattern(ctx context.Context, cluster *controlplane.ControlPlane, door *restDoor) (*bareLoop, error) {
	client, err := newBareClient(cluster.Config())
	if err != nil {
		return nil, err
	}
	b := &bareLoop{client: client, namespace: oursNamespace}
	id, err := door.create(ctx)
	if err != nil {
		return nil, err
	}
	if b.pending, err = b.get(ctx, id); err != nil {
		return nil, err
	}
	if err = door.setState(ctx, id, "RUNNING", "Running"); err != nil {
		return nil, err
	}
	run, err := b.get(ctx, id)
	if err != nil {
		return nil, err
	}
	b.running = run.Status
	if err = door.setState(ctx, id, "COMPLETED", "Completed"); err != nil {
		return nil, err
	}
	run, err = b.get(ctx, id)
	b.completed = run.Status
	b.namespace = bareNamespace
	return b, err
}
