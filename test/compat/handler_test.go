package compat

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/internal/rest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/memory"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase/flows"
)

func TestHandlers_respondAsRecorded(t *testing.T) {
	t.Parallel()
	replayAll(t, target{name: "handlers", flows: true}, &Player{Base: serveHandlers(t), Strict: true, Patience: replayPatience})
}

func TestHandlers_agreeWithModel(t *testing.T) {
	t.Parallel()
	// The model does not know which flow runs exist.
	checkAgainstModel(t, serve(t, newHandler(t, flows.UnknownRunning)))
}

// serveHandlers starts a server with the handlers, and returns the base URL of
// its API.
func serveHandlers(t *testing.T) string {
	t.Helper()
	return serve(t, newHandler(t, flows.UnknownNotFound))
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	listening := httptest.NewServer(handler)
	t.Cleanup(listening.Close)
	return listening.URL + "/api"
}

// newHandler returns the handlers on stores in memory. unknown is what holds for flow runs that are not stored.
func newHandler(t *testing.T, unknown flows.UnknownFlowRuns) http.Handler {
	t.Helper()
	runs := memory.NewWithClock(clock.RealClock{})
	limits := concurrency.New(concurrency.Options{Store: memory.NewLimits(), Runs: runs, Clock: clock.RealClock{}})
	flowRuns := memory.NewFlows()
	service := usecase.New(usecase.Options{Store: runs, Clock: clock.RealClock{}, Slots: limits, FlowRuns: flows.FlowRuns{Store: flowRuns, Unknown: unknown}, Flows: flowRuns})
	flowService := flows.New(flows.Options{Store: flowRuns, TaskRuns: flows.NewTaskRuns(runs, service), Clock: clock.RealClock{}})
	queue := delivery.NewQueue(runs, clock.RealClock{})
	t.Cleanup(queue.Open())
	workers := delivering{delivery.NewWorkers(queue, service, clock.RealClock{}, delivery.SingleReplica{})}
	server, err := rest.New(rest.DefaultOptions(), rest.Dependencies{
		Tenant: rest.Tenant{Runs: service, Limits: limits, Flows: flowService, Workers: workers, Deliveries: workers, Recorder: service, Stream: service},
		Clock:  clock.RealClock{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server.Handler()
}

// delivering reports the workers that have connections.
type delivering struct{ *delivery.Workers }

func (d delivering) Subscribe(ctx context.Context, keys []string, clientID string) (rest.Subscription, error) {
	return d.Workers.Subscribe(ctx, keys, clientID)
}
