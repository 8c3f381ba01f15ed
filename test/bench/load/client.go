package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// requestLimit is the timeout of a request, far longer than a loaded server needs.
const requestLimit = 2 * time.Minute

// A request that gets a 503 is sent again after retryFirst. Each further pause is
// twice as long, up to retryLongest.
const (
	retryFirst   = 10 * time.Millisecond
	retryLongest = 640 * time.Millisecond
)

// Client is a client of a Prefect REST endpoint.
type Client struct {
	// A patient client retries a request that gets a 503, as Prefect's client does:
	// its server on SQLite returns 503 when two writes collide. Retried counts the
	// retries.
	Patient bool
	Retried atomic.Int64

	base string
	http *http.Client
}

// NewClient returns a client for a number of concurrent callers. The base ends in
// /api, without a slash.
func NewClient(base string, callers int) *Client {
	return &Client{base: base, http: &http.Client{
		Timeout:   requestLimit,
		Transport: &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: callers, DisableCompression: true},
	}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Create creates a run and returns its id.
func (c *Client) Create(ctx context.Context, run Run) (string, error) {
	var created struct {
		ID string `json:"id"`
	}
	err := c.call(ctx, http.MethodPost, "/task_runs/", run.body(), &created)
	return created.ID, err
}

// SetState proposes a state. It returns an error unless the state is accepted.
func (c *Client) SetState(ctx context.Context, id string, state State) error {
	return c.setState(ctx, "/task_runs/", id, state)
}

func (c *Client) setState(ctx context.Context, runs, id string, state State) error {
	var result struct {
		Status string `json:"status"`
	}
	body := `{"state":` + state.body() + `,"force":false}`
	if err := c.call(ctx, http.MethodPost, runs+id+"/set_state", body, &result); err != nil {
		return err
	}
	if result.Status != "ACCEPT" {
		return fmt.Errorf("the state %s of run %s: %s, want ACCEPT", state, id, result.Status)
	}
	return nil
}

// Cycle is one life cycle: create, RUNNING, COMPLETED.
func (c *Client) Cycle(ctx context.Context) error {
	id, err := c.Create(ctx, Run{})
	if err != nil {
		return err
	}
	if err := c.SetState(ctx, id, Running); err != nil {
		return err
	}
	return c.SetState(ctx, id, Completed)
}

// Read reads a run.
func (c *Client) Read(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodGet, "/task_runs/"+id, "", nil)
}

// Hello requests a greeting, which needs no run: the minimum cost of a response over
// HTTP.
func (c *Client) Hello(ctx context.Context) error {
	return c.call(ctx, http.MethodGet, "/hello", "", nil)
}

// Ask sends a query and discards the response.
func (c *Client) Ask(ctx context.Context, q Query) error {
	return c.call(ctx, http.MethodPost, q.Path, q.Body, nil)
}

// IDs returns the ids of at most this number of existing runs. It reads 200 at a
// time.
func (c *Client) IDs(ctx context.Context, most int) ([]string, error) {
	var ids []string
	for len(ids) < most {
		var page []struct {
			ID string `json:"id"`
		}
		body := fmt.Sprintf(`{"limit":%d,"offset":%d,"sort":"ID_DESC"}`, min(200, most-len(ids)), len(ids))
		if err := c.call(ctx, http.MethodPost, "/task_runs/filter", body, &page); err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
		for _, run := range page {
			ids = append(ids, run.ID)
		}
	}
	return ids, nil
}

// Count returns the number of runs.
func (c *Client) Count(ctx context.Context) (int, error) {
	var n int
	err := c.call(ctx, http.MethodPost, "/task_runs/count", "{}", &n)
	return n, err
}

// StatusError is a response without a success status.
type StatusError struct {
	Method, Path string
	Status       int
	// Answer is the start of the response body.
	Answer string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %.300s", e.Method, e.Path, e.Status, e.Answer)
}

// call sends a request and decodes the response into the argument, if there is one. A
// status of 300 or more is a *StatusError.
func (c *Client) call(ctx context.Context, method, path, body string, into any) error {
	for pause := retryFirst; ; pause = min(2*pause, retryLongest) {
		err := c.once(ctx, method, path, body, into)
		status, refused := errors.AsType[*StatusError](err)
		if !c.Patient || !refused || status.Status != http.StatusServiceUnavailable {
			return err
		}
		c.Retried.Add(1)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

func (c *Client) once(ctx context.Context, method, path, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("sending a request: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
		}
		return &StatusError{Method: method, Path: path, Status: response.StatusCode, Answer: string(answer)}
	}
	if into == nil {
		_, err = io.Copy(io.Discard, response.Body)
	} else {
		err = json.NewDecoder(response.Body).Decode(into)
		_, _ = io.Copy(io.Discard, response.Body) // so that the connection can be reused
	}
	if err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return nil
}
