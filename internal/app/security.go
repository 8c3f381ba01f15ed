package app

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes"
	kuberest "k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/certificates"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
)

// The ways to tell who a caller is.
const (
	authenticationNone       = "none"
	authenticationKubernetes = "kubernetes"
)

// SecurityOptions say who is let in, and how connections are protected.
type SecurityOptions struct {
	Authentication string // none or kubernetes
	Callers        authn.Options
	TLS            certificates.Options
	Aggregation    bool // REST is reached through kube-apiserver too
}

// DefaultSecurityOptions are those of a machine of one's own.
func DefaultSecurityOptions() SecurityOptions {
	return SecurityOptions{Authentication: authenticationNone, Callers: authn.DefaultOptions(), TLS: certificates.DefaultOptions()}
}

// BindFlags lets flags set the options; what they hold now is the default.
func (o *SecurityOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.Authentication, "authentication", o.Authentication,
		"how callers are identified: none (every client that reaches the program may do everything) or kubernetes (TokenReview and SubjectAccessReview)")
	fs.BoolVar(&o.Aggregation, "aggregation", o.Aggregation,
		"serve requests that kube-apiserver passes on for the APIService v1alpha1.rest.taskrun.dev, and set the caBundle of that object")
	o.Callers.BindFlags(fs)
	o.TLS.BindFlags(fs)
}

// Validate tells what is wrong, naming the flag.
func (o *SecurityOptions) Validate() error {
	var mode, aggregation error
	if o.Authentication != authenticationNone && o.Authentication != authenticationKubernetes {
		mode = fmt.Errorf("--authentication must be %s or %s, not %q", authenticationNone, authenticationKubernetes, o.Authentication)
	}
	if o.Aggregation && (o.Authentication != authenticationKubernetes || !o.TLS.Enabled()) {
		aggregation = errors.New("--aggregation needs --authentication=kubernetes and TLS: give --tls-self-signed, or --tls-cert-file and --tls-private-key-file")
	}
	return errors.Join(mode, aggregation, o.Callers.Validate(), o.TLS.Validate())
}

// security is what stands before the program's servers.
type security struct {
	door  *authn.Reviewer      // nil: everybody may do everything
	certs *certificates.Source // nil: plain HTTP
	proxy *authn.FrontProxy    // nil: kube-apiserver passes nothing on
	keys  *caBundle            // of the APIService; nil: there is none to look after

	metrics *telemetry.Recorder
}

// newSecurity finds out at once whether there is what the options ask for.
func newSecurity(ctx context.Context, config *kuberest.Config, options Options, log *slog.Logger, metrics *telemetry.Recorder) (*security, error) {
	o, s := options.Security, &security{metrics: metrics}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	if o.Authentication == authenticationKubernetes {
		if s.door, err = authn.New(o.Callers, client, clock.RealClock{}); err != nil {
			return nil, err
		}
		s.door.Metrics = metrics
	}
	own := options.Manager.leaseNamespace(options.Scope.Namespace)
	if o.TLS.Enabled() {
		s.certs, err = certificates.New(o.TLS, certificates.Dependencies{
			Secrets: client.CoreV1().Secrets(own), ConfigMaps: client.CoreV1().ConfigMaps(own), Namespace: own, Clock: clock.RealClock{}, Log: log,
		})
		if err == nil {
			err = s.certs.Load(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.Aggregation {
		s.proxy = authn.NewFrontProxy(client, clock.RealClock{}, log)
	}
	if o.Aggregation && o.TLS.SelfSigned {
		s.keys = &caBundle{
			client: client.CoreV1().RESTClient(), published: client.CoreV1().ConfigMaps(own), name: o.TLS.CAConfigMap, log: log,
		}
	}
	return s, nil
}

// addTo has a manager keep all of it up to date.
func (s *security) addTo(mgr manager.Manager) error {
	var faults []error
	if s.certs != nil {
		faults = append(faults, mgr.Add(s.certs))
	}
	if s.certs != nil {
		faults = append(faults, mgr.Add(&expiry{certs: s.certs, metrics: s.metrics}))
	}
	if s.proxy != nil {
		faults = append(faults, mgr.Add(s.proxy))
	}
	return errors.Join(faults...)
}

// leaderWork returns what only the leader does.
func (s *security) leaderWork() []manager.Runnable {
	if s.keys == nil {
		return nil
	}
	return []manager.Runnable{s.keys}
}

// protect puts it before REST.
func (s *security) protect(d *rest.Dependencies) {
	if s.door != nil {
		d.Door = s.door
	}
	if s.proxy != nil {
		d.Proxy = s.proxy
	}
	if s.certs != nil {
		d.TLS = s.certs.TLSConfig()
	}
}

// overTLS is how metrics are served.
func (s *security) overTLS(c *tls.Config) {
	ours := s.certs.TLSConfig()
	c.GetCertificate, c.MinVersion, c.NextProtos = ours.GetCertificate, ours.MinVersion, ours.NextProtos
}

// metricsServer puts it before metrics, and before what there is to profile with. hosts
// are those that are served beside loopback.
func (s *security) metricsServer(o *ManagerOptions, hosts []string) metricsserver.Options {
	server := metricsserver.Options{BindAddress: o.MetricsAddress}
	if o.Pprof {
		server.ExtraHandlers = profiles()
	}
	if s.certs != nil {
		server.SecureServing = true
		server.TLSOpts = append(server.TLSOpts, s.overTLS)
	}
	switch {
	case s.door != nil:
		server.FilterProvider = filter(func(behind http.Handler) http.Handler { return rest.Guard(s.door, behind) })
	case rest.IsLoopback(o.MetricsAddress):
		server.FilterProvider = filter(func(behind http.Handler) http.Handler { return rest.GuardHost(hosts, behind) })
	}
	return server
}

// filter is what the metrics server takes for a handler before another one.
func filter(before func(http.Handler) http.Handler) func(*kuberest.Config, *http.Client) (metricsserver.Filter, error) {
	return func(*kuberest.Config, *http.Client) (metricsserver.Filter, error) {
		return func(_ logr.Logger, behind http.Handler) (http.Handler, error) { return before(behind), nil }, nil
	}
}
