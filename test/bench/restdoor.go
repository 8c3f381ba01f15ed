package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/google/uuid"
)

// restDoor is a client of the operator's REST endpoint.
type restDoor struct {
	base string // ends in /api
	http *http.Client
}

func newRESTDoor(base string, clients int) *restDoor {
	return &restDoor{base: base, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients},
	}}
}

// details are those that the Prefect client sends: every key, nulls included.
const details = `{"flow_run_id":null,"task_run_id":null,"child_flow_run_id":null,"scheduled_time":null,"cache_key":null,` +
	`"cache_expiration":null,"deferred":null,"untrackable_result":false,"pause_timeout":null,"pause_reschedule":false,` +
	`"pause_key":null,"run_input_keyset":null,"refresh_cache":null,"retriable":null,"transition_id":null,` +
	`"task_parameters_id":null,"traceparent":null,"deployment_concurrency_lease_id":null}`

func stateBody(kind, name string) string {
	return `{"type":"` + kind + `","name":"` + name + `","message":null,"state_details":` + details + `,"data":null}`
}

func createBody() string {
	return `{"state":` + stateBody("PENDING", "Pending") + `,"name":"add","flow_run_id":null,"task_key":"add-1a2b3c4d",` +
		`"dynamic_key":"add-1a2b3c4d-` + uuid.NewString() + `","cache_key":null,"cache_expiration":null,"task_version":null,` +
		`"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0,"retries":0,"retry_delay":0,"retry_jitter_factor":null},` +
		`"tags":["bench"],"labels":{},"task_inputs":{"x":[],"y":[]}}`
}

// create makes a run and returns its id.
func (d *restDoor) create(ctx context.Context) (string, error) {
	var run struct {
		ID string `json:"id"`
	}
	err := d.call(ctx, http.MethodPost, "/task_runs/", createBody(), http.StatusCreated, &run)
	return run.ID, err
}

func (d *restDoor) setState(ctx context.Context, id, kind, name string) error {
	body := `{"state":` + stateBody(kind, name) + `,"force":false}`
	return d.call(ctx, http.MethodPost, "/task_runs/"+id+"/set_state", body, http.StatusCreated, nil)
}

// cycle is one life cycle: create, RUNNING, COMPLETED.
func (d *restDoor) cycle(ctx context.Context) error {
	id, err := d.create(ctx)
	if err != nil {
		return err
	}
	if err := d.setState(ctx, id, "RUNNING", "Running"); err != nil {
		return err
	}
	return d.setState(ctx, id, "COMPLETED", "Completed")
}

func (d *restDoor) read(ctx context.Context, id string) error {
	return d.call(ctx, http.MethodGet, "/task_runs/"+id, "", http.StatusOK, nil)
}

func (d *restDoor) call(ctx context.Context, method, path, body string, want int, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := d.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: status %d, want %d: %.300s", method, path, response.StatusCode, want, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
