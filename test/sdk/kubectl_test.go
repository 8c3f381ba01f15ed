//go:build sdk

package sdk

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/kubectl"
)

// kubectl runs `kubectl taskrun` in the stage's namespace, and returns its output.
func (s *stage) kubectl(args ...string) string {
	s.t.Helper()
	var out, remarks bytes.Buffer
	command := kubectl.NewCommand(kubectl.Options{
		Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &remarks}, Clock: clock.RealClock{}, Zone: time.UTC,
	})
	command.SetArgs(append(args, "--kubeconfig="+s.path("kubeconfig"), "--namespace="+s.namespace, "--cache-dir="+s.path("cache")))
	if err := command.ExecuteContext(s.t.Context()); err != nil {
		s.t.Fatalf("kubectl taskrun %q: %v\n%s%s", args, err, out.String(), remarks.String())
	}
	return out.String()
}

func TestKubectl_retriesCancelledAndCrashedRuns(t *testing.T) {
	o := newStage(t, shared).newServer("--worker-grace-period=2s")
	cancelled := o.submit("work", 1, "a")
	o.kubectl("cancel", cancelled[0])
	w := o.newWorker(10)
	crashed := o.submit("work", 1, "b", 2)
	o.wantStates(map[string]int{"CANCELLED": 1, "RUNNING": 1})
	w.kill()
	o.wantStates(map[string]int{"CANCELLED": 1, "CRASHED": 1})

	o.kubectl("retry", cancelled[0], crashed[0])
	if queue := o.kubectl("queue"); !strings.Contains(queue, "a worker: none serves its task") {
		t.Errorf("the queue is\n%s", queue)
	}
	o.newWorker(10)
	o.wantStates(map[string]int{"COMPLETED": 2})
	ends := o.await(cancelled[0], crashed[0])
	for id, want := range map[string]string{cancelled[0]: "done a0", crashed[0]: "done b0"} {
		if !strings.HasSuffix(ends[id], want) {
			t.Errorf("run %s ended %q, want %q", id, ends[id], want)
		}
	}
	if got := o.kubectl("describe", crashed[0]); !strings.Contains(got, "WorkerLost") {
		t.Errorf("it is not told that the worker was lost:\n%s", got)
	}
}
