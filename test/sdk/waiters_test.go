//go:build sdk

package sdk

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFiftyWaiters_areWoken(t *testing.T) {
	const runs, processes = 50, 5
	o := newStage(t, shared).newServer()
	ids := o.submit("work", runs, "a")
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		ends = map[string]string{}
	)
	for p := range processes {
		all.Go(func() {
			mine, err := o.tryAwait(ids[p*runs/processes : (p+1)*runs/processes])
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(ends, mine)
		})
	}
	o.newWorker(10)
	all.Wait()
	for i, id := range ids {
		if want := fmt.Sprint("COMPLETED Completed done a", i); ends[id] != want {
			t.Errorf("the waiter for run %s got %q, want %q", id, ends[id], want)
		}
	}
	t.Logf("REPORT: %d of %d waiters in %d processes woken", len(ends), runs, processes)
}

func (o *server) tryAwait(ids []string) (map[string]string, error) {
	printed, err := o.tryClient(append([]string{"wait", strconv.Itoa(int(patience.Seconds()))}, ids...)...)
	ends := map[string]string{}
	for _, line := range printed {
		if fields := strings.Split(line, "\t"); len(fields) == 4 {
			ends[fields[0]] = strings.TrimSpace(strings.Join(fields[1:], " "))
		}
	}
	return ends, err
}

// The names of final states do not matter to waiters.
func TestWaiters_areWokenByFinalStatesOfAnyName(t *testing.T) {
	o := newStage(t, shared).newServer()
	o.newWorker(10)
	first := o.submit("cached", 1, "c")
	if ends := o.await(first...); ends[first[0]] != "COMPLETED Completed done c0" {
		t.Fatalf("ended %q", ends[first[0]])
	}
	want := map[string]string{
		o.submit("cached", 1, "c")[0]:   "COMPLETED Cached done c0",
		o.submit("too_slow", 1, "s")[0]: "FAILED TimedOut",
		o.submit("named", 1, "n")[0]:    "COMPLETED Fine",
	}
	for id, end := range want {
		if got := o.await(id)[id]; got != end {
			t.Errorf("run %s ended %q for its waiter, want %q", id, got, end)
		}
	}
}

// A run that ends at any instant around the connection of its waiter wakes the
// waiter, also if a REST call ends the run.
func TestWaiters_areWokenByATransitionOverREST(t *testing.T) {
	const runs, apart = 30, 150 * time.Millisecond
	o := newStage(t, shared).newServer()
	ids := o.submit("work", runs, "a")
	var (
		all  sync.WaitGroup
		ends map[string]string
		err  error
	)
	all.Go(func() { ends, err = o.tryAwait(ids) })
	tick := time.NewTicker(apart)
	defer tick.Stop()
	for _, id := range ids {
		<-tick.C
		o.get(http.MethodPost, "/task_runs/"+id+"/set_state", `{"state":{"type":"CANCELLED"}}`, new(any))
	}
	last := time.Now()
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if ends[id] != "CANCELLED Cancelled" {
			t.Errorf("the waiter for run %s got %q", id, ends[id])
		}
	}
	t.Logf("REPORT: %d runs ended one by one while a process started to wait for them; it ended %.1f s after the last", runs, time.Since(last).Seconds())
}
