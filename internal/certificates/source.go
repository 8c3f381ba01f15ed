package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Dependencies are what a Source works with.
type Dependencies struct {
	Client    kubernetes.Interface // nil will do where the certificate is in files
	Namespace string               // the program's own
	Clock     Clock
	Log       *slog.Logger
}

// Source has the certificate to show now.
type Source struct {
	options Options
	keeper  *keeper                  // of a certificate that is made here, else nil
	files   *certwatcher.CertWatcher // of one in files, else nil
	log     *slog.Logger

	current atomic.Pointer[tls.Certificate]
	bundle  atomic.Pointer[[]byte]
}

// New returns a Source; Load has to be called before it is used.
func New(o Options, d Dependencies) (*Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Source{options: o, log: d.Log}
	if o.SelfSigned {
		s.keeper = newKeeper(o, d)
	}
	return s, nil
}

// filesInterval is the time between two looks at files: kubelet turns a link,
// which nothing tells of.
const filesInterval = 2 * time.Second

// Load gets the first certificate. The error says what is wrong with it.
func (s *Source) Load(ctx context.Context) error {
	if s.keeper != nil {
		return s.refresh(ctx)
	}
	watcher, err := certwatcher.New(s.options.CertFile, s.options.KeyFile)
	if err != nil {
		return fmt.Errorf("--tls-cert-file, --tls-private-key-file: %w", err)
	}
	watcher.WithWatchInterval(filesInterval).RegisterCallback(func(tls.Certificate) {
		s.log.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "the certificate was read", slog.Time("goodUntil", s.NotAfter()))
	})
	s.files = watcher
	return nil
}

// refreshInterval is the time between two looks at the Secret: short beside the
// life of a certificate, and one read of one object.
const refreshInterval = time.Minute

// Start keeps the certificate up to date until the context ends.
func (s *Source) Start(ctx context.Context) error {
	if s.files != nil {
		return s.files.Start(ctx)
	}
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "the certificate could not be looked after; the one in use stays", slog.Any("error", err))
		}
	}
}

// NeedLeaderElection tells a manager that every replica does this.
func (s *Source) NeedLeaderElection() bool { return false }

func (s *Source) refresh(ctx context.Context) error {
	kept, err := s.keeper.look(ctx)
	if err != nil {
		return err
	}
	before := s.current.Swap(&kept.serving)
	s.bundle.Store(&kept.bundle)
	if before == nil || !before.Leaf.Equal(kept.serving.Leaf) {
		s.log.LogAttrs(ctx, slog.LevelInfo, "the certificate is in use", slog.Time("goodUntil", kept.serving.Leaf.NotAfter))
	}
	return nil
}

// NotAfter is until when the certificate is good; zero if there is none.
func (s *Source) NotAfter() time.Time {
	shown, err := s.certificate(nil)
	if err != nil {
		return time.Time{}
	}
	leaf := shown.Leaf
	if leaf == nil {
		if leaf, err = x509.ParseCertificate(shown.Certificate[0]); err != nil {
			return time.Time{}
		}
	}
	return leaf.NotAfter
}

// Bundle is the CA that the certificate is checked with, in PEM; nil if somebody
// else makes the certificate.
func (s *Source) Bundle() []byte {
	if bundle := s.bundle.Load(); bundle != nil {
		return *bundle
	}
	return nil
}

func (s *Source) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if s.files != nil {
		return s.files.GetCertificate(hello)
	}
	if shown := s.current.Load(); shown != nil {
		return shown, nil
	}
	return nil, errors.New("there is no certificate yet")
}

// TLSConfig is for servers. Clients that speak both are served over HTTP/2;
// those that want a websocket do not offer it, and get HTTP/1.1.
func (s *Source) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     s.options.MinVersion,
		GetCertificate: s.certificate,
		NextProtos:     []string{"h2", "http/1.1"},
	}
}
