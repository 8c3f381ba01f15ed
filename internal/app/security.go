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
	"github.com/taskrun-dev/taskrun-operator/internal/rest/crossorigin"
	"github.com/taskrun-dev/taskrun-operator/internal/telemetry"
)

// The modes of authentication.
const (
	authenticationNone       = "none"
	authenticationKubernetes = "kubernetes"
)

// SecurityOptions configure authentication, authorization and TLS.
type SecurityOptions struct {
	Authentication string // none or kubernetes
	Callers        authn.Options
	TLS            certificates.Options
	Aggregation    bool // REST is also reached through kube-apiserver
}

// DefaultSecurityOptions returns the defaults, which are for development on one
// machine.
func DefaultSecurityOptions() SecurityOptions {
	return SecurityOptions{Authentication: authenticationNone, Callers: authn.DefaultOptions(), TLS: certificates.DefaultOptions()}
}

// BindFlags binds flags to the options. Their current values are the defaults.
func (o *SecurityOptions) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.Authentication, "authentication", o.Authentication,
		"how callers are identified: none (every client that reaches the operator has all permissions) or kubernetes (TokenReview and SubjectAccessReview)")
	fs.BoolVar(&o.Aggregation, "aggregation", o.Aggregation,
		"serve requests that kube-apiserver forwards for the APIService v1alpha1.rest.taskrun.dev, and set the caBundle of that object")
	o.Callers.BindFlags(fs)
	o.TLS.BindFlags(fs)
}

// Validate returns all invalid options, with the names of their flags.
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

// security holds the protection of the program's servers.
type security struct {
	reviewer *authn.Reviewer      // nil = no authentication
	certs    *certificates.Source // nil: plain HTTP
	proxy    *authn.FrontProxy    // nil: kube-apiserver forwards no requests
	bundle   *caBundle            // of the APIService; nil = not managed

	metrics *telemetry.Recorder
}

// newSecurity returns an error if the certificate or the permissions that the options
// need are missing.
func newSecurity(ctx context.Context, config *kuberest.Config, options Options, log *slog.Logger, metrics *telemetry.Recorder) (*security, error) {
	o, s := options.Security, &security{metrics: metrics}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	if o.Authentication == authenticationKubernetes {
		if s.reviewer, err = authn.New(o.Callers, client, clock.RealClock{}); err != nil {
			return nil, err
		}
		s.reviewer.Metrics = metrics
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
		s.bundle = &caBundle{
			client: client.CoreV1().RESTClient(), published: client.CoreV1().ConfigMaps(own), name: o.TLS.CAConfigMap, log: log,
		}
	}
	return s, nil
}

// addTo adds the parts that run on every replica to a manager.
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

// leaderWork returns the parts that only the leader runs.
func (s *security) leaderWork() []manager.Runnable {
	if s.bundle == nil {
		return nil
	}
	return []manager.Runnable{s.bundle}
}

// applyTo sets authentication and TLS of REST.
func (s *security) applyTo(d *rest.Dependencies) {
	if s.reviewer != nil {
		d.Reviewer = s.reviewer
	}
	if s.proxy != nil {
		d.Proxy = s.proxy
	}
	if s.certs != nil {
		d.TLS = s.certs.TLSConfig()
	}
}

// setTLS sets the certificate of the metrics server.
func (s *security) setTLS(c *tls.Config) {
	ours := s.certs.TLSConfig()
	c.GetCertificate, c.MinVersion, c.NextProtos = ours.GetCertificate, ours.MinVersion, ours.NextProtos
}

// metricsServer returns the options of the metrics server, with authentication and
// TLS. hosts are the allowed hosts other than loopback.
func (s *security) metricsServer(o *ManagerOptions, hosts []string) metricsserver.Options {
	server := metricsserver.Options{BindAddress: o.MetricsAddress}
	if o.Pprof {
		server.ExtraHandlers = profiles()
	}
	if s.certs != nil {
		server.SecureServing = true
		server.TLSOpts = append(server.TLSOpts, s.setTLS)
	}
	switch {
	case s.reviewer != nil:
		server.FilterProvider = filter(func(behind http.Handler) http.Handler { return rest.Guard(s.reviewer, behind) })
	case crossorigin.IsLoopback(o.MetricsAddress):
		server.FilterProvider = filter(func(behind http.Handler) http.Handler { return rest.GuardHost(hosts, behind) })
	}
	return server
}

// filter converts a middleware to a filter of the metrics server.
func filter(before func(http.Handler) http.Handler) func(*kuberest.Config, *http.Client) (metricsserver.Filter, error) {
	return func(*kuberest.Config, *http.Client) (metricsserver.Filter, error) {
		return func(_ logr.Logger, behind http.Handler) (http.Handler, error) { return before(behind), nil }, nil
	}
}
