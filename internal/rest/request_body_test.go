package rest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sendFirst sends a whole request and then reads the response, as Python's
// http.client does.
func sendFirst(t *testing.T, s *started, head string, body []byte) (*http.Response, string) {
	t.Helper()
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := fmt.Fprintf(connection, "%s\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", head); err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Write(body); err != nil {
		t.Fatalf("sending the body: %v", err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return answer, string(text)
}

func TestRejectedBody_clientThatSendsFirstReadsTheResponse(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := bytes.Repeat([]byte(" "), 20<<20)
	chunked := append(fmt.Appendf(nil, "%x\r\n", len(body)), body...)
	chunked = append(chunked, "\r\n0\r\n\r\n"...)
	for path, want := range map[string]int{
		"POST /api/task_runs/": http.StatusRequestEntityTooLarge, "POST /api/task_runs/filter": http.StatusRequestEntityTooLarge,
		"POST /api/logs/": http.StatusRequestEntityTooLarge, "POST /api/events": http.StatusRequestEntityTooLarge,
		"PATCH /api/task_runs/" + idKnown: http.StatusRequestEntityTooLarge, "POST /api/nowhere": http.StatusNotFound,
		"PUT /api/task_runs/": http.StatusMethodNotAllowed, "POST /api/task_runs": http.StatusTemporaryRedirect, "GET /api/health": http.StatusOK,
	} {
		t.Run(path, func(t *testing.T) {
			for _, how := range []struct {
				header string
				body   []byte
			}{{fmt.Sprintf("Content-Length: %d", len(body)), body}, {"Transfer-Encoding: chunked", chunked}} {
				answer, text := sendFirst(t, s, path+" HTTP/1.1\r\n"+how.header, how.body) //nolint:bodyclose // sendFirst has read and closed it
				if answer.StatusCode != want || (want == http.StatusRequestEntityTooLarge && !strings.Contains(text, "too large")) {
					t.Errorf("%s: answer %d %s, want %d", how.header, answer.StatusCode, text, want)
				}
			}
		})
	}
}

func TestRejectedBody_isNotSentAfterExpectContinue(t *testing.T) {
	t.Parallel()
	s := start(t)
	answer, _ := sendFirst(t, s, "POST /api/task_runs/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 999999999", nil) //nolint:bodyclose // sendFirst has read and closed it
	if answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answer %d, want 413 at once", answer.StatusCode)
	}
}

func TestLogs_largestBatchesAreAccepted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	line := func(unit string, n int) string {
		text, err := json.Marshal([]map[string]any{{
			"name": "n", "level": 20, "message": strings.Repeat(unit, n), "timestamp": noon.Format(time.RFC3339),
		}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, body := range map[string]string{"letters": line("x", 4_000_000), "of two bytes": line("é", 3_999_000), "of four bytes": line("😀", 3_999_000)} {
		if got := f.must(t, http.StatusCreated, http.MethodPost, "/logs/", body); got != "null" {
			t.Errorf("%s: %s", name, got)
		}
	}
	f.must(t, http.StatusRequestEntityTooLarge, http.MethodPost, "/logs/", line("x", maxLogBody))
	f.expectNoMemoryTaken(t)
}

func TestBody_compressedIsRejectedWithTheFix(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const plain = `{"task_key":"k","dynamic_key":"d"}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(plain)); err != nil || z.Close() != nil {
		t.Fatal("gzip failed")
	}
	for _, coding := range []string{"gzip", "br", "zstd", "deflate", "x-gzip", "identity, gzip", "GZIP"} {
		w := f.ask(t, http.MethodPost, "/task_runs/", packed.String(), "Content-Encoding", coding)
		if got := w.Body.String(); w.Code != http.StatusUnsupportedMediaType || !strings.Contains(got, "Content-Encoding") {
			t.Errorf("%s: answer = %d %s, want 415 that names the header", coding, w.Code, got)
		}
	}
	for _, coding := range []string{"", "identity", "Identity"} {
		if w := f.ask(t, http.MethodPost, "/task_runs/", plain, "Content-Encoding", coding); w.Code >= http.StatusBadRequest {
			t.Errorf("%q: answer = %d %s, want success", coding, w.Code, w.Body)
		}
	}
}
