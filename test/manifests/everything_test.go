//go:build apiserver

package manifests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ask sends a request to the API of the replica, and decodes the response into the argument.
func (r *replica) ask(t *testing.T, method, path, body string, answer any) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.base+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+r.token)
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, bytes.TrimSpace(text))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// must sends a request that must succeed, and returns the id in the response.
func (r *replica) must(t *testing.T, method, path, body string) string {
	t.Helper()
	var answer struct{ ID string }
	into := any(&answer)
	if method == http.MethodDelete || method == http.MethodPatch {
		into = nil // no content
	}
	if err := r.ask(t, method, path, body, into); err != nil {
		t.Fatal(err)
	}
	return answer.ID
}

// runEverything makes two replicas use all features of the program that access the API server.
func (c *cluster) runEverything(t *testing.T, front *recorder, args []string) {
	t.Helper()
	first := c.start(t, front.URL, args, "--proposal-ttl=10s")
	// A user changes objects that the operator published, and the next replica needs another name in the
	// certificate.
	c.kubectl(t, nil, "patch", "configmap", "taskrun-rest-ca", "--namespace", home, "--type=merge", "-p", `{"data":{"ca.crt":"spoilt"}}`)
	second := c.start(t, front.URL, args, "--proposal-ttl=10s", "--tls-dns-names=localhost")
	runs(t, first)
	limits(t, second)
	flows(t, first, second)
	c.proposals(t, front)
	for _, r := range []*replica{first, second} {
		r.stop()
	}
	eventually(t, "a replica deletes its own Lease", front.has("delete", "leases.coordination.k8s.io"))
}

// runs are created, read, changed, renamed and deleted over REST.
func runs(t *testing.T, r *replica) {
	t.Helper()
	id := r.must(t, http.MethodPost, "/task_runs/", `{"task_key":"etl","dynamic_key":"1","flow_run_id":null}`)
	r.must(t, http.MethodGet, "/task_runs/"+id, "")
	r.must(t, http.MethodPost, "/task_runs/"+id+"/set_state", `{"state":{"type":"RUNNING"}}`)
	r.must(t, http.MethodPatch, "/task_runs/"+id, `{"name":"renamed"}`)
	r.must(t, http.MethodDelete, "/task_runs/"+id, "")
	if err := r.ask(t, http.MethodGet, "/task_runs/"+id, "", nil); err == nil {
		t.Error("a deleted run is still there")
	}
	// The policy of initial states permits the operator what it has checked about the caller.
	const result = `{"type":"COMPLETED","data":{"x":1},"state_details":{"cache_key":"k"}}`
	id = r.must(t, http.MethodPost, "/task_runs/", `{"task_key":"etl","dynamic_key":"2","state":`+result+`}`)
	r.must(t, http.MethodDelete, "/task_runs/"+id, "")
}

// limits are created, used, changed and deleted over REST.
func limits(t *testing.T, r *replica) {
	t.Helper()
	id := r.must(t, http.MethodPost, "/v2/concurrency_limits/", `{"name":"db","limit":2}`)
	if err := r.ask(t, http.MethodPost, "/v2/concurrency_limits/increment", `{"names":["db"],"slots":1,"mode":"concurrency"}`, nil); err != nil {
		t.Error(err)
	}
	// An unknown lease is read once more without caches.
	if err := r.ask(t, http.MethodPost, "/v2/concurrency_limits/leases/00000000-0000-4000-8000-000000000001/renew", `{"lease_duration":60}`, nil); err == nil {
		t.Error("an unknown lease is renewed")
	}
	r.must(t, http.MethodPatch, "/v2/concurrency_limits/"+id, `{"limit":3}`)
	r.must(t, http.MethodDelete, "/v2/concurrency_limits/"+id, "")
}

// flows are registered, run, changed and deleted over REST, with parameters that are stored in objects of their own.
func flows(t *testing.T, r, other *replica) {
	t.Helper()
	const unknown = "00000000-0000-4000-8000-000000000001"
	for _, path := range []string{"/flow_runs/" + unknown, "/flows/name/unknown"} {
		if err := r.ask(t, http.MethodGet, path, "", nil); err == nil {
			t.Errorf("there is %s", path)
		}
	}
	flow := r.must(t, http.MethodPost, "/flows/", `{"name":"etl"}`)
	r.must(t, http.MethodPatch, "/flows/"+flow, `{"tags":["nightly"]}`)
	long := func(letter string) string { return `{"text":"` + strings.Repeat(letter, 10_000) + `"}` }
	run := r.must(t, http.MethodPost, "/flow_runs/", `{"flow_id":"`+flow+`","parameters":`+long("a")+`}`)
	other.must(t, http.MethodGet, "/flow_runs/"+run, "")
	r.must(t, http.MethodPost, "/flow_runs/"+run+"/set_state", `{"state":{"type":"RUNNING"}}`)
	for _, letter := range []string{"b", "c"} { // the second one replaces what the first one stored
		r.must(t, http.MethodPatch, "/flow_runs/"+run, `{"parameters":`+long(letter)+`}`)
	}
	r.must(t, http.MethodDelete, "/flow_runs/"+run, "")
	r.must(t, http.MethodDelete, "/flows/"+flow, "")
}

const proposal = `
apiVersion: taskrun.dev/v1alpha1
kind: TaskRun
metadata: {name: proposed, namespace: default}
spec: {taskKey: etl}
`

const proposedState = `
apiVersion: taskrun.dev/v1alpha1
kind: StateProposal
metadata: {name: complete, namespace: default}
spec: {targetRef: {kind: TaskRun, name: proposed}, state: {type: COMPLETED}}
`

// proposals are created with kubectl; the run that they end expires.
func (c *cluster) proposals(t *testing.T, front *recorder) {
	t.Helper()
	c.kubectl(t, []byte(proposal), "apply", "--server-side", "-f", "-")
	c.kubectl(t, []byte(proposedState), "create", "-f", "-")
	c.kubectl(t, nil, "wait", "--for=condition=Evaluated", "stateproposal/complete", "--timeout=60s")
	eventually(t, "the operator tells of it", front.has("create", "events.events.k8s.io"))
	c.kubectl(t, nil, "patch", "taskrun", "proposed", "--type=merge", "-p", `{"spec":{"ttlSecondsAfterFinished":0}}`)
	c.kubectl(t, nil, "wait", "--for=delete", "taskrun/proposed", "--timeout=60s")
	c.kubectl(t, nil, "wait", "--for=delete", "stateproposal/complete", "--timeout=60s")
}
