//go:build sdk

package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// flowRun has the fields of a flow run that the tests read.
type flowRun struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	ParentTask string `json:"parent_task_run_id"`
	RunCount   int    `json:"run_count"`
	State      struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"state"`
}

// flow runs a flow of flows.py to its end, and returns what it prints.
func (o *server) flow(args ...string) (printed string, err error) {
	script := o.script("flows.py", args...)
	command := exec.CommandContext(o.t.Context(), script[0], script[1:]...)
	command.Env = o.environment()
	var problems strings.Builder
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("flows.py %v: %w\n%s%s", args, err, output, tail([]byte(problems.String())))
	}
	return strings.TrimSpace(string(output)), nil
}

// wantFlow runs a flow and checks what it prints.
func (o *server) wantFlow(want string, args ...string) {
	o.t.Helper()
	got, err := o.flow(args...)
	if err != nil {
		o.t.Fatal(err)
	}
	if got != want {
		o.t.Errorf("flows.py %v printed %s, want %s", args, got, want)
	}
}

// flowRuns returns the flow runs that match a filter.
func (o *server) flowRuns(filter string) []flowRun {
	o.t.Helper()
	var runs []flowRun
	o.get(http.MethodPost, "/flow_runs/filter", `{"sort":"EXPECTED_START_TIME_ASC","flow_runs":`+filter+`}`, &runs)
	return runs
}

// flowStates returns the names of the states of a flow run, in order.
func (o *server) flowStates(id string) []string {
	o.t.Helper()
	var states []struct {
		Name string `json:"name"`
	}
	o.get(http.MethodGet, "/flow_run_states/?flow_run_id="+id, "", &states)
	names := make([]string, len(states))
	for i, state := range states {
		names[i] = state.Name
	}
	return names
}

// onlyRun waits for the one flow run that has no parent, until it is in a state of this type.
func (o *server) onlyRun(stateType string) flowRun {
	o.t.Helper()
	var found flowRun
	o.eventually("a flow run is "+stateType, func() (string, bool) {
		runs := slices.DeleteFunc(o.flowRuns("{}"), func(r flowRun) bool { return r.ParentTask != "" })
		if len(runs) != 1 {
			return fmt.Sprint(runs), false
		}
		found = runs[0]
		return fmt.Sprint(runs), found.State.Type == stateType
	})
	return found
}

func (o *server) wantFlowStates(id string, want ...string) {
	o.t.Helper()
	if got := o.flowStates(id); !slices.Equal(got, want) {
		o.t.Errorf("states of flow run %s: %v, want %v", id, got, want)
	}
}

func TestFlow_completesWithTasksAndSubflow(t *testing.T) {
	o := newStage(t, shared).newServer()
	o.wantFlow(`[[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 11, "ok"]`, "tree", "10")
	run := o.onlyRun("COMPLETED")
	if run.Name != "tree-10" || run.RunCount != 1 {
		t.Errorf("flow run %+v, want tree-10, run once", run)
	}
	o.wantFlowStates(run.ID, "Pending", "Running", "Completed")
	children := o.flowRuns(`{"parent_flow_run_id":{"any_":["` + run.ID + `"]}}`)
	if len(children) != 1 || children[0].State.Type != "COMPLETED" {
		t.Errorf("subflows %+v, want one that is completed", children)
	}
	var tasks int
	o.get(http.MethodPost, "/task_runs/count", `{"flow_runs":{"id":{"any_":["`+run.ID+`"]}}}`, &tasks)
	if want := 12; tasks != want { // ten mapped ones, the subflow's, and the one that was tried again
		t.Errorf("%d task runs of the flow run, want %d", tasks, want)
	}
}

func TestFlow_isTriedAgain(t *testing.T) {
	o := newStage(t, shared).newServer()
	o.wantFlow("3", "tried_again")
	run := o.onlyRun("COMPLETED")
	o.wantFlowStates(run.ID, "Pending", "Running", "AwaitingRetry", "Running", "AwaitingRetry", "Running", "Completed")
}

func TestFlow_pauseUsesNoRetry(t *testing.T) {
	o := newStage(t, shared).newServer()
	var running sync.WaitGroup
	running.Go(func() { o.wantFlow("2", "paused_and_tried_again") })
	run := o.onlyRun("PAUSED")
	o.get(http.MethodPost, "/flow_runs/"+run.ID+"/resume", "{}", new(any))
	running.Wait()
	o.wantFlowStates(run.ID, "Pending", "Running", "Paused", "Running", "AwaitingRetry", "Running", "Completed")
}

func TestFlow_getsTheInputThatItWaitsFor(t *testing.T) {
	o := newStage(t, shared).newServer()
	var running sync.WaitGroup
	running.Go(func() { o.wantFlow(`["red", 7]`, "asks") })
	run := o.onlyRun("PAUSED")
	var refused struct {
		Status  string `json:"status"`
		Details struct {
			Reason string `json:"reason"`
		} `json:"details"`
	}
	o.eventually("an input of a wrong type is refused", func() (string, bool) {
		_, answer := o.ask(http.MethodPost, "/flow_runs/"+run.ID+"/resume", `{"run_input":{"color":"red","size":"large"}}`)
		return answer, json.Unmarshal([]byte(answer), &refused) == nil && refused.Status == "REJECT" && strings.HasPrefix(refused.Details.Reason, "Reason: ")
	})
	o.get(http.MethodPost, "/flow_runs/"+run.ID+"/resume", `{"run_input":{"color":"red","size":7}}`, new(any))
	running.Wait()
}

func TestFlow_cancelledWhileItRuns(t *testing.T) {
	for proposed, want := range map[string][]string{
		"CANCELLING": {"Pending", "Running", "Cancelling"}, // the process of a script is not told
		"CANCELLED":  {"Pending", "Running", "Cancelled"},  // and what it reports later changes nothing
	} {
		t.Run(proposed, func(t *testing.T) {
			o := newStage(t, shared).newServer()
			var running sync.WaitGroup
			running.Go(func() { _, _ = o.flow("steps", "4", "1") })
			run := o.onlyRun("RUNNING")
			o.get(http.MethodPost, "/flow_runs/"+run.ID+"/set_state", `{"state":{"type":"`+proposed+`"}}`, new(any))
			running.Wait()
			o.wantFlowStates(run.ID, want...)
		})
	}
}

func TestFlow_waiterGetsItsEnd(t *testing.T) {
	o := newStage(t, shared).newServer()
	var running sync.WaitGroup
	running.Go(func() { o.wantFlow("3", "steps", "2", "3") })
	run := o.onlyRun("RUNNING")
	running.Go(func() { o.wantFlow(`"Completed"`, "waits", run.ID) })
	running.Wait()
}

func TestFlow_continuesWhileTheOperatorIsKilled(t *testing.T) {
	o := newStage(t, shared).newServer()
	var running sync.WaitGroup
	running.Go(func() { o.wantFlow("21", "steps", "6", "2") })
	run := o.onlyRun("RUNNING")
	for range 2 {
		o.kill()
		o.start()
	}
	running.Wait()
	o.wantFlowStates(run.ID, "Pending", "Running", "Completed")
	if n := len(o.flowRuns(`{"parent_flow_run_id":{"any_":["` + run.ID + `"]}}`)); n != 6 {
		t.Errorf("%d subflows, want 6", n)
	}
}

func TestFlow_parametersUpToTheLimit(t *testing.T) {
	o := newStage(t, shared).newServer()
	o.wantFlow("520000", "large", "520000")
	if _, err := o.flow("large", "530000"); err == nil || !strings.Contains(err.Error(), "422") {
		t.Errorf("error %v, want a 422", err)
	}
}
