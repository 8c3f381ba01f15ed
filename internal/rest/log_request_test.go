package rest

import (
	"fmt"
	"log/slog"
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

func TestRequestsAreLoggedAtTheLevelOfTheirOutcome(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		method, path, body string
		wantLevel          string
	}{
		"a run is created":       {http.MethodPost, "/task_runs/", `{"task_key":"k","dynamic_key":"0"}`, "DEBUG"},
		"a list is read":         {http.MethodPost, "/task_runs/filter", "", "DEBUG"},
		"a run is not there":     {http.MethodGet, "/task_runs/" + idUnknown, "", "INFO"},
		"a body is not valid":    {http.MethodPost, "/task_runs/", "{}", "INFO"},
		"a route does not exist": {http.MethodPost, "/nowhere/", "", "INFO"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lockedBuffer{}
			f := newFixture(t, debugLog(log))
			f.send(t, tc.method, "http://example.test/api"+tc.path, tc.body)
			if got := log.String(); !strings.Contains(got, "level="+tc.wantLevel+" msg=request ") {
				t.Errorf("logged %q, want level %s", got, tc.wantLevel)
			}
		})
	}
}

func TestSlowRequestsAreLoggedAtInfo(t *testing.T) {
	t.Parallel()
	v := &visit{route: &route{}}
	for took, want := range map[time.Duration]slog.Level{
		0: slog.LevelDebug, slowRequest - 1: slog.LevelDebug, slowRequest: slog.LevelInfo,
	} {
		if got := (&outcome{answer: response{status: http.StatusOK}, took: took}).level(v); got != want {
			t.Errorf("after %s: %s, want %s", took, got, want)
		}
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
		changes []change
		url     string
	}{
		"without a token":     {[]change{withDoor(&doorkeeper{})}, "http://example.test/api/task_runs/filter"},
		"for a host not ours": {nil, "http://elsewhere.test/api/health"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lockedBuffer{}
			f := newFixture(t, append(tc.changes, debugLog(log))...)
			count := func() int { return strings.Count(log.String(), "msg=request") }
			for range 500 {
				f.send(t, http.MethodPost, tc.url, "")
			}
			if got := count(); got != maxLoggedRejections {
				t.Errorf("%d lines of 500 rejected requests, want %d", got, maxLoggedRejections)
			}
			f.send(t, http.MethodGet, "http://example.test/api/hello", "")
			if got := count(); got != maxLoggedRejections+1 {
				t.Errorf("a request that is served is not logged: %d lines", got)
			}
			f.clock.advance(time.Second)
			f.send(t, http.MethodPost, tc.url, "")
			if want := fmt.Sprintf("omitted=%d ", 500-maxLoggedRejections); !strings.Contains(log.String(), want) {
				t.Errorf("the next line does not say %s", want)
			}
			if got := len(f.metrics.seen); got != 502 {
				t.Errorf("the metrics have seen %d requests, want 502", got)
			}
		})
	}
}
