package rest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestALongPathIsLoggedTruncated(t *testing.T) {
	t.Parallel()
	f := guarded(t, &doorkeeper{})
	path := "/api/" + strings.Repeat("ä", 30_000)
	f.send(t, http.MethodGet, "http://example.test"+path, "")
	f.send(t, strings.Repeat("M", 60_000), "http://example.test/api/hello", "")
	log := f.log.String()
	if len(log) > 2000 || !strings.Contains(log, path[:maxLoggedText-1]+"…") || !strings.Contains(log, "MMM…") {
		t.Errorf("logged %d bytes: %.600s", len(log), log)
	}
}

func TestTextsAreTruncatedBetweenCharacters(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxLoggedText-1)
	for text, want := range map[string]string{
		"":          "",
		long + "b":  long + "b",
		long + "bc": long + "b…",
		long + "ä":  long + "…",
	} {
		if got := truncateForLog(text); got != want {
			t.Errorf("truncateForLog(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRejectedRequestsAreSampledInTheLog(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		f   *fixture
		url string
	}{
		"without a token":     {guarded(t, &doorkeeper{}), "http://example.test/api/task_runs/filter"},
		"for a host not ours": {newFixture(t), "http://elsewhere.test/api/health"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			count := func() int { return strings.Count(tc.f.log.String(), "msg=request") }
			for range 500 {
				tc.f.send(t, http.MethodPost, tc.url, "")
			}
			if got := count(); got != maxLoggedRejections {
				t.Errorf("%d lines of 500 rejected requests, want %d", got, maxLoggedRejections)
			}
			tc.f.send(t, http.MethodGet, "http://example.test/api/hello", "")
			if got := count(); got != maxLoggedRejections+1 {
				t.Errorf("a request that is served is not logged: %d lines", got)
			}
			tc.f.clock.advance(time.Second)
			tc.f.send(t, http.MethodPost, tc.url, "")
			if want := fmt.Sprintf("omitted=%d ", 500-maxLoggedRejections); !strings.Contains(tc.f.log.String(), want) {
				t.Errorf("the next line does not say %s", want)
			}
			if got := len(tc.f.metrics.seen); got != 502 {
				t.Errorf("the metrics have seen %d requests, want 502", got)
			}
		})
	}
}
