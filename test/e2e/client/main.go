// Command client is the REST client of a pod in the tests on a real node: it gets a URL, a token and a CA, and does not
// use Kubernetes.
//
// \tclient check URL            creates a run, reads it, moves it to its end, counts it
// \tclient load URL DURATION    repeats that, and reports acknowledged writes and failures
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	tokenFile = "/var/run/secrets/taskrun/token" //nolint:gosec // the name of a file
	caFile    = "/var/run/taskrun-ca/ca.crt"
	clients   = 8 // concurrent, under load
	timeout   = 20 * time.Second
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: client check|load URL [DURATION]")
		os.Exit(2)
	}
	c, err := newClient(os.Args[2])
	if err == nil {
		err = do(c, os.Args[1], os.Args[3:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func do(c *client, what string, rest []string) error {
	switch {
	case what == "check":
		return c.check(context.Background())
	case what == "load" && len(rest) == 1:
		d, err := time.ParseDuration(rest[0])
		if err != nil {
			return err
		}
		return c.load(d)
	default:
		return fmt.Errorf("cannot %s", what)
	}
}

type client struct {
	base, token string
	http        *http.Client
	out         io.Writer
}

func newClient(base string) (*client, error) {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: clients, IdleConnTimeout: time.Minute}
	return &client{base: base, token: strings.TrimSpace(string(token)), http: &http.Client{Transport: transport, Timeout: timeout}, out: os.Stdout}, nil
}

// statusError is a response without a success status.
type statusError struct {
	code int
	body string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.code, e.body) }

func (c *client) ask(ctx context.Context, method, path, body string, into any) error {
	//nolint:gosec // the test sets the address
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request) //nolint:gosec // as above
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return &statusError{response.StatusCode, string(text)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

type run struct {
	ID        string `json:"id"`
	StateType string `json:"state_type"`
}

func (c *client) create(ctx context.Context, key string) (run, error) {
	var made run
	err := c.ask(ctx, http.MethodPost, "/task_runs/", fmt.Sprintf(`{"task_key":"e2e","dynamic_key":%q}`, key), &made)
	return made, err
}

func (c *client) move(ctx context.Context, id, state string) error {
	var result struct{ Status string }
	err := c.ask(ctx, http.MethodPost, "/task_runs/"+id+"/set_state", fmt.Sprintf(`{"state":{"type":%q}}`, state), &result)
	if err == nil && result.Status != "ACCEPT" {
		err = fmt.Errorf("%s: %s", state, result.Status)
	}
	return err
}

// check runs one life cycle.
func (c *client) check(ctx context.Context) error {
	made, err := c.create(ctx, "check-"+time.Now().Format(time.RFC3339Nano))
	if err != nil {
		return err
	}
	for _, state := range []string{"RUNNING", "COMPLETED"} {
		if err := c.move(ctx, made.ID, state); err != nil {
			return err
		}
	}
	var read run
	if err := c.ask(ctx, http.MethodGet, "/task_runs/"+made.ID, "", &read); err != nil {
		return err
	}
	var count int
	if err := c.ask(ctx, http.MethodPost, "/task_runs/count", "{}", &count); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "run %s is %s, one of %d\n", read.ID, read.StateType, count)
	if read.StateType != "COMPLETED" {
		return errors.New("it should be COMPLETED")
	}
	return nil
}

// ledger holds the responses to a load.
type ledger struct {
	requests, refused, broken, turnedAway atomic.Int64

	mu       sync.Mutex
	promised map[string]string // last acknowledged state by run
	first    string            // first failure
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == "" {
		l.first = err.Error()
	}
}

func (l *ledger) promise(id, state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promised[id] = state
}

// load runs life cycles for the duration, then checks that all acknowledged states exist.
func (c *client) load(d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	l := &ledger{promised: map[string]string{}}
	var wait sync.WaitGroup
	for i := range clients {
		wait.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				c.cycle(context.WithoutCancel(ctx), l, fmt.Sprintf("load-%d-%d-%d", i, n, time.Now().UnixNano()))
			}
		})
	}
	wait.Wait()
	lost := c.lost(l)
	fmt.Fprintf(c.out, "requests %d, not connected and tried again %d, broken off %d, rejected (503) %d, runs %d, lost %d; first failure: %s\n",
		l.requests.Load(), l.refused.Load(), l.broken.Load(), l.turnedAway.Load(), len(l.promised), lost, l.first)
	if lost > 0 {
		return fmt.Errorf("%d acknowledged writes were lost", lost)
	}
	return nil
}

// cycle runs one life cycle. The first failure ends it.
func (c *client) cycle(ctx context.Context, l *ledger, key string) {
	var made run
	ok := l.count(func() (err error) { made, err = c.create(ctx, key); return err })
	if !ok {
		return
	}
	l.promise(made.ID, "PENDING")
	for _, state := range []string{"RUNNING", "COMPLETED"} {
		if !l.count(func() error { return c.move(ctx, made.ID, state) }) {
			l.promise(made.ID, "") // the outcome is unknown
			return
		}
		l.promise(made.ID, state)
	}
}

// count sends a request, and retries it if it was never sent.
func (l *ledger) count(request func() error) bool {
	for {
		l.requests.Add(1)
		err := request()
		var status *statusError
		var dial *net.OpError
		switch {
		case err == nil:
			return true
		case errors.As(err, &dial) && dial.Op == "dial":
			l.refused.Add(1)
			<-time.After(50 * time.Millisecond)
			continue
		case errors.As(err, &status) && status.code == http.StatusServiceUnavailable:
			l.turnedAway.Add(1)
		default:
			l.broken.Add(1)
		}
		l.fail(err)
		return false
	}
}

// lost counts the runs whose state is not the acknowledged one.
func (c *client) lost(l *ledger) int {
	lost := 0
	for id, state := range l.promised {
		var read run
		err := c.ask(context.Background(), http.MethodGet, "/task_runs/"+id, "", &read)
		if err != nil || state != "" && read.StateType != state {
			fmt.Fprintf(c.out, "run %s: %q, %v, want %q\n", id, read.StateType, err, state)
			lost++
		}
	}
	return lost
}
