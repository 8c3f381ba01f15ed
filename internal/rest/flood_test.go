package rest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// liveHeap measures the maximum size of the heap.
type liveHeap struct {
	stop  chan struct{}
	ended sync.WaitGroup
	most  uint64
}

func watchHeap() *liveHeap {
	h := &liveHeap{stop: make(chan struct{})}
	h.ended.Go(func() {
		for {
			h.most = max(h.most, liveBytes())
			select {
			case <-h.stop:
				return
			default:
			}
		}
	})
	return h
}

// end returns the maximum.
func (h *liveHeap) end() uint64 {
	close(h.stop)
	h.ended.Wait()
	return h.most
}

func liveBytes() uint64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// heldRuns blocks the callers of Count, so that their bodies are in memory at the
// same time.
type heldRuns struct {
	Runs
	held chan struct{}
}

func (h heldRuns) CountByFlowRun(ctx context.Context, _ []string) (map[string]int, error) {
	select {
	case <-h.held:
	case <-ctx.Done():
	}
	return nil, ctx.Err()
}

func (h heldRuns) Count(ctx context.Context, _ taskrun.Filter) (int, error) {
	_, err := h.CountByFlowRun(ctx, nil)
	return 0, err
}

const flooders = 4 // number of identities

// flood sends the most expensive requests of each kind at once.
type flood struct {
	t           *testing.T
	s           *started
	clients     sync.WaitGroup
	connections []net.Conn
	busy        chan struct{} // signals a 503
}

// dial connects from its own loopback address.
func (f *flood) dial(from int) net.Conn {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(from))}}
	conn, err := dialer.DialContext(f.t.Context(), "tcp", f.s.server.Addr().String())
	if err != nil {
		f.t.Skipf("other loopback addresses cannot be used: %v", err)
	}
	f.connections = append(f.connections, conn)
	return conn
}

// slow sends the start of a request and then nothing.
func (f *flood) slow(from int, text []byte) {
	conn := f.dial(from)
	f.clients.Go(func() {
		_, _ = conn.Write(text)
		_, _ = io.Copy(io.Discard, conn)
	})
}

// post sends a body as one of the identities. It reads the response if told to.
func (f *flood) post(who int, path string, body []byte, read bool) {
	conn := f.dial(100 + who)
	f.clients.Go(func() {
		right := map[bool]string{true: "update taskruns/status", false: "list taskruns"}[path == "/logs/" || path == "/events"]
		_, _ = fmt.Fprintf(conn, "POST /namespaces/n%d/api%s HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s in n%d\r\nContent-Length: %d\r\n\r\n", who, path, right, who, len(body))
		_, _ = conn.Write(body)
		if !read {
			return
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable {
			select {
			case f.busy <- struct{}{}:
			default:
			}
		}
	})
}

// unidentified sends what callers without a token can send.
func (f *flood) unidentified() {
	var headers strings.Builder
	for i := range 2700 {
		fmt.Fprintf(&headers, "a%x:\r\n", i)
	}
	const upgrade = "GET /api/events/out HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Protocol: prefect\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	slowly := []byte("GET /api/version HTTP/1.1\r\nHost: h\r\n" + headers.String())
	frame := []byte(upgrade + string(maskedFrame(0x1, 1<<20)) + "[" + strings.Repeat("0,", 1<<19-1))
	for i := range 200 {
		f.slow(i%5, slowly)
		f.slow(i%5, frame)
	}
}

// identified sends what the identities can send.
func (f *flood) identified(values, texts, lines []byte) {
	for who := range flooders {
		body := fmt.Appendf(nil, "POST /namespaces/n%d/api/task_runs/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer create taskruns in n%d\r\n"+
			"Content-Length: 1000000\r\n\r\n%s", who, who, texts[:900_000])
		frame := fmt.Appendf(nil, "GET /namespaces/n%d/api/events/in HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer update taskruns/status in n%d\r\n"+
			"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", who, who)
		frame = append(append(frame, maskedFrame(0x1, 1_400_000)...), values[:900_000]...)
		for i := range 40 {
			f.post(who, "/task_runs/count", values, true)
			f.post(who, "/ui/flow_runs/count-task-runs", texts, true)
			f.post(who, "/task_runs/filter", values, false)
			if i%4 == 0 {
				f.post(who, "/logs/", lines, i%8 == 0)
				f.post(who, "/events", values, false)
				f.slow(100+who, body)
				f.slow(100+who, frame)
			}
		}
	}
}

// TestFlood_allLimitsTogetherFitTheMemory sends all of it to a server with the
// default limits. It is not parallel, because it measures the heap.
func TestFlood_allLimitsTogetherFitTheMemory(t *testing.T) {
	held := make(chan struct{})
	s := start(t, withReviewer(&fakeReviewer{}), func(_ *Options, d *Dependencies) {
		home := d.Runs
		d.Log = slog.New(slog.DiscardHandler)
		d.Others = func(string) (Tenant, error) { return Tenant{Runs: heldRuns{home, held}}, nil }
	})
	ids := strings.TrimSuffix(strings.Repeat(`"`+idKnown+`",`, (1<<20-100)/39), ",")
	values := `{"task_runs":{"id":{"any_":["` + idKnown + `"]}},"more":[` + strings.Repeat("[0],", 49_000) + `0]` + strings.Repeat(" ", 800_000) + `}`
	line := `{"name":"n","level":20,"message":"` + strings.Repeat("x", 500) + `","timestamp":"2026-08-21T12:00:00Z","flow_run_id":null,"task_run_id":"` + idKnown + `"},`
	lines := "[" + strings.TrimSuffix(strings.Repeat(line, (maxLogBody-100)/len(line)), ",") + "]"
	texts := `{"flow_run_ids":[` + ids + `]}`

	before := liveBytes()
	f := &flood{t: t, s: s, busy: make(chan struct{}, 1)}
	heap := watchHeap()
	f.unidentified()
	f.identified([]byte(values), []byte(texts), []byte(lines))
	<-f.busy // the memory has been exhausted for a while
	s.expectWellBehavedServed(t)
	close(held)
	most := heap.end()
	goroutines := runtime.NumGoroutine()
	for _, conn := range f.connections {
		_ = conn.Close()
	}
	f.clients.Wait()

	allowed := uint64(DefaultOptions().BodyMemory) + 130<<20 // for unidentified callers, clients of this test and sockets
	t.Logf("%d MiB before, %d MiB at most, %d goroutines", before>>20, most>>20, goroutines)
	if most > before+allowed {
		t.Errorf("%d MiB of the heap were in use, want %d MiB at most", most>>20, (before+allowed)>>20)
	}
}

// expectWellBehavedServed checks that one more caller gets a response during the
// flood.
func (s *started) expectWellBehavedServed(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url("/task_runs/count"), strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer list taskruns in default")
	for {
		again := r.Clone(ctx)
		again.Body = io.NopCloser(strings.NewReader(`{}`))
		answer, err := http.DefaultClient.Do(again)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			break
		}
		if answer.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("a well-behaved caller: status %d, want 200, or 503 and to come again", answer.StatusCode)
		}
	}
	conn, response, err := websocket.Dial(ctx, strings.Replace(s.url(pathEventsOut), "http", "ws", 1), &websocket.DialOptions{
		Subprotocols: offering, HTTPHeader: http.Header{"Authorization": {"Bearer list taskruns in default"}},
	})
	if err != nil {
		t.Fatalf("a well-behaved listener: %v", err)
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	_ = conn.CloseNow()
}
