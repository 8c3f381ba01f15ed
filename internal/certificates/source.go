// Package certificates provides the serving certificate and renews it. The
// certificate is read from files that another program renews, or created by the
// operator and shared by its replicas in a Secret.
package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/utils/clock"
)

// Dependencies are the dependencies of a Source. Secrets and ConfigMaps are used with
// --tls-self-signed only.
type Dependencies struct {
	Secrets    typedcorev1.SecretInterface    // of the namespace
	ConfigMaps typedcorev1.ConfigMapInterface // of the namespace
	Namespace  string                         // the operator's own
	Clock      clock.PassiveClock
	Log        *slog.Logger
}

// Source holds the serving certificate and renews it while Start runs. It is safe for
// concurrent use.
type Source struct {
	minVersion uint16
	provider   provider
	current    *current
}

// provider loads and renews certificates.
type provider interface {
	// load loads the first certificate.
	load(ctx context.Context) error
	// run renews it until the context ends.
	run(ctx context.Context) error
}

// New returns a Source. It has no certificate before Load.
func New(o Options, d Dependencies) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Source{minVersion: o.MinVersion, current: &current{clock: d.Clock, log: d.Log}}
	switch {
	case o.SelfSigned:
		s.provider = newSelfSigned(o, d, s.current)
	case o.Enabled():
		s.provider = &files{certFile: o.CertFile, keyFile: o.KeyFile, clock: d.Clock, log: d.Log, current: s.current, interval: fileInterval}
	default:
		return nil, errors.New("no serving certificate: give " + flagCertFile + " and " + flagKeyFile + ", or " + flagSelfSigned)
	}
	return s, nil
}

// Load loads the first certificate. Servers must not start after an error, which names
// the fix.
func (s *Source) Load(ctx context.Context) error { return s.provider.load(ctx) }

// NeedLeaderElection returns false: every replica serves the certificate.
func (s *Source) NeedLeaderElection() bool { return false }

// Start renews the certificate until the context ends. Errors are logged and retried,
// and the current certificate stays in use.
func (s *Source) Start(ctx context.Context) error {
	if s.current.certificate() == nil {
		if err := s.Load(ctx); err != nil {
			return err
		}
	}
	return s.provider.run(ctx)
}

// NotAfter returns the expiry of the serving certificate, or zero before Load.
func (s *Source) NotAfter() time.Time {
	if certificate := s.current.certificate(); certificate != nil {
		return certificate.Leaf.NotAfter
	}
	return time.Time{}
}

// TLSConfig returns a new configuration for servers. A new certificate is used from
// the next handshake on, and existing connections continue. The newest TLS version of
// the client is used, with Go's default ciphers for 1.2.
func (s *Source) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: s.minVersion,
		// The server selects the first of these protocols that the client offers. A
		// websocket needs an upgrade, which only HTTP/1.1 has. Its clients offer only
		// HTTP/1.1, or none, which means the same.
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if certificate := s.current.certificate(); certificate != nil {
				return certificate, nil
			}
			return nil, errors.New("there is no certificate yet")
		},
	}
}

// current is the certificate in use, and the last reported error.
type current struct {
	clock clock.PassiveClock
	log   *slog.Logger
	value atomic.Pointer[tls.Certificate]

	mu       sync.Mutex
	reported string
}

func (s *current) certificate() *tls.Certificate { return s.value.Load() }

// set makes a certificate the current one.
func (s *current) set(certificate *tls.Certificate) {
	before := s.value.Swap(certificate)
	if before != nil && before.Leaf.Equal(certificate.Leaf) {
		return
	}
	leaf := certificate.Leaf
	s.log.Info("serving certificate in use",
		slog.Any("names", namesOf(leaf)), slog.String("serial", leaf.SerialNumber.Text(16)),
		slog.Time("notBefore", leaf.NotBefore), slog.Time("notAfter", leaf.NotAfter))
}

// report logs an error once, and again after it was resolved.
func (s *current) report(ctx context.Context, err error) {
	if err == nil && ctx.Err() == nil {
		err = s.overdue()
	}
	text := ""
	if err != nil {
		if ctx.Err() != nil {
			return // the program stops
		}
		text = err.Error()
	}
	s.mu.Lock()
	changed := text != s.reported
	s.reported = text
	s.mu.Unlock()
	if !changed {
		return
	}
	if text == "" {
		s.log.LogAttrs(ctx, slog.LevelInfo, "the serving certificate is valid again")
		return
	}
	s.log.LogAttrs(ctx, slog.LevelError, "the serving certificate needs attention; the current one stays in use",
		slog.String("error", text), slog.Time("notAfter", s.notAfter()))
}

func (s *current) notAfter() time.Time {
	if certificate := s.certificate(); certificate != nil {
		return certificate.Leaf.NotAfter
	}
	return time.Time{}
}

// overdue returns an error if the current certificate is not valid now.
func (s *current) overdue() error {
	certificate := s.certificate()
	if certificate == nil {
		return nil
	}
	return checkValidity(certificate.Leaf, s.clock.Now())
}

// checkValidity returns an error if a certificate is expired or not valid yet.
func checkValidity(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return errors.New("the certificate ended at " + leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return errors.New("the certificate begins only at " + leaf.NotBefore.Format(time.RFC3339) + ", or the clock here is wrong")
	}
	return nil
}
