//go:build apiserver

package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/delivery"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// worker is a client that receives runs on one connection.
type worker struct {
	name string
	conn *websocket.Conn
}

// serve connects a worker for one task.
func (p *program) serve(t *testing.T, name, taskKey string) *worker {
	t.Helper()
	return serveAt(t, p.url(), name, taskKey)
}

// serveAt connects a worker to the API of a namespace.
func serveAt(t *testing.T, api, name, taskKey string) *worker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	url := strings.Replace(api, "http://", "ws://", 1) + "/task_runs/subscriptions/scheduled"
	conn, answer, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"prefect"}})
	if err != nil {
		t.Fatalf("connecting %s: %v", name, err)
	}
	if answer.Body != nil {
		_ = answer.Body.Close()
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	w := &worker{name: name, conn: conn}
	w.say(t, `{"type":"auth","token":null}`)
	if got := w.receive(t); got["type"] != "auth_success" {
		t.Fatalf("%s: answer to auth: %v", name, got)
	}
	w.say(t, fmt.Sprintf(`{"type":"subscribe","keys":[%q],"client_id":%q}`, taskKey, name))
	return w
}

func (w *worker) say(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatalf("%s says %s: %v", w.name, text, err)
	}
}

func (w *worker) receive(t *testing.T) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, text, err := w.conn.Read(ctx)
	if err != nil {
		t.Fatalf("%s receives: %v", w.name, err)
	}
	var frame map[string]any
	if err := json.Unmarshal(text, &frame); err != nil {
		t.Fatalf("%s receives %s: %v", w.name, text, err)
	}
	return frame
}

// takes waits for a run and acknowledges it. It fails the test if it is another
// run.
func (w *worker) takes(t *testing.T, id string) {
	t.Helper()
	frame := w.receive(t)
	if frame["id"] != id || frame["state_type"] != "SCHEDULED" {
		t.Fatalf("%s got %v, want the run %s, SCHEDULED", w.name, frame, id)
	}
	w.say(t, `{"type":"ack"}`)
}

// vanish drops the connection without a close frame, like a killed process.
func (w *worker) vanish(t *testing.T) {
	t.Helper()
	if err := w.conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
}

// submit creates a background run.
func submit(t *testing.T, p *program, taskKey, dynamicKey string) string {
	t.Helper()
	return submitAt(t, p.url(), taskKey, dynamicKey)
}

// submitAt creates a background run through the API of a namespace.
func submitAt(t *testing.T, api, taskKey, dynamicKey string) string {
	t.Helper()
	status, body := call(t, http.MethodPost, api+"/task_runs/", fmt.Sprintf(
		`{"task_key":%q,"dynamic_key":%q,"state":{"type":"SCHEDULED","state_details":{"deferred":true}}}`, taskKey, dynamicKey))
	var run struct{ ID string }
	if err := json.Unmarshal([]byte(body), &run); status != http.StatusCreated || err != nil {
		t.Fatalf("submitting a run: %d %s", status, body)
	}
	return run.ID
}

// workersOf returns the workers that the program lists, by their ids.
func workersOf(t *testing.T, p *program) []string {
	t.Helper()
	status, body := call(t, http.MethodPost, p.url()+"/task_workers/filter", `{}`)
	var listed []struct {
		Identifier string   `json:"identifier"`
		TaskKeys   []string `json:"task_keys"`
	}
	if err := json.Unmarshal([]byte(body), &listed); status != http.StatusOK || err != nil {
		t.Fatalf("listing workers: %d %s", status, body)
	}
	names := []string{}
	for _, w := range listed {
		names = append(names, fmt.Sprint(w.Identifier, w.TaskKeys))
	}
	return names
}

func heldBy(holder string) func(*v1alpha1.TaskRun) bool {
	return func(run *v1alpha1.TaskRun) bool {
		return run.Status.Delivery != nil && run.Status.Delivery.Holder == holder
	}
}

// shortGrace returns flags with a short grace period.
func shortGrace(o *Options) {
	o.Delivery.GracePeriod, o.Delivery.Interval = delivery.MinGracePeriod, 100*time.Millisecond
}

