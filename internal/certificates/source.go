// Package certificates gives the servers of the program their certificate, and
// keeps it up to date: read from files that another program renews, or made by the
// program itself and shared by its replicas in a Secret.
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

// Dependencies are what a Source works with. The API server is asked only for
// certificates that the program makes itself.
type Dependencies struct {
	Secrets    typedcorev1.SecretInterface    // of the namespace
	ConfigMaps typedcorev1.ConfigMapInterface // of the namespace
	Namespace  string                         // the operator's own
	Clock      clock.PassiveClock
	Log        *slog.Logger
}

// Source has a serving certificate and keeps it up to date while Start runs. It is
// safe for concurrent use.
type Source struct {
	minVersion uint16
	keeper     keeper
	served     *served
}

// keeper is one way to come by certificates.
type keeper interface {
	// load gets the first certificate.
	load(ctx context.Context) error
	// run keeps it up to date until the context ends.
	run(ctx context.Context) error
}

// New returns a Source. It has no certificate before Load.
func New(o Options, d Dependencies) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Source{minVersion: o.MinVersion, served: &served{clock: d.Clock, log: d.Log}}
	switch {
	case o.SelfSigned:
		s.keeper = newSelfSigned(o, d, s.served)
	case o.Enabled():
		s.keeper = &files{certFile: o.CertFile, keyFile: o.KeyFile, clock: d.Clock, log: d.Log, served: s.served, interval: fileInterval}
	default:
		return nil, errors.New("no serving certificate: give " + flagCertFile + " and " + flagKeyFile + ", or " + flagSelfSigned)
	}
	return s, nil
}

// Load gets the first certificate. An error tells what is wrong with it and what
// to do; nothing should listen then.
func (s *Source) Load(ctx context.Context) error { return s.keeper.load(ctx) }

// NeedLeaderElection tells a manager that every replica does this.
func (s *Source) NeedLeaderElection() bool { return false }

// Start keeps the certificate up to date until the context ends. What goes wrong
// is logged and tried again; the certificate there is stays in use.
func (s *Source) Start(ctx context.Context) error {
	if s.served.certificate() == nil {
		if err := s.Load(ctx); err != nil {
			return err
		}
	}
	return s.keeper.run(ctx)
}

// NotAfter is when the certificate that is served ends, by its own word; zero
// before Load.
func (s *Source) NotAfter() time.Time {
	if certificate := s.served.certificate(); certificate != nil {
		return certificate.Leaf.NotAfter
	}
	return time.Time{}
}

// TLSConfig returns a configuration for servers; each call returns one of its own.
// Connections that exist are not touched by a new certificate: it is handed out
// from the next handshake on. The newest version of TLS that the client knows is
// used, and with 1.2 the ciphers that Go holds for safe.
func (s *Source) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: s.minVersion,
		// The server takes the first of these that the client offers too. A websocket
		// begins with an upgrade that only HTTP/1.1 has, so its clients offer that one
		// alone (or nothing, which means it), and are never given h2.
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if certificate := s.served.certificate(); certificate != nil {
				return certificate, nil
			}
			return nil, errors.New("there is no certificate yet")
		},
	}
}

// served is the certificate in use, and what was last said of it.
type served struct {
	clock   clock.PassiveClock
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]

	mu   sync.Mutex
	told string
}

func (s *served) certificate() *tls.Certificate { return s.current.Load() }

// use hands a certificate out from now on.
func (s *served) use(certificate *tls.Certificate) {
	before := s.current.Swap(certificate)
	if before != nil && before.Leaf.Equal(certificate.Leaf) {
		return
	}
	leaf := certificate.Leaf
	s.log.Info("serving certificate in use",
		slog.Any("names", namesOf(leaf)), slog.String("serial", leaf.SerialNumber.Text(16)),
		slog.Time("notBefore", leaf.NotBefore), slog.Time("notAfter", leaf.NotAfter))
}

// tell logs what is wrong once, not at every look, and again after it was right.
func (s *served) tell(ctx context.Context, err error) {
	if err == nil && ctx.Err() == nil {
		err = s.overdue()
	}
	text := ""
	if err != nil {
		if ctx.Err() != nil {
			return // stopped, which is no fault
		}
		text = err.Error()
	}
	s.mu.Lock()
	news := text != s.told
	s.told = text
	s.mu.Unlock()
	if !news {
		return
	}
	if text == "" {
		s.log.LogAttrs(ctx, slog.LevelInfo, "the serving certificate is in order again")
		return
	}
	s.log.LogAttrs(ctx, slog.LevelError, "the serving certificate needs attention; the one there is stays in use",
		slog.String("error", text), slog.Time("notAfter", s.notAfter()))
}

func (s *served) notAfter() time.Time {
	if certificate := s.certificate(); certificate != nil {
		return certificate.Leaf.NotAfter
	}
	return time.Time{}
}

// overdue tells that the certificate in use has ended.
func (s *served) overdue() error {
	certificate := s.certificate()
	if certificate == nil {
		return nil
	}
	return inTime(certificate.Leaf, s.clock.Now())
}

// inTime tells that a certificate has ended or not begun.
func inTime(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return errors.New("the certificate ended at " + leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return errors.New("the certificate begins only at " + leaf.NotBefore.Format(time.RFC3339) + ", or the clock here is wrong")
	}
	return nil
}
