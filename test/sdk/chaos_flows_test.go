//go:build sdk && chaos

package sdk

import (
	"encoding/json"
	"flag"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	chaosFlowRuns = flag.Int("flow-runs", 300, "how many flow runs there are")
	tasksPerFlow  = flag.Int("tasks-per-flow", 10, "how many task runs each of them has")
)

// flowProcesses is the number of processes that run flows at the same time.
const flowProcesses = 4

// TestChaos_flows kills operators and the API server at random while flows with tasks run. Then it checks that no flow
// run was lost or is stuck, that none has a state after its end, and that their task runs have ended.
func TestChaos_flows(t *testing.T) {
	c := newChaos(t, 0)
	completed, done := c.runFlows(*chaosFlowRuns)
	kills := c.kill(done)
	ids := <-completed
	c.settleTasks((len(ids) - flowProcesses) * *tasksPerFlow)
	c.checkFlows(ids)
	t.Logf("REPORT: seed %d: %s", *seed, kills)
}

// runFlows runs flows in processes of their own. It returns the ids of the completed ones, and a channel that is closed
// when all have ended.
func (c *chaos) runFlows(runs int) (completed <-chan []string, done <-chan struct{}) {
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		ids []string
	)
	each := strconv.Itoa(runs / flowProcesses)
	service := c.service()
	for range flowProcesses {
		all.Go(func() {
			printed, err := service.flow("batches", each, strconv.Itoa(*tasksPerFlow))
			if err != nil {
				c.t.Error(err)
				return
			}
			var mine struct{ Completed, Others []string }
			if err := json.Unmarshal([]byte(printed), &mine); err != nil {
				c.t.Errorf("%s: %v", printed, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, other := range mine.Others {
				c.t.Logf("a flow did not complete: %s", other)
			}
			ids = append(ids, mine.Completed...)
		})
	}
	found, ended := make(chan []string, 1), make(chan struct{})
	go func() {
		all.Wait()
		found <- ids
		close(ended)
	}()
	return found, ended
}

// service returns a server whose address leads to the operators that are alive, like a Service of Kubernetes. A client of
// Prefect does not repeat its first request if the connection is refused.
func (c *chaos) service() *server {
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = listening.Close() })
	go func() {
		for {
			client, err := listening.Accept()
			if err != nil {
				return
			}
			go c.connect(client)
		}
	}()
	return &server{
		stage: c.stage, base: "http://" + listening.Addr().String() + "/api",
		variables: []string{"PREFECT_CLIENT_MAX_RETRIES=20"}, // the API server is killed more often than the default bridges
	}
}

// connect connects a client with an operator that is alive.
func (c *chaos) connect(client net.Conn) {
	defer client.Close()
	for attempt := range 1000 {
		address := strings.TrimSuffix(strings.TrimPrefix(c.servers[attempt%len(c.servers)].base, "http://"), "/api")
		operator, err := net.Dial("tcp", address)
		if err != nil {
			<-time.After(20 * time.Millisecond)
			continue
		}
		ended := make(chan struct{}, 2)
		for _, way := range [][2]net.Conn{{client, operator}, {operator, client}} {
			go func() {
				_, _ = io.Copy(way[0], way[1])
				ended <- struct{}{}
			}()
		}
		<-ended
		_ = operator.Close()
		return
	}
}

// settleTasks waits until this number of task runs have completed. Their states arrive as events. A process that ends
// does not wait until its last events, those of its last flow, are acknowledged.
func (c *chaos) settleTasks(count int) {
	c.eventually("all task runs have ended", func() (string, bool) {
		status, answer := c.servers[0].ask(http.MethodPost, "/task_runs/count", `{"task_runs":{"state":{"type":{"any_":["COMPLETED"]}}}}`)
		n, err := strconv.Atoi(answer)
		return answer, status == http.StatusOK && err == nil && n >= count
	})
}

// checkFlows checks the outcome. A flow run that is only PENDING was created by a call whose response was lost: its client
// created another one.
func (c *chaos) checkFlows(ids []string) {
	for _, o := range c.servers {
		c.eventually("the operators are ready", func() (string, bool) {
			status, answer := o.ask(http.MethodGet, "/ready", "")
			return answer, status == http.StatusOK
		})
	}
	ends := []string{"Completed", "Failed", "Cancelled", "Crashed"}
	lost, after := 0, 0
	for _, id := range ids {
		if status, _ := c.servers[1].ask(http.MethodGet, "/flow_runs/"+id, ""); status != http.StatusOK {
			lost++
			continue
		}
		states := c.servers[1].flowStates(id)
		if end := slices.IndexFunc(states, func(name string) bool { return slices.Contains(ends, name) }); end != len(states)-1 {
			after++
			c.t.Logf("flow run %s has the states %v", id, states)
		}
	}
	stuck := 0
	for _, run := range c.servers[0].flowRuns(`{"state":{"type":{"not_any_":["COMPLETED","FAILED","CANCELLED","CRASHED"]}}}`) {
		if states := c.servers[0].flowStates(run.ID); len(states) > 1 {
			stuck++
			c.t.Logf("flow run %s is %s, with the states %v", run.ID, run.State.Name, states)
		}
	}
	want := *chaosFlowRuns / flowProcesses * flowProcesses
	c.t.Logf("REPORT: %d of %d flow runs completed, %d lost, %d with a state after the end, %d stuck", len(ids), want, lost, after, stuck)
	if lost > 0 || after > 0 || stuck > 0 || len(ids) != want {
		c.t.Error("something was lost, is stuck, has a state after its end, or did not complete")
	}
}
