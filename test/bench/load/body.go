package load

import (
	"strings"

	"github.com/google/uuid"
)

// State is the type of a state. The state has the default name of the type.
type State string

// The states of a life cycle.
const (
	Pending   State = "PENDING"
	Running   State = "RUNNING"
	Completed State = "COMPLETED"
)

// details are the state details that the Prefect client sends: every key, nulls
// included.
const details = `{"flow_run_id":null,"task_run_id":null,"child_flow_run_id":null,"scheduled_time":null,"cache_key":null,` +
	`"cache_expiration":null,"deferred":null,"untrackable_result":false,"pause_timeout":null,"pause_reschedule":false,` +
	`"pause_key":null,"run_input_keyset":null,"refresh_cache":null,"retriable":null,"transition_id":null,` +
	`"task_parameters_id":null,"traceparent":null,"deployment_concurrency_lease_id":null}`

func (s State) body() string {
	name := string(s[0]) + strings.ToLower(string(s[1:]))
	return `{"type":"` + string(s) + `","name":"` + name + `","message":null,"state_details":` + details + `,"data":null}`
}

// Run holds the values that differ between created runs.
type Run struct {
	// State is the first state. The default is PENDING.
	State State
	// Group is the second tag, after "bench". If it is empty, there is no second
	// tag.
	Group string
}

// body is the body of a create request, with the keys that the Prefect client
// sends.
func (r Run) body() string {
	state, tags := r.State, `"bench"`
	if state == "" {
		state = Pending
	}
	if r.Group != "" {
		tags += `,"` + r.Group + `"`
	}
	return `{"state":` + state.body() + `,"name":"add","flow_run_id":null,"task_key":"add-1a2b3c4d",` +
		`"dynamic_key":"add-1a2b3c4d-` + uuid.NewString() + `","cache_key":null,"cache_expiration":null,"task_version":null,` +
		`"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0,"retries":0,"retry_delay":0,"retry_jitter_factor":null},` +
		`"tags":[` + tags + `],"labels":{},"task_inputs":{"x":[],"y":[]}}`
}

// StateOf returns the state of the run with this number in a large set of runs:
// half of the runs are RUNNING, a quarter each PENDING and COMPLETED.
func StateOf(number int) State {
	return []State{Pending, Running, Running, Completed}[number%4]
}
