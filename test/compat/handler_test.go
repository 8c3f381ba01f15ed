package compat

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// wallClock is the real time: the recordings send times around now.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func TestTheHandlersAnswerAsRecorded(t *testing.T) {
	t.Parallel()
	replayAll(t, "handlers", &Player{Base: serveHandlers(t), Strict: true})
}

func TestTheHandlersAgreeWithTheModel(t *testing.T) {
	t.Parallel()
	checkAgainstModel(t, serveHandlers(t))
}

// serveHandlers serves the handlers, and returns the base of their API.
func serveHandlers(t *testing.T) string {
	t.Helper()
	listening := httptest.NewServer(newHandler(t))
	t.Cleanup(listening.Close)
	return listening.URL + "/api"
}

// newHandler returns the handlers on stores in memory.
func newHandler(t *testing.T) http.Handler {
	t.Helper()
	runs := memory.New()
	limits := concurrency.New(concurrency.Options{Store: memory.NewLimits(), Runs: runs, Clock: wallClock{}})
	service := taskrun.NewService(taskrun.ServiceOptions{Store: runs, Clock: wallClock{}, Slots: limits})
	server, err := rest.New(rest.DefaultOptions(), rest.Dependencies{
		Runs: service, Limits: limits, Clock: wallClock{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server.Handler()
}
