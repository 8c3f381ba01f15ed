//go:build sdk

package sdk

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// The API server is down while tasks are submitted, wait and run.
func TestOutageOfTheAPIServer_losesNothing(t *testing.T) {
	const runs = 100
	plane := ownPlane(t)
	s := newStage(t, plane)
	o := s.newServer("--worker-grace-period=20s")
	o.newWorker(5)
	submitted := make(chan []string, 1)
	go func() {
		ids, err := o.tryClient("insist", "work", strconv.Itoa(runs), "a", "0.2")
		if err != nil {
			t.Error(err)
		}
		submitted <- ids
	}()
	s.eventually("a fifth of the tasks has been started", func() (string, bool) {
		starts := len(o.starts("a"))
		return strconv.Itoa(starts), starts >= runs/5
	})
	gone := time.Now()
	killAPIServer(t, plane)
	<-time.After(3 * time.Second)
	if err := plane.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	away := time.Since(gone)
	ids := <-submitted
	s.eventually("all runs have completed", func() (string, bool) {
		states := o.states()
		return fmt.Sprint(states), len(states) == 1 && states["COMPLETED"] >= len(ids)
	})
	if len(ids) != runs {
		t.Errorf("%d submits were acknowledged, want %d", len(ids), runs)
	}
	starts := 0
	for key, n := range o.starts("a") {
		if starts += n; n == 0 {
			t.Errorf("%s was never started", key)
		}
	}
	t.Logf("REPORT: the API server was away for %.1f s; %d acknowledged runs, all completed, %d starts", away.Seconds(), len(ids), starts)
}

// killAPIServer kills kube-apiserver.
func killAPIServer(t *testing.T, plane *controlplane.ControlPlane) {
	t.Helper()
	if err := plane.Processes()["kube-apiserver"].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := plane.StopAPIServer(); err != nil { // records that it has ended
		t.Fatal(err)
	}
}
