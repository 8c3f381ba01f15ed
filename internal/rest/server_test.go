package rest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// patience is the timeout of waits, which end at once unless there is an error.
const patience = 30 * time.Second

// started is a server that listens on loopback.
type started struct {
	*fixture
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T, changes ...change) *started {
	t.Helper()
	s := &started{fixture: newFixture(t, changes...), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	t.Cleanup(stop)
	go func() { s.ended <- s.server.Start(ctx) }()
	select {
	case <-s.server.Listening():
	case err := <-s.ended:
		t.Fatal(err)
	}
	return s
}

func (s *started) url(path string) string {
	return "http://" + s.server.Addr().String() + "/api" + path
}

// end waits for the server to end.
func (s *started) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		t.Fatal("the server did not end")
		return nil
	}
}

// untilRefused waits until connections are refused.
func (s *started) untilRefused(t *testing.T) {
	t.Helper()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(t.Context(), "tcp", s.server.Addr().String())
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			err = conn.Close()
		}
		if err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	}
}

// get sends a request over the network without keeping the connection.
func get(ctx context.Context, url string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func TestServer_respondsUntilItStops(t *testing.T) {
	t.Parallel()
	s := start(t)
	status, body, err := get(t.Context(), s.url("/health"))
	if status != http.StatusOK || body != "true" || err != nil {
		t.Errorf("health = %d %s, error %v", status, body, err)
	}
	s.stop()
	if err := s.end(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if _, _, err := get(t.Context(), s.url("/health")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("asking a stopped server: error %v, want it refused", err)
	}
}

// slowRuns responds to Get when told to, regardless of the context.
func slowRuns(entered, leave chan struct{}) change {
	return func(_ *Options, d *Dependencies) {
		d.Runs = brokenRuns{get: func(context.Context, string) (*taskrun.Run, error) {
			close(entered)
			<-leave
			return &taskrun.Run{ID: idKnown}, nil
		}}
	}
}

func TestShutdown_requestsInFlightEnd(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	s := start(t, slowRuns(entered, leave))
	answered := make(chan int, 1)
	go func() {
		status, _, _ := get(context.WithoutCancel(t.Context()), s.url("/task_runs/"+idKnown)) // status 0 if there is an error
		answered <- status
	}()
	<-entered
	s.stop()
	s.untilRefused(t)
	select {
	case err := <-s.ended:
		t.Fatalf("the server ended before its request: %v", err)
	default:
	}
	close(leave)
	if got := <-answered; got != http.StatusOK {
		t.Errorf("status = %d, want 200", got)
	}
	if err := s.end(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestShutdown_requestsThatDoNotEndAreInterrupted(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	defer close(leave)
	s := start(t, slowRuns(entered, leave), func(o *Options, _ *Dependencies) { o.ShutdownTimeout = time.Millisecond })
	answered := make(chan error, 1)
	go func() {
		_, _, err := get(context.WithoutCancel(t.Context()), s.url("/task_runs/"+idKnown))
		answered <- err
	}()
	<-entered
	s.stop()
	if err := s.end(t); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("the request was answered, want it broken off")
	}
	if log := s.log.String(); !strings.Contains(log, "REST requests interrupted") {
		t.Errorf("log = %q, want the interrupted request in it", log)
	}
}

// talk sends text over its own connection and returns what the server sends
// until it closes the connection.
func talk(t *testing.T, s *started, text string) string {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", s.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("reading the answer: %v after %q", err, answer)
	}
	return string(answer)
}

func TestServer_slowBodyTimesOut(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options, _ *Dependencies) { o.ReadTimeout = 50 * time.Millisecond })
	answer := talk(t, s, "POST /api/task_runs/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
	if !strings.HasPrefix(answer, "HTTP/1.1 408 ") || !strings.Contains(answer, `{"detail":"Request body did not arrive in time."}`) {
		t.Errorf("answer = %q, want 408", answer)
	}
}

func TestServer_slowHeadersTimeOut(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options, _ *Dependencies) { o.HeaderTimeout = 50 * time.Millisecond })
	if answer := talk(t, s, "GET /api/health HTTP/1.1\r\nHost: a\r\n"); strings.Contains(answer, "200") {
		t.Errorf("answer = %q, want the connection closed", answer)
	}
}

func TestServer_incompleteBodyIsABadRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	answer := talk(t, s, "POST /api/task_runs/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nnonsense\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
		t.Errorf("answer = %q, want 400", answer)
	}
}

func TestServer_largeHeadersAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options, _ *Dependencies) { o.MaxHeaderBytes = 1024 })
	answer := talk(t, s, "GET /api/health HTTP/1.1\r\nHost: a\r\nX-Large: "+strings.Repeat("x", 8192)+"\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 431 ") {
		t.Errorf("answer = %.100q, want 431", answer)
	}
}

func TestServer_bodyOfUnknownLengthIsLimited(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options, _ *Dependencies) { o.MaxBodyBytes = 10 })
	answer := talk(t, s, "POST /api/task_runs/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n"+
		strings.Repeat(" ", 32)+"\r\n0\r\n\r\n")
	if !strings.HasPrefix(answer, "HTTP/1.1 413 ") {
		t.Errorf("answer = %q, want 413", answer)
	}
}

func TestServer_addressInUseIsAnErrorWithTheFlag(t *testing.T) {
	t.Parallel()
	first := start(t)
	second := newFixture(t, func(o *Options, _ *Dependencies) { o.BindAddress = first.server.Addr().String() })
	err := second.server.Start(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "--rest-bind-address") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error = %v, want one line that names the flag", err)
	}
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("error %T does not have the address", err)
	}
}

func TestServer_everyReplicaServes(t *testing.T) {
	t.Parallel()
	if newFixture(t).server.NeedLeaderElection() {
		t.Error("the server waits to be the leader")
	}
}

// silent is the number of idle connections in the test below.
const silent = 1000

// Idle connections are closed, also with TLS. Until then, other connections get
// responses.
func TestServer_closesSilentConnections(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]change{
		"plain": func(*Options, *Dependencies) {},
		"TLS":   func(_ *Options, d *Dependencies) { d.TLS = selfSigned(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, change, func(o *Options, _ *Dependencies) { o.HeaderTimeout = 500 * time.Millisecond })
			var dialer net.Dialer
			conns := make([]net.Conn, silent)
			for i := range conns {
				conn, err := dialer.DialContext(t.Context(), "tcp", s.server.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				conns[i] = conn
				defer func() { _ = conn.Close() }()
			}
			if code, err := hello(t, s); code != http.StatusOK {
				t.Errorf("during the wait: status %d, %v", code, err)
			}
			for _, conn := range conns {
				if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal("a connection that says nothing is kept")
				}
			}
		})
	}
}

// hello sends a request without verifying the server's certificate.
func hello(t *testing.T, s *started) (int, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	url := s.server.scheme() + "://" + s.server.Addr().String() + "/api/hello"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// selfSigned returns a certificate without a trusted CA.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

func TestShutdown_connectionsCloseAfterTheirNextResponse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ask := func() string {
		answer := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/api/health", nil)
		f.server.Handler().ServeHTTP(answer, request)
		return answer.Header().Get("Connection")
	}
	if got := ask(); got != "" {
		t.Errorf("before: Connection: %q, want none", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.server.lastResponses(ctx)
	if got := ask(); got != "close" {
		t.Errorf("Connection: %q, want close", got)
	}
}
