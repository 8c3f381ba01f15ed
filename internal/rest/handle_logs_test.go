package rest

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestLogs_linesAreWrittenToTheLogOfTheOperator(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.must(t, http.StatusCreated, http.MethodPost, "/logs/", `[`+
		`{"name":"quiet","level":10,"message":"unheard","timestamp":"2026-08-21T12:00:00Z"},`+
		`{"name":"flow","level":20,"message":"a\nb","timestamp":"2026-08-21T12:00:00.5Z","flow_run_id":"`+idFlowRun+`"},`+
		`{"name":"task","level":35,"message":"careful","timestamp":"2026-08-21T12:00:00Z","task_run_id":"`+strings.ToUpper(idKnown)+`"}]`)
	want := []string{
		`level=INFO msg="client log" line="a\nb" logger=flow pythonLevel=20 loggedAt=2026-08-21T12:00:00.500Z flowRunID=` + idFlowRun,
		`level=INFO msg="client log" line=careful logger=task pythonLevel=35 loggedAt=2026-08-21T12:00:00.000Z taskRunID=` + idKnown,
	}
	got := slices.DeleteFunc(strings.Split(f.log.String(), "\n"), func(line string) bool { return !strings.Contains(line, "client log") })
	if len(got) != len(want) {
		t.Fatalf("log = %q, want %d lines: debug is not logged here", got, len(want))
	}
	for i := range want {
		if !strings.HasSuffix(got[i], want[i]) {
			t.Errorf("line = %s, want it to end with %s", got[i], want[i])
		}
	}
}

func TestLogs_longLineIsTruncatedOnlyInTheLogOfTheOperator(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	message := strings.Repeat("é", maxRelayed)
	f.must(t, http.StatusCreated, http.MethodPost, "/logs/", `[{"name":"n","level":50,"message":"x`+message+`","timestamp":"2026-08-21T12:00:00Z"}]`)
	log := f.log.String()
	if want := "line=x" + strings.Repeat("é", maxRelayed/2-1) + cutMark + " logger=n"; !strings.Contains(log, want) || !strings.Contains(log, "level=INFO") {
		t.Errorf("log = %s, want the line cut between two characters", log)
	}
	if kept := f.must(t, http.StatusOK, http.MethodPost, "/logs/filter", ``); !strings.Contains(kept, "x"+message) {
		t.Error("the line that is kept is cut too")
	}
}

func TestLogs_levelsOfPythonAreTranslated(t *testing.T) {
	t.Parallel()
	for python, want := range map[int]slog.Level{
		-1: slog.LevelDebug, 0: slog.LevelDebug, 10: slog.LevelDebug, 19: slog.LevelDebug, 20: slog.LevelInfo, 29: slog.LevelInfo,
		30: slog.LevelInfo, 40: slog.LevelInfo, 50: slog.LevelInfo, 1000: slog.LevelInfo,
	} {
		if got := levelOf(python); got != want {
			t.Errorf("level %d = %s, want %s", python, got, want)
		}
	}
}

func TestLogs_relayedLineHasCallerAndNamespace(t *testing.T) {
	t.Parallel()
	f := guarded(t, &fakeReviewer{})
	const right = "update taskruns/status in other"
	r := `[{"name":"n","level":20,"message":"a\u009b31m","timestamp":"2026-08-21T12:00:00Z"}]`
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.test/namespaces/other/api/logs/", strings.NewReader(r))
	request.Header.Set("Authorization", "Bearer "+right)
	answer := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(answer, request)
	if answer.Code != http.StatusCreated {
		t.Fatalf("status %d %s, want 201", answer.Code, answer.Body)
	}
	line, _, _ := strings.Cut(f.log.String(), "\n")
	for _, want := range []string{`namespace=other`, `caller="` + right + `"`, `a\u009b31m`} {
		if !strings.Contains(line, want) {
			t.Errorf("line = %s, want %s", line, want)
		}
	}
}

func TestLogs_areReturnedByQueries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.must(t, http.StatusCreated, http.MethodPost, "/logs/",
		`[{"name":"n","level":20,"message":"m","timestamp":"2026-08-21T14:00:00.5+02:00","task_run_id":"`+strings.ToUpper(idKnown)+`"}]`)
	got := f.must(t, http.StatusOK, http.MethodPost, "/logs/filter", `{"logs":{"task_run_id":{"any_":["`+idKnown+`"]}}}`)
	line := strings.Trim(got, "[]")
	for key, want := range map[string]string{
		"created": `"2026-08-21T12:00:00Z"`, "updated": `"2026-08-21T12:00:00Z"`, "name": `"n"`, "level": "20", "message": `"m"`,
		"timestamp": `"2026-08-21T12:00:00.500000Z"`, "flow_run_id": "null", "task_run_id": `"` + idKnown + `"`,
	} {
		if got := sample.Member(t, line, key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if id, ok := wire.PathID(strings.Trim(sample.Member(t, line, "id"), `"`)); !ok {
		t.Errorf("id %s is no UUID", id)
	}
}
