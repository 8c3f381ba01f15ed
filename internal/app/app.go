// Package app wires the program: options, the API server, the store, the use cases,
// the controllers and the REST server. It is the only package that imports all others,
// and the only one that reads the clock.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	kuberest "k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
	"github.com/taskrun-dev/taskrun-operator/internal/tracing"
	"github.com/taskrun-dev/taskrun-operator/internal/version"
)

// Run runs the program with the arguments of its command line, without its name, until the context ends.
// It logs to stderr. The error is one line for the user. It names the flag to change, if there is one.
//
// Run sets the process-wide loggers of the Kubernetes libraries, which must not be in use yet, and
// changes GOGC during the first list.
func Run(ctx context.Context, args []string, stderr io.Writer) error {
	return asProblem(run(ctx, args, stderr, ownProcess))
}

// RunEmbedded is Run for a process with other users of the Kubernetes libraries. It sets nothing
// process-wide.
func RunEmbedded(ctx context.Context, args []string, stderr io.Writer) error {
	return asProblem(run(ctx, args, stderr, sharedProcess))
}

func run(ctx context.Context, args []string, stderr io.Writer, of process) error {
	options := DefaultOptions()
	showVersion, err := options.parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case showVersion:
		_, err := fmt.Fprintln(stderr, version.Get())
		return err
	}
	lines := options.Log.handler(stderr)
	outages := newOutages(lines)
	handler := outages.Handler(lines)
	of.useForLibraries(handler)
	config, err := options.Kubernetes.Config()
	if err != nil {
		return err
	}
	app, err := build(ctx, config, options, handler, outages)
	if err != nil {
		return err
	}
	stop := of.collectOften(ctx, app.cluster.WaitForSync)
	defer stop()
	return app.Start(ctx)
}

// App is the program before its start.
type App struct {
	options      Options
	manager      manager.Manager
	server       *rest.Server
	cluster      *kube.Cluster
	traces       *tracing.Tracing // nil: no traces
	outages      *outages
	writers      *concurrency.Writers
	log          *slog.Logger
	stopWatching func() // ends the watches of the metrics
}

// New returns a program for the cluster of this configuration. It returns an error if
// the cluster cannot be used.
func New(ctx context.Context, config *kuberest.Config, options Options, handler slog.Handler) (*App, error) {
	outages := newOutages(handler)
	return build(ctx, config, options, outages.Handler(handler), outages)
}

// build is New with a handler that is wrapped by outages.
func build(ctx context.Context, config *kuberest.Config, options Options, handler slog.Handler, outages *outages) (*App, error) {
	config = withClientSettings(config)
	if err := checkCluster(ctx, config); err != nil {
		return nil, err
	}
	traces, err := newTracing(ctx, options.Tracing)
	if err != nil {
		return nil, err
	}
	config.Wrap(outages.Transport)
	a := &App{options: options, traces: traces, outages: outages, writers: &concurrency.Writers{}, log: slog.New(handler)}
	if err := a.assemble(ctx, config, traces.LogHandler(handler)); err != nil {
		return nil, explainBusy(err, a.addresses())
	}
	return a, nil
}

// assemble creates and connects the parts.
func (a *App) assemble(ctx context.Context, config *kuberest.Config, handler slog.Handler) error {
	log := slog.New(handler)
	recorder, err := telemetry.NewRecorder(metrics.Registry)
	if err != nil {
		return err
	}
	a.outages.onStart = recorder.APIServerOutage
	guard, err := newSecurity(ctx, config, a.options, log, recorder)
	if err != nil {
		return err
	}
	ingest := kube.NewIngest(clock.RealClock{}, log)
	config.Wrap(ingest.Transport)
	config.Wrap(a.traces.Transport)
	mgr, err := newManager(config, a.options, logr.FromSlogHandler(handler), ingest, guard.metricsServer(&a.options.Manager, a.options.REST.AllowedHosts))
	if err != nil {
		return err
	}
	cluster, err := a.newCluster(ctx, config, mgr, ingest, log)
	if err != nil {
		return err
	}
	a.stopWatching = recorder.WatchUndecodable(cluster.Undecodable)
	services, err := a.newServices(config, mgr, cluster, recorder, log)
	if err != nil {
		return err
	}
	namespaces, err := newNamespaces(mgr, a.options, services, log)
	if err != nil {
		return err
	}
	home, err := namespaces.forREST(a.options.Scope.Namespace)
	if err != nil {
		return err
	}
	server, err := a.newServer(home, namespaces, services, guard, log)
	if err != nil {
		return err
	}
	a.manager, a.server, a.cluster = mgr, server, cluster
	work := func() ([]manager.Runnable, error) {
		parts, err := services.controllers(mgr, a.options.Controller, home.Runs.Ready, log)
		parts = append(parts, kube.NewRunDataSweep(cluster, clock.RealClock{}, log))
		return append(parts, guard.leaderWork()...), err
	}
	return errors.Join(
		guard.addTo(mgr),
		addRunnables(mgr, cluster, namespaces, server),
		a.addElection(config, mgr, work),
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("store", func(r *http.Request) error { return home.Runs.Ready(r.Context()) }),
	)
}