func TestReaper_movesRunOfLostWorkerToAnother(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, shortGrace)
	first := p.serve(t, "first", "hello")
	id := submit(t, p, "hello", "1")
	first.takes(t, id)
	run := c.await(t, id, "is held by first", heldBy("first"))
	if run.Status.Delivery.Attempts != 1 || run.Status.Delivery.DeliveredTime.IsZero() {
		t.Fatalf("once it was sent the run is %+v", run)
	}
	if diff := cmp.Diff([]string{"first[hello]"}, workersOf(t, p)); diff != "" {
		t.Errorf("workers (-want +got):\n%s", diff)
	}

	second := p.serve(t, "second", "hello")
	first.vanish(t)
	second.takes(t, id)
	run = c.get(t, id)
	if run == nil || !heldBy("second")(run) || run.Status.Delivery.Attempts != 2 {
		t.Fatalf("once it was sent again the run is %+v", run)
	}
	c.awaitEvent(t, id, "Warning Redelivered Worker first was lost: the run waits for another worker")

	setState(t, p, id, "RUNNING")
	setState(t, p, id, "COMPLETED")
	if run := c.get(t, id); run == nil || !heldBy("")(run) {
		t.Errorf("the run that has ended is %+v", run)
	}
}

func TestReaper_crashesRunningRunOfLostWorker(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, shortGrace)
	w := p.serve(t, "worker", "hello")
	id := submit(t, p, "hello", "1")
	w.takes(t, id)
	setState(t, p, id, "RUNNING")
	w.vanish(t)
	run := c.await(t, id, "is CRASHED", inState("CRASHED"))
	if message := run.Status.State.Message; message == nil || !strings.Contains(*message, "worker") {
		t.Errorf("message = %v, want it to name the worker", message)
	}
	c.awaitEvent(t, id, "Warning WorkerLost Worker worker was lost: state changed from RUNNING to CRASHED")
}

func TestReaper_crashesRunThatNoWorkerStarts(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	p := start(t, env.Config, c.namespace, func(o *Options) {
		shortGrace(o)
		o.Delivery.MaxAttempts = 2
	})
	id := submit(t, p, "hello", "1")
	for _, name := range []string{"first", "second"} {
		w := p.serve(t, name, "hello")
		w.takes(t, id)
		w.vanish(t)
	}
	c.await(t, id, "is CRASHED", inState("CRASHED"))
	c.awaitEvent(t, id, "Warning DeliveryGivenUp Worker second was lost. The run was delivered 2 times")
}

func TestMetrics_showTheQueue(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	c := newCluster(t, env.Config, env.Namespace(t))
	metrics := freeAddress(t)
	p := start(t, env.Config, c.namespace, func(o *Options) { o.Manager.MetricsAddress = metrics })
	// Programs of other tests are in this process too. Only this one uses the key.
	const key = "seen-by-an-operator"
	shows := func(line string) {
		t.Helper()
		eventually(t, "metrics show "+line, func() bool {
			_, exposed := call(t, http.MethodGet, "http://"+metrics+"/metrics", "")
			return strings.Contains(exposed, "\n"+line)
		}, func() {})
	}
	first, second := submit(t, p, key, "1"), submit(t, p, key, "2")
	shows(`taskrun_queue_depth{due="true",task_key="` + key + `"} 2`)
	shows(`taskrun_queue_oldest_age_seconds{task_key="` + key + `"} `)
	w := p.serve(t, "worker", key)
	w.takes(t, first)
	w.takes(t, second)
	shows(`taskrun_workers_connected `)
	shows(`taskrun_deliveries_total{attempt="first"} `)
	shows(`taskrun_delivery_delay_seconds_count `)
	shows(`taskrun_sockets_open{route="/task_runs/subscriptions/scheduled"} `)
	event := fmt.Sprintf(`[{"occurred":%q,"event":"prefect.task-run.Running","id":"0198a1b2-0000-7000-8000-0000000000e1",`+
		`"resource":{"prefect.resource.id":"prefect.task-run.%s","prefect.orchestration":"client"},"related":[],`+
		`"payload":{"validated_state":{"type":"RUNNING","name":"Running"},"task_run":{"task_key":%q,"dynamic_key":"1"}}}]`,
		time.Now().UTC().Format(time.RFC3339Nano), first, key)
	if status, body := call(t, http.MethodPost, p.url()+"/events", event); status != http.StatusNoContent {
		t.Fatalf("sending an event: %d %s", status, body)
	}
	c.await(t, first, "is RUNNING", inState("RUNNING"))
	shows(`taskrun_events_total{outcome="valid"} `)
	shows(`taskrun_event_lag_seconds_count `)
}
