package load

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Reported is a run whose states are reported by events.
type Reported struct{ ID, Group string }

// NewReported returns a run of a task that is called outside of any flow. The server
// learns of it only by events.
func NewReported(group string) Reported {
	return Reported{ID: uuid.Must(uuid.NewV7()).String(), Group: group}
}

// timeLayout is the time format of the Prefect client.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// event returns the text of the event of a state entered now, with the keys that the
// Prefect client sends.
func (r Reported) event(state State) string {
	now := time.Now().UTC().Format(timeLayout)
	name := string(state[0]) + strings.ToLower(string(state[1:]))
	short := r.ID[len(r.ID)-12:]
	return fmt.Sprintf(`{"occurred":"%[1]s","event":"prefect.task-run.%[2]s","resource":{"prefect.resource.id":"prefect.task-run.%[3]s",`+
		`"prefect.resource.name":"add-%[4]s","prefect.run-count":"1","prefect.state-message":"","prefect.state-name":"%[2]s",`+
		`"prefect.state-timestamp":"%[1]s","prefect.state-type":"%[5]s","prefect.orchestration":"client"},"related":[],`+
		`"payload":{"intended":{"from":null,"to":"%[5]s"},"initial_state":null,`+
		`"validated_state":{"type":"%[5]s","name":"%[2]s","message":"","state_details":{},"data":null},`+
		`"task_run":{"name":"add-%[4]s","task_key":"add-1a2b3c4d","dynamic_key":"%[3]s",`+
		`"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0,"retries":0,"retry_delay":0},"tags":["bench","%[6]s"],"labels":{},`+
		`"task_inputs":{},"run_count":1,"flow_run_run_count":0,"expected_start_time":"%[1]s","start_time":"%[1]s","total_run_time":0.0}},`+
		`"id":"%[7]s"}`, now, name, r.ID, short, state, r.Group, uuid.NewString())
}

// submission is the request body of `task.delay()`.
func submission(taskKey, name, group string) string {
	now := time.Now().UTC().Format(timeLayout)
	known := strings.NewReplacer(`"scheduled_time":null`, `"scheduled_time":"`+now+`"`, `"deferred":null`, `"deferred":true`,
		`"task_parameters_id":null`, `"task_parameters_id":"`+uuid.NewString()+`"`).Replace(details)
	return `{"state":{"type":"SCHEDULED","name":"Scheduled","message":null,"state_details":` + known + `,"data":null},` +
		`"name":"` + name + `","flow_run_id":null,"task_key":"` + taskKey + `","dynamic_key":"` + taskKey + `-` +
		strings.ReplaceAll(uuid.NewString(), "-", "") + `","cache_key":null,"cache_expiration":null,"task_version":null,` +
		`"empirical_policy":{"max_retries":0,"retry_delay_seconds":0.0,"retries":0,"retry_delay":0,"retry_jitter_factor":null},` +
		`"tags":["bench","` + group + `"],"labels":{},"task_inputs":{"x":[],"y":[]}}`
}
