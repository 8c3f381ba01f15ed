//go:build apiserver

package app

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	kuberest "k8s.io/client-go/rest"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// reviewCounter counts the token reviews that reach the API server.
type reviewCounter struct {
	http.RoundTripper
	reviews *atomic.Int64
}

func (c reviewCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/tokenreviews") {
		c.reviews.Add(1)
	}
	return c.RoundTripper.RoundTrip(r)
}

// flood is the load of hostile callers on a program.
type flood struct {
	t       *testing.T
	g       *guardedProgram
	clients sync.WaitGroup
	mu      sync.Mutex
	conns   []net.Conn
}

// dial connects from its own loopback address.
func (f *flood) dial(from byte) net.Conn {
	f.t.Helper()
	roots := f.g.client.Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:errcheck,forcetypeassert // is one
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, from)}},
		Config:    &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12},
	}
	conn, err := dialer.DialContext(f.t.Context(), "tcp", f.g.app.REST().Addr().String())
	if err != nil {
		return nil // the server has closed it at the limit
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = append(f.conns, conn)
	return conn
}

// send sends a text, and keeps the connection until the server closes it or the flood ends.
func (f *flood) send(from byte, text string) {
	f.clients.Go(func() {
		conn := f.dial(from)
		if conn == nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	})
}

func (f *flood) end() {
	f.mu.Lock()
	for _, conn := range f.conns {
		_ = conn.Close()
	}
	f.mu.Unlock()
	f.clients.Wait()
}

// sockets sends auth frames of 1 MiB, endless auth frames, and nothing at all.
func (f *flood) sockets() {
	const upgrade = "GET /api/events/out HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Protocol: prefect\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	frame := binary.BigEndian.AppendUint64([]byte{0x81, 0x80 | 127}, 1<<20)
	frame = append(frame, 0, 0, 0, 0)
	values := "[" + strings.Repeat("0,", 1<<19-1) + "]"
	for i := range 40 {
		f.send(byte(i%3+1), upgrade+string(frame)+values)
		f.send(byte(i%3+1), upgrade+string(frame)+values[:len(values)-1])
		f.send(byte(i%3+1), upgrade)
	}
}

// requests sends large bodies and long lists of an identified caller and of unidentified ones.
func (f *flood) requests(token string) {
	values := `{"more":[` + strings.Repeat("[0],", 49_000) + `0]` + strings.Repeat(" ", 800_000) + `}`
	names := `{"names":["n"` + strings.Repeat(`,"n"`, 150_000) + `],"slots":1}`
	post := func(from byte, path, token, body string) {
		f.send(from, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", path, token, len(body), body))
	}
	for range 40 {
		post(4, "/api/task_runs/count", token, values)
		post(4, "/api/task_runs/filter", token, values)
		post(4, "/api/v2/concurrency_limits/increment", token, names)
		post(5, "/api/task_runs/count", "bad", values)
	}
}

// badTokens sends each token once, over a few connections of one address, and returns after all responses.
func (f *flood) badTokens(n int) {
	for part := range 4 {
		f.clients.Go(func() {
			for i := range n / 4 {
				conn := f.dial(6)
				if conn == nil {
					continue
				}
				_, _ = fmt.Fprintf(conn, "GET /api/version HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer bad-%d-%d\r\nConnection: close\r\n\r\n", part, i)
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}
		})
	}
}

// count requests the number of runs, again while the program is busy.
func (g *guardedProgram) count(t *testing.T, token string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		status := g.ask(t, http.MethodPost, "/api/task_runs/count", token)
		if status != http.StatusServiceUnavailable || ctx.Err() != nil {
			return status
		}
	}
}

func liveHeap() uint64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestFloods_togetherAreBounded sends a little of each flood to the program, and requests of a regular caller at the
// same time. It is not parallel, because it measures the heap of the process.
func TestFloods_togetherAreBounded(t *testing.T) {
	var reviews atomic.Int64
	config := kuberest.CopyConfig(testenv.Start(t).Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return reviewCounter{next, &reviews} })
	g := startGuardedWith(t, config)
	g.account(t, "known", g.home)
	g.account(t, "greedy", g.home)
	known, greedy := g.token(t, "known", "taskrun.dev"), g.token(t, "greedy", "taskrun.dev")
	foreign := g.token(t, "known", "https://kubernetes.default.svc")
	if got := g.count(t, known); got != http.StatusOK {
		t.Fatalf("before the flood: status %d", got)
	}
	heap, goroutines, before := liveHeap(), runtime.NumGoroutine(), reviews.Load()

	const badTokens = 200
	began := time.Now()
	f := &flood{t: t, g: g}
	f.sockets()
	f.requests(greedy)
	f.badTokens(badTokens)
	var most uint64
	running := 0
	for range 20 {
		most, running = max(most, liveHeap()), max(running, runtime.NumGoroutine())
		if got := g.ask(t, http.MethodGet, "/api/version", foreign); got != http.StatusUnauthorized {
			t.Errorf("a token of another audience: status %d, want 401", got)
		}
		if got := g.count(t, known); got != http.StatusOK {
			t.Errorf("a caller that was known before: status %d, want 200", got)
		}
	}
	if got := g.count(t, g.token(t, "known", "taskrun.dev")); got != http.StatusOK {
		t.Errorf("a caller with a new token: status %d, want 200", got)
	}
	if conn, refused := g.dial(t, "/api/events/out", known); refused != "" {
		t.Errorf("a listener: %s", refused)
	} else {
		_ = conn.CloseNow()
	}
	f.end()
	asked := reviews.Load() - before
	// The limited rate of the flood's two addresses; each of three valid tokens at most once per second, which is how
	// long the cache keeps it.
	seconds := int64(time.Since(began).Seconds()) + 1
	allowed := 2*(40+5*seconds) + 3*(seconds+1)
	t.Logf("heap %d MiB, then %d MiB; goroutines %d, then %d; %d reviews, allowed %d", heap>>20, most>>20, goroutines, running, asked, allowed)
	if most > heap+320<<20 {
		t.Errorf("%d MiB of the heap are in use, want %d MiB at most", most>>20, (heap+320<<20)>>20)
	}
	if running > goroutines+3000 {
		t.Errorf("%d goroutines, want %d at most", running, goroutines+3000)
	}
	if asked > allowed {
		t.Errorf("the API server reviewed %d tokens, want %d at most", asked, allowed)
	}
}
