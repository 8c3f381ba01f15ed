package app

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/kube"
)

// off is the address that disables a server.
const off = "0"

// ManagerOptions configure the replicas, the metrics and the probes.
type ManagerOptions struct {
	MetricsAddress string // host:port of /metrics; "0": disabled
	HealthAddress  string // host:port of /healthz and /readyz; "0": disabled
	Pprof          bool   // profiles are served with the metrics

	LeaderElect     bool
	LeaseNamespace  string        // namespace of the Leases; empty: the pod's own, outside a pod the one served
	ShutdownTimeout time.Duration // for all parts together
}

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *ManagerOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.MetricsAddress, "metrics-bind-address", o.MetricsAddress, "address of /metrics (0 = none)")
	fs.BoolVar(&o.Pprof, "pprof", o.Pprof, "serve profiles under /debug/pprof/ at the address of the metrics")
	fs.StringVar(&o.HealthAddress, "health-bind-address", o.HealthAddress, "address of /healthz and /readyz (0 = none)")
	fs.BoolVar(&o.LeaderElect, "leader-elect", o.LeaderElect,
		"elect one of several replicas to run the controllers; all replicas serve REST")
	fs.StringVar(&o.LeaseNamespace, "leader-election-namespace", o.LeaseNamespace,
		"namespace of the Leases of leader and workers "+
			"(empty = the namespace of the pod, or outside of a pod that of --namespace)")
	fs.DurationVar(&o.ShutdownTimeout, "shutdown-timeout", o.ShutdownTimeout,
		"maximum time for requests and reconciliations in flight to finish when the operator stops")
}

// Validate returns all invalid options, with the names of their flags.
func (o *ManagerOptions) Validate() error {
	return errors.Join(
		checkAddress("--metrics-bind-address", o.MetricsAddress),
		checkAddress("--health-bind-address", o.HealthAddress),
		checkPositive("--shutdown-timeout", o.ShutdownTimeout),
	)
}

func checkAddress(name, address string) error {
	if address == off {
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%s must be host:port, or 0 for none: %w", name, err)
	}
	return nil
}

func checkPositive(name string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s must be more than 0s", name)
	}
	return nil
}

// podNamespace is the file with the namespace of the pod.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// leaseNamespace returns the namespace of the Leases of the leader and of the workers.
func (o *ManagerOptions) leaseNamespace(served string) string {
	if o.LeaseNamespace != "" {
		return o.LeaseNamespace
	}
	if own, err := os.ReadFile(podNamespace); err == nil {
		return strings.TrimSpace(string(own))
	}
	return served
}

// newManager returns the manager. Its cache has no TaskRuns: they are in the index.
func newManager(
	config *rest.Config, options Options, log logr.Logger, ingest *kube.Ingest, metrics metricsserver.Options,
) (manager.Manager, error) {
	o := options.Manager
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), coordinationv1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	return ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Logger: log,
		Cache: cache.Options{
			DefaultNamespaces: watched(options.Scope.Watch),
			DefaultTransform:  cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&v1alpha1.ConcurrencyLimit{}: {Transform: ingest.Transform},
				&v1alpha1.StateProposal{}:    {Transform: ingest.Transform},
				&v1alpha1.FlowRun{}:          {Transform: ingest.Transform},
				&v1alpha1.RegisteredFlow{}:   {Transform: ingest.Transform},
			},
			NewInformer: ingest.NewInformer,
			// A read of a kind that is not watched must not start a watch.
			ReaderFailOnMissingInformer: true,
		},
		Client:                  client.Options{FieldValidation: "Strict"},
		Metrics:                 metrics,
		HealthProbeBindAddress:  o.HealthAddress,
		GracefulShutdownTimeout: &o.ShutdownTimeout,
	})
}

// watched returns the cache configuration of namespaces, or nil for all.
func watched(namespaces []string) map[string]cache.Config {
	if len(namespaces) == 0 {
		return nil
	}
	configs := make(map[string]cache.Config, len(namespaces))
	for _, namespace := range namespaces {
		configs[namespace] = cache.Config{}
	}
	return configs
}
