package certificates

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
)

// patience bounds waits that end at once where nothing is wrong.
const patience = 30 * time.Second

// movableClock shows the same time until it is moved.
type movableClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *movableClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *movableClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// replica is a Source that makes its certificate, and has looked once.
func replica(t *testing.T, client kubernetes.Interface, clock Clock, names ...string) *Source {
	t.Helper()
	s := newSource(t, client, clock, names...)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func newSource(t *testing.T, client kubernetes.Interface, clock Clock, names ...string) *Source {
	t.Helper()
	o := DefaultOptions()
	o.SelfSigned, o.DNSNames = true, names
	s, err := New(o, Dependencies{Client: client, Namespace: "sys", Clock: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func published(t *testing.T, client kubernetes.Interface) *x509.CertPool {
	t.Helper()
	found, err := client.CoreV1().ConfigMaps("sys").Get(t.Context(), "taskrun-rest-ca", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(found.Data["ca.crt"])) {
		t.Fatal("no certificate is published")
	}
	return pool
}

// verify tells whether clients with these roots believe what a source shows.
func verify(s *Source, roots *x509.CertPool, name string, now time.Time) error {
	_, err := s.current.Load().Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
	return err
}

func TestReplicasThatStartTogetherShareOneCertificate(t *testing.T) {
	t.Parallel()
	client, clock := fake.NewClientset(), &movableClock{now: time.Now()}
	sources := make([]*Source, 8)
	var starting sync.WaitGroup
	for i := range sources {
		sources[i] = newSource(t, client, clock)
		starting.Go(func() {
			if err := sources[i].Load(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	starting.Wait()
	roots := published(t, client)
	for i, s := range sources {
		if !s.current.Load().Leaf.Equal(sources[0].current.Load().Leaf) {
			t.Errorf("replica %d has a certificate of its own", i)
		}
		for _, name := range []string{"taskrun-rest.sys.svc", "taskrun-rest.sys.svc.cluster.local", "localhost", "127.0.0.1"} {
			if err := verify(s, roots, name, clock.Now()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestACertificateIsRenewedInTime(t *testing.T) {
	t.Parallel()
	client, clock := fake.NewClientset(), &movableClock{now: time.Now()}
	s, other := replica(t, client, clock), replica(t, client, clock)
	before := s.current.Load().Leaf
	clock.advance(servingLife / 2)
	look(t, s)
	if !s.current.Load().Leaf.Equal(before) {
		t.Error("renewed long before its end")
	}
	clock.advance(servingLife / 4)
	look(t, s)
	look(t, other)
	after := s.current.Load().Leaf
	if after.Equal(before) || !after.Equal(other.current.Load().Leaf) || !s.NotAfter().Equal(after.NotAfter) {
		t.Error("not renewed, or not for both")
	}
	if err := verify(s, published(t, client), "localhost", clock.Now()); err != nil {
		t.Error(err)
	}
}

func look(t *testing.T, s *Source) {
	t.Helper()
	if err := s.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOtherNamesNeedAnotherCertificate(t *testing.T) {
	t.Parallel()
	client, clock := fake.NewClientset(), &movableClock{now: time.Now()}
	replica(t, client, clock)
	roots := published(t, client)
	renamed := replica(t, client, clock, "runs.example.test")
	if err := verify(renamed, roots, "runs.example.test", clock.Now()); err != nil {
		t.Errorf("with the CA of before: %v", err)
	}
	if diff := cmp.Diff([]string{"runs.example.test"}, renamed.current.Load().Leaf.DNSNames); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// A client that reads the CA once a day believes the operator all the time.
func TestANewCAIsKnownBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	client, clock := fake.NewClientset(), &movableClock{now: time.Now()}
	s := replica(t, client, clock)
	authorities := map[string]bool{}
	known := published(t, client)
	const day = 24 * time.Hour
	for passed := time.Duration(0); passed < authorityLife; passed += day {
		clock.advance(day)
		look(t, s)
		if err := verify(s, known, "localhost", clock.Now()); err != nil {
			t.Fatalf("after %s, with the CA of the day before: %v", passed, err)
		}
		known = published(t, client)
		authorities[string(s.current.Load().Leaf.AuthorityKeyId)] = true
	}
	if len(authorities) != 2 {
		t.Errorf("%d CAs in ten years, want 2", len(authorities))
	}
}

func TestASecretThatSomebodyBrokeIsNotOverwritten(t *testing.T) {
	t.Parallel()
	clock := &movableClock{now: time.Now()}
	good, err := first(clock.Now(), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := first(clock.Now(), []string{"b"})
	if err != nil {
		t.Fatal(err)
	}
	with := func(key string, value []byte) map[string][]byte {
		data := map[string][]byte{}
		maps.Copy(data, good)
		data[key] = value
		return data
	}
	for name, data := range map[string]map[string][]byte{
		"empty":               {},
		"without a CA":        with("ca.crt", nil),
		"without its key":     with("ca.key", nil),
		"with another CA":     {"tls.crt": good["tls.crt"], "tls.key": good["tls.key"], "ca.crt": foreign["ca.crt"], "ca.key": foreign["ca.key"]},
		"with another key":    with("tls.key", foreign["tls.key"]),
		"with half a next CA": with("next-ca.crt", foreign["ca.crt"]),
	} {
		client := fake.NewClientset(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "sys", Name: "taskrun-rest-tls"}, Data: data})
		err := newSource(t, client, clock).Load(t.Context())
		if err == nil || !strings.Contains(err.Error(), "sys/taskrun-rest-tls") || !strings.Contains(err.Error(), "delete it") {
			t.Errorf("%s: %v, want an error that names the Secret and what to do", name, err)
		}
		found, err := client.CoreV1().Secrets("sys").Get(t.Context(), "taskrun-rest-tls", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(data, found.Data); diff != "" {
			t.Errorf("%s: changed (-before +after):\n%s", name, diff)
		}
	}
}

func TestThePublishedCAIsPutRight(t *testing.T) {
	t.Parallel()
	client, clock := fake.NewClientset(), &movableClock{now: time.Now()}
	s := replica(t, client, clock)
	configMaps := client.CoreV1().ConfigMaps("sys")
	for _, data := range []map[string]string{nil, {"ca.crt": "nothing", "more": "of theirs"}} {
		broken := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "sys", Name: "taskrun-rest-ca"}, Data: data}
		if _, err := configMaps.Update(t.Context(), broken, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		look(t, s)
		if err := verify(s, published(t, client), "localhost", clock.Now()); err != nil {
			t.Error(err)
		}
	}
	if err := configMaps.Delete(t.Context(), "taskrun-rest-ca", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	look(t, s)
	published(t, client)
}

func TestVersionsOfTLS(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		least          string
		client, wanted uint16 // the most the client can; 0: refused
	}{
		"1.3 is preferred":       {"1.2", tls.VersionTLS13, tls.VersionTLS13},
		"1.2 is good enough":     {"1.2", tls.VersionTLS12, tls.VersionTLS12},
		"1.1 is not":             {"1.2", tls.VersionTLS11, 0},
		"1.2 is not if 1.3 must": {"1.3", tls.VersionTLS12, 0},
	}
	client, clock := fake.NewClientset(), &movableClock{now: time.Now()}
	for name, tc := range cases {
		s := replica(t, client, clock)
		if err := (*version)(&s.options.MinVersion).UnmarshalText([]byte(tc.least)); err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		go func() { _ = tls.Server(there, s.TLSConfig()).HandshakeContext(t.Context()) }()
		conn := tls.Client(here, &tls.Config{
			RootCAs: published(t, client), ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: tc.client,
		})
		err := conn.HandshakeContext(t.Context())
		if got := conn.ConnectionState().Version; (err == nil) != (tc.wanted != 0) || err == nil && got != tc.wanted {
			t.Errorf("%s: version %x, %v", name, got, err)
		}
		_ = here.Close()
	}
}

// write puts a certificate into a folder as kubelet puts a Secret: a link is
// turned to a new folder.
func write(t *testing.T, folder, name string, data map[string][]byte) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range data {
		if err := os.WriteFile(filepath.Join(folder, name, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(name, filepath.Join(folder, "..tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(folder, "..tmp"), filepath.Join(folder, "..data")); err != nil {
		t.Fatal(err)
	}
}

// A mounted Secret is turned over many times while clients ask all the time.
func TestRotationUnderLoadLosesNoRequest(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	roots := x509.NewCertPool()
	rotate := func(name string) *x509.Certificate {
		data, err := first(time.Now(), []string{"localhost"})
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(data["ca.crt"])
		write(t, folder, name, data)
		pair, err := tls.X509KeyPair(data["tls.crt"], data["tls.key"])
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	rotate("0")
	for _, file := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(folder, file)); err != nil {
			t.Fatal(err)
		}
	}
	s := inFiles(t, folder)
	url := serveTLS(t, s)
	var asked atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if err := get(context.WithoutCancel(ctx), url); err != nil {
					t.Errorf("a request was lost: %v", err)
					return
				}
				asked.Add(1)
			}
		})
	}
	var last *x509.Certificate
	for _, name := range []string{"1", "2", "3"} {
		last = rotate(name)
		deadline := time.Now().Add(patience)
		for s.NotAfter() != last.NotAfter || shown(t, url) != last.SerialNumber.String() {
			if time.Now().After(deadline) {
				t.Fatalf("certificate %s is not shown", name)
			}
		}
	}
	// What is broken changes nothing.
	write(t, folder, "broken", map[string][]byte{"tls.crt": []byte("no certificate"), "tls.key": []byte("no key")})
	for range 20 {
		if got := shown(t, url); got != last.SerialNumber.String() {
			t.Fatalf("after a broken one, %s is shown", got)
		}
	}
	stop()
	clients.Wait()
	if asked.Load() == 0 {
		t.Error("nobody asked")
	}
}

// inFiles is a Source of files that keeps up with them.
func inFiles(t *testing.T, folder string) *Source {
	t.Helper()
	o := DefaultOptions()
	o.CertFile, o.KeyFile = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	s, err := New(o, Dependencies{Clock: &movableClock{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// serveTLS greets with what the source shows.
func serveTLS(t *testing.T, s *Source) (url string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }),
		TLSConfig:         s.TLSConfig(),
		ReadHeaderTimeout: patience,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return "https://" + listener.Addr().String()
}

// get asks over a new connection; who answers is not looked at.
func get(ctx context.Context, url string) error {
	_, err := ask(ctx, url)
	return err
}

func shown(t *testing.T, url string) string {
	t.Helper()
	certificate, err := ask(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.SerialNumber.String()
}

func ask(ctx context.Context, url string) (*x509.Certificate, error) {
	transport := &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return nil, err
	}
	return response.TLS.PeerCertificates[0], response.Body.Close()
}

func TestBadOptionsAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a certificate without a key": {[]string{"--tls-cert-file=a"}, "--tls-private-key-file"},
		"a key without a certificate": {[]string{"--tls-private-key-file=a"}, "--tls-cert-file"},
		"two ways at once":            {[]string{"--tls-cert-file=a", "--tls-private-key-file=b", "--tls-self-signed"}, "exclude"},
		"nowhere to keep it":          {[]string{"--tls-self-signed", "--tls-secret="}, "--tls-secret"},
		"an old version":              {[]string{"--tls-min-version=1.1"}, "1.2 or 1.3"},
	} {
		o := DefaultOptions()
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		o.BindFlags(fs)
		err := fs.Parse(tc.args)
		if err == nil {
			err = o.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, tc.want)
		}
	}
	o := DefaultOptions()
	o.CertFile, o.KeyFile = "nowhere.crt", "nowhere.key"
	s, err := New(o, Dependencies{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "--tls-cert-file") {
		t.Errorf("no such file: %v", err)
	}
}
