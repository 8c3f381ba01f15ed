//go:build apiserver

package linearizability

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// requestLimit is the timeout of a client. The request may still take effect after it.
const requestLimit = 30 * time.Second

var stateTypes = []string{"SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING"}

// run is a run and the clients' knowledge of it.
type run struct {
	id string

	mu      sync.Mutex
	history history
}

func (r *run) wrote(w write) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Writes = append(r.history.Writes, w)
}

func (r *run) showed(s read) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Reads = append(r.history.Reads, s)
}

// anyAcknowledged returns one of the acknowledged states. The first state always is one.
func (r *run) anyAcknowledged(random *rand.Rand) state {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []state
	for _, w := range r.history.Writes {
		if w.Outcome == acknowledged {
			all = append(all, state{w.ID, w.Name})
		}
	}
	return all[random.IntN(len(all))]
}

// client performs one operation after another, each through any replica.
type client struct {
	t      *testing.T
	fleet  *fleet
	random *rand.Rand
}

// create creates a run, whose first state is a write like any other.
func (c *client) create(key string) *run {
	c.t.Helper()
	p, err := c.fleet.pick(c.random)
	if err != nil {
		c.t.Fatal(err)
	}
	var created struct {
		ID    string
		State state
	}
	const name = "first"
	body := fmt.Sprintf(`{"task_key":"task","dynamic_key":%q,"state":{"type":"PENDING","name":%q}}`, key, name)
	when, status, answer, err := c.send(http.MethodPost, p.base+"/task_runs/", body)
	if err != nil || status != http.StatusCreated || json.Unmarshal(answer, &created) != nil {
		c.t.Fatalf("creating a run: status %d, %v, %s", status, err, answer)
	}
	r := &run{id: created.ID}
	r.wrote(write{span: when, Process: p.name, Name: name, ID: created.State.ID, Outcome: acknowledged})
	return r
}

// write forces a state of this name. It returns an error if there is no replica to send it to.
func (c *client) write(r *run, name string) error {
	body := fmt.Sprintf(`{"force":true,"state":{"type":%q,"name":%q}}`, stateTypes[c.random.IntN(len(stateTypes))], name)
	for {
		p, err := c.fleet.pick(c.random)
		if err != nil {
			return err
		}
		when, status, answer, err := c.send(http.MethodPost, p.base+"/task_runs/"+r.id+"/set_state", body)
		if refused(err) {
			continue // the process has ended: nothing was sent
		}
		w := write{span: when, Process: p.name, Name: name, Outcome: unknown}
		var result struct {
			Status string
			State  state
		}
		switch {
		case err != nil, status >= http.StatusInternalServerError:
		case status == http.StatusCreated && json.Unmarshal(answer, &result) == nil && result.Status == "ACCEPT" && result.State.Name == name:
			w.Outcome, w.ID = acknowledged, result.State.ID
		case status >= http.StatusBadRequest:
			w.Outcome = rejected
		default:
			c.t.Errorf("forcing %q: status %d, %s", name, status, answer)
		}
		r.wrote(w)
		return nil //nolint:nilerr // an unknown outcome is recorded, not returned
	}
}

// read reads a part of the run's history and returns the states shown. Only a read that returned a result is kept.
func (c *client) read(p *process, r *run, kind readKind, live bool) []state {
	one := read{Process: p.name, Kind: kind, Live: live}
	method, path, body := http.MethodGet, "/task_runs/"+r.id, ""
	var decode func([]byte) ([]state, error)
	switch {
	case kind == wholeHistory:
		path, decode = "/task_run_states/?task_run_id="+r.id, decoded(func(all []state) []state { return all })
	case kind == oneState:
		one.Asked = r.anyAcknowledged(c.random)
		path, decode = "/task_run_states/"+one.Asked.ID, decoded(func(s state) []state { return []state{s} })
	case live:
		decode = decoded(func(s struct{ State state }) []state { return []state{s.State} })
	default:
		method, path = http.MethodPost, "/task_runs/filter"
		body = fmt.Sprintf(`{"task_runs":{"id":{"any_":[%q]}}}`, r.id)
		decode = decoded(func(all []struct{ State state }) (states []state) {
			for _, s := range all {
				states = append(states, s.State)
			}
			return states
		})
	}
	when, status, answer, broken := c.send(method, p.base+path, body)
	one.span = when
	var err error
	switch {
	case broken != nil || status == http.StatusServiceUnavailable:
		return nil
	case status == http.StatusOK:
		one.Shown, err = decode(answer)
	case status != http.StatusNotFound:
		err = errors.New("unexpected status")
	}
	if err != nil {
		c.t.Errorf("%s %s: status %d, %v, %s", method, path, status, err, answer)
		return nil
	}
	r.showed(one)
	return one.Shown
}

// readSomething performs one of the kinds of reads through any replica.
func (c *client) readSomething(r *run) error {
	p, err := c.fleet.pick(c.random)
	if err != nil {
		return err
	}
	switch c.random.IntN(4) {
	case 0:
		c.read(p, r, wholeHistory, true)
	case 1:
		c.read(p, r, currentState, true)
	case 2:
		c.read(p, r, currentState, false)
	default:
		c.read(p, r, oneState, false)
	}
	return nil
}

// decoded decodes JSON of a type and returns the states in it.
func decoded[T any](states func(T) []state) func([]byte) ([]state, error) {
	return func(answer []byte) ([]state, error) {
		var into T
		if err := json.Unmarshal(answer, &into); err != nil {
			return nil, err
		}
		return states(into), nil
	}
}

// send sends a request. It returns the span, and the response if there is one.
func (c *client) send(method, url, body string) (when span, status int, answer []byte, err error) {
	when.Sent = c.fleet.now()
	status, answer, err = exchange(c.t.Context(), method, url, body)
	when.Returned = c.fleet.now()
	return when, status, answer, err
}

// connections holds one connection for each client, because a new one for each request takes too long.
var connections = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}}

func exchange(ctx context.Context, method, url, body string) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := connections.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// refused reports whether the connection was refused, so that nothing was sent.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
