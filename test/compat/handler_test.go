package compat

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// wallClock is the real time: the recordings send times around now.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func TestTheHandlersAnswerAsRecorded(t *testing.T) {
	t.Parallel()
	service := taskrun.NewService(taskrun.ServiceOptions{Store: memory.New(), Clock: wallClock{}})
	server, err := rest.New(rest.DefaultOptions(), rest.Dependencies{
		Runs: service, Clock: wallClock{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server.Handler())
	t.Cleanup(listening.Close)
	replayAll(t, "handlers", &Player{Base: listening.URL + "/api", Strict: true})
}
