package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	testingclock "k8s.io/utils/clock/testing"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// logRecorder records log lines.
type logRecorder struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logRecorder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logRecorder) count(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.text.Bytes(), []byte(part))
}

// scene is a namespace with replicas.
type scene struct {
	client    kubernetes.Interface
	namespace string
	clock     *testingclock.FakeClock
	log       *logRecorder
}

func (s *scene) dependencies() Dependencies {
	return Dependencies{
		Secrets: s.client.CoreV1().Secrets(s.namespace), ConfigMaps: s.client.CoreV1().ConfigMaps(s.namespace),
		Namespace: s.namespace, Clock: s.clock, Log: s.logger(),
	}
}

func (s *scene) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s.log, nil)) }

// replica returns a replica that has not loaded yet.
func (s *scene) replica(t *testing.T, names ...string) *Source {
	t.Helper()
	o := DefaultOptions()
	o.SelfSigned, o.DNSNames = true, names
	source, err := New(o, s.dependencies())
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// running returns a replica that has loaded.
func (s *scene) running(t *testing.T, names ...string) *Source {
	t.Helper()
	source := s.replica(t, names...)
	if err := source.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return source
}

// look performs the poll of a replica.
func look(t *testing.T, source *Source) error {
	t.Helper()
	k, ok := source.provider.(*selfSigned)
	if !ok {
		t.Fatalf("a %T", source.provider)
	}
	return k.poll(t.Context())
}

func mustLook(t *testing.T, sources ...*Source) {
	t.Helper()
	for _, source := range sources {
		if err := look(t, source); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *scene) secret(t *testing.T) *corev1.Secret {
	t.Helper()
	secret, err := s.client.CoreV1().Secrets(s.namespace).Get(t.Context(), "taskrun-rest-tls", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// change changes the Secret.
func (s *scene) change(t *testing.T, change func(*corev1.Secret)) {
	t.Helper()
	secret := s.secret(t)
	change(secret)
	if _, err := s.client.CoreV1().Secrets(s.namespace).Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// ask sets the annotation that requests a renewal.
func (s *scene) ask(t *testing.T, what string) {
	t.Helper()
	s.change(t, func(secret *corev1.Secret) { metav1.SetMetaDataAnnotation(&secret.ObjectMeta, annotationRenew, what) })
}

func (s *scene) configMap(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	configMap, err := s.client.CoreV1().ConfigMaps(s.namespace).Get(t.Context(), "taskrun-rest-ca", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return configMap
}

// pool returns the CAs of a client that reads the ConfigMap now.
func (s *scene) pool(t *testing.T) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(s.configMap(t).Data["ca.crt"])) {
		t.Fatal("no CA is published")
	}
	return pool
}

func (s *scene) published(t *testing.T) int {
	t.Helper()
	certs, err := decodeCertificates([]byte(s.configMap(t).Data["ca.crt"]))
	if err != nil {
		t.Fatal(err)
	}
	return len(certs)
}

func leafOf(t *testing.T, source *Source) *x509.Certificate {
	t.Helper()
	certificate, err := source.TLSConfig().GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Leaf
}

// trusts verifies the certificate of a replica with these CAs, as a client
// does.
func (s *scene) trusts(t *testing.T, source *Source, pool *x509.CertPool, name string) error {
	t.Helper()
	_, err := leafOf(t, source).Verify(x509.VerifyOptions{Roots: pool, DNSName: name, CurrentTime: s.clock.Now()})
	return err
}

// listen serves with TLS until the test ends, and returns the address.
func listen(t *testing.T, source *Source) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}),
		TLSConfig: source.TLSConfig(), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// run runs a source until the test ends or the returned function is called.
func run(t *testing.T, source *Source) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := source.Start(ctx); err != nil {
			t.Errorf("Start: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(stop)
	return stop
}

// await waits until a condition holds.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("timed out: " + what)
		}
	}
}

// dial performs a handshake and returns the agreed parameters.
func dial(t *testing.T, address string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	connection, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = connection.Close() }()
	secured, ok := connection.(*tls.Conn)
	if !ok {
		t.Fatalf("a %T", connection)
	}
	return secured.ConnectionState(), nil
}