// newServer returns the REST server. home has the namespace of requests that name none.
func (a *App) newServer(home rest.Tenant, namespaces *namespaces, services *services, guard *security, log *slog.Logger) (*rest.Server, error) {
	behind := rest.Dependencies{
		Tenant:        home,
		Namespace:     a.options.Scope.Namespace,
		Others:        namespaces.forREST,
		Buffers:       services.buffers,
		SocketMetrics: socketMetrics{services.recorder},
		Clock:         clock.RealClock{}, Log: log, Metrics: services.recorder, Tracer: a.traces,
	}
	guard.applyTo(&behind)
	return rest.New(a.options.REST, behind)
}

// addRunnables adds parts that run on every replica.
func addRunnables(mgr manager.Manager, runnables ...manager.Runnable) error {
	for _, r := range runnables {
		if err := mgr.Add(r); err != nil {
			return fmt.Errorf("adding a runnable to the manager: %w", err)
		}
	}
	return nil
}

// newCluster returns the store of the cluster.
func (a *App) newCluster(
	ctx context.Context, config *kuberest.Config, mgr manager.Manager, ingest *kube.Ingest, log *slog.Logger,
) (*kube.Cluster, error) {
	direct, err := kube.NewDirect(config, mgr.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	schemas, err := addSchemaCheck(config, mgr, log)
	if err != nil {
		return nil, err
	}
	return kube.New(ctx, kube.Options{
		Direct:      direct,
		Client:      mgr.GetClient(),
		Reader:      mgr.GetAPIReader(),
		Watch:       a.options.Scope.Watch,
		Cache:       mgr.GetCache(),
		Ingest:      ingest,
		Requirement: schemas.Ready,
		Clock:       clock.RealClock{},
		Timeout:     a.options.Kubernetes.Timeout,
	})
}

// REST returns the REST server. Its address is known after Start.
func (a *App) REST() *rest.Server { return a.server }

// Start runs the program until the context ends, and then waits for the work in
// flight. It can be called once.
func (a *App) Start(ctx context.Context) error {
	defer a.stopWatching()
	a.logStart(ctx)
	err := a.manager.Start(ctx)
	a.awaitWriters(context.WithoutCancel(ctx))
	// After all traced parts. An unreachable collector is not an error of the program.
	if lost := a.traces.Close(context.WithoutCancel(ctx)); lost != nil {
		a.log.LogAttrs(ctx, slog.LevelWarn, "traces were not sent", slog.String("error", lost.Error()))
	}
	return explainBusy(err, a.addresses())
}

// writersTimeout is the timeout for writes of limits whose callers have disconnected.
const writersTimeout = 5 * time.Second

// awaitWriters waits for the writes of limits. The requests that wait for such writes have already
// ended.
func (a *App) awaitWriters(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, writersTimeout)
	defer cancel()
	if err := a.writers.Close(bounded); err != nil {
		a.log.LogAttrs(ctx, slog.LevelWarn, "writes of limits interrupted at the end of the shutdown time",
			slog.Duration("timeout", writersTimeout))
	}
}

// addresses maps flags to the addresses they set.
func (a *App) addresses() map[string]string {
	return map[string]string{
		"--metrics-bind-address": a.options.Manager.MetricsAddress,
		"--health-bind-address":  a.options.Manager.HealthAddress,
		"--rest-bind-address":    a.options.REST.BindAddress,
	}
}
