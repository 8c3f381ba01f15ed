//go:build sdk && chaos

package sdk

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

var (
	seed      = flag.Uint64("seed", 0, "the seed of the chaos; 0 takes one from the time")
	chaosRuns = flag.Int("runs", 1000, "how many runs there are")
)

// chaosLimit is the timeout of the whole test.
const chaosLimit = 20 * time.Minute

// TestChaos kills operators, workers and the API server at random while tasks are submitted and run by workers with
// wrong clocks. Then it checks that no run was lost, is stuck or was run twice at the same time.
func TestChaos(t *testing.T) {
	c := newChaos(t, 3)
	submitted := c.submit(*chaosRuns)
	kills := c.kill(submitted)
	ids := <-c.ids
	c.settle(len(ids))
	c.check(ids)
	t.Logf("REPORT: seed %d: %s", *seed, kills)
}

type chaos struct {
	*stage
	random  *rand.Rand
	servers []*server
	workers []*worker
	ids     chan []string

	mu   sync.Mutex
	died map[int]time.Time // killed workers, by process id
}

func newChaos(t *testing.T, workers int) *chaos {
	t.Helper()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	c := &chaos{
		stage: newStage(t, ownPlane(t)), random: rand.New(rand.NewPCG(*seed, 1)),
		ids: make(chan []string, 1), died: map[int]time.Time{},
	}
	for range 2 {
		c.servers = append(c.servers, c.newServer("--leader-elect", "--worker-grace-period=5s", "--worker-max-attempts=100"))
	}
	for i := range workers {
		c.workers = append(c.workers, c.servers[i%len(c.servers)].newSkewedWorker(5, c.skew()))
	}
	return c
}

// submit submits half of the runs through each server, in separate processes. The channel is closed when all are
// submitted.
func (c *chaos) submit(runs int) <-chan struct{} {
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		ids []string
	)
	for i, o := range c.servers {
		all.Go(func() {
			mine, err := o.tryClient("insist", "robust", strconv.Itoa(runs/len(c.servers)), fmt.Sprint("chaos-", i, "-"), "0.2")
			if err != nil {
				c.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, mine...)
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		c.ids <- ids
		close(done)
	}()
	return done
}

// kill kills a process every few seconds until all runs are submitted, and a little longer.
func (c *chaos) kill(submitted <-chan struct{}) string {
	counts := map[string]int{}
	limit := time.After(chaosLimit)
	for after := 0; after < 3; {
		select {
		case <-time.After(time.Duration(1000+c.random.IntN(2500)) * time.Millisecond):
		case <-limit:
			c.t.Fatalf("not submitted within %s", chaosLimit)
		}
		select {
		case <-submitted:
			after++
		default:
		}
		switch chance := c.random.IntN(10); {
		case chance < 4:
			counts["operator"]++
			c.killServer()
		case chance < 8 && len(c.workers) > 0:
			counts["worker"]++
			c.killWorker()
		default:
			counts["kube-apiserver"]++
			c.killPlane()
		}
	}
	return fmt.Sprint("killed ", counts)
}

func (c *chaos) killServer() {
	o := c.servers[c.random.IntN(len(c.servers))]
	o.kill()
	<-time.After(time.Duration(c.random.IntN(2000)) * time.Millisecond)
	o.run()
}

func (c *chaos) killWorker() {
	i := c.random.IntN(len(c.workers))
	w := c.workers[i]
	w.kill()
	c.mu.Lock()
	c.died[w.PID()] = time.Now()
	c.mu.Unlock()
	c.workers[i] = w.server.startSkewedWorker(5, c.skew())
}

// worstClock is the maximum difference of a worker's clock.
const worstClock = 5 * time.Minute

// skew returns the difference of the clock of the next worker.
func (c *chaos) skew() time.Duration {
	return time.Duration(c.random.Int64N(int64(2*worstClock+1))) - worstClock
}

func (c *chaos) killPlane() {
	killAPIServer(c.t, c.plane)
	<-time.After(time.Duration(c.random.IntN(1500)) * time.Millisecond)
	if err := c.plane.StartAPIServer(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// settle waits until every run has ended.
func (c *chaos) settle(acknowledged int) {
	begin := time.Now()
	last := ""
	c.eventually("all runs have ended", func() (string, bool) {
		status, answer := c.servers[0].ask(http.MethodPost, "/ui/task_runs/count", "{}")
		if status != http.StatusOK {
			return answer, false
		}
		states := c.servers[0].states()
		if now := fmt.Sprint(states); now != last {
			last = now
			c.t.Logf("%.0f s: %s", time.Since(begin).Seconds(), now)
		}
		ended := states["COMPLETED"] + states["CRASHED"] + states["FAILED"] + states["CANCELLED"]
		all := 0
		for _, n := range states {
			all += n
		}
		return last, ended == all && all >= acknowledged
	})
}

// check checks the outcome.
func (c *chaos) check(ids []string) {
	lost := 0
	for _, id := range ids {
		if status, _ := c.servers[1].ask(http.MethodGet, "/task_runs/"+id, ""); status != http.StatusOK {
			lost++
		}
	}
	states, starts, at := c.servers[0].states(), 0, c.executions()
	overlaps := 0
	for _, all := range at {
		starts += len(all)
		overlaps += c.overlaps(all)
	}
	c.t.Logf("REPORT: %d acknowledged, %d lost, states %v, %d tasks started %d times, %d times by two living workers at once",
		len(ids), lost, states, len(at), starts, overlaps)
	if lost > 0 || overlaps > 0 || len(ids) != *chaosRuns/len(c.servers)*len(c.servers) {
		c.t.Error("something was lost, or run twice at once, or not acknowledged")
	}
	if states["COMPLETED"] < len(ids) {
		c.t.Errorf("%d runs completed, want all %d, for they may be tried again", states["COMPLETED"], len(ids))
	}
}

// overlaps counts pairs of concurrent executions in workers that were not killed.
func (c *chaos) overlaps(all []execution) int {
	n := 0
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.start.Before(c.endOf(b)) && b.start.Before(c.endOf(a)) {
				n++
				c.t.Logf("at once: %s in %d from %s to %s and in %d from %s to %s",
					a.key, a.pid, a.start, c.endOf(a), b.pid, b.start, c.endOf(b))
			}
		}
	}
	return n
}

// endOf returns the end of an execution, or that of its worker.
func (c *chaos) endOf(e execution) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if died, dead := c.died[e.pid]; dead && (e.end.IsZero() || died.Before(e.end)) {
		return died
	}
	if e.end.IsZero() {
		return time.Now()
	}
	return e.end
}
