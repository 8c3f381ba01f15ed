//go:build apiserver

package app

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// administrator runs the commands of docs/upgrade.md in one namespace.
type administrator struct {
	folder, kubeconfig, namespace string
	commands                      []string
}

func newAdministrator(t *testing.T, env *testenv.Env, namespace string) *administrator {
	t.Helper()
	text, err := os.ReadFile("../../docs/upgrade.md")
	if err != nil {
		t.Fatal(err)
	}
	a := &administrator{folder: t.TempDir(), kubeconfig: env.Kubeconfig(t), namespace: namespace}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		a.commands = append(a.commands, strings.Split(strings.ReplaceAll(strings.TrimSpace(block[1]), "\n ", "\x00"), "\n")...)
	}
	return a
}

// does runs the command that contains a text.
func (a *administrator) does(t *testing.T, part string) {
	t.Helper()
	for _, command := range a.commands {
		if !strings.Contains(command, part) {
			continue
		}
		command = strings.ReplaceAll(strings.ReplaceAll(command, "\x00", "\n "), " -A ", " -n "+a.namespace+" ")
		run := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", command)
		run.Dir = a.folder
		run.Env = append(os.Environ(), "KUBECONFIG="+a.kubeconfig, "PATH="+filepath.Clean(os.Getenv("KUBEBUILDER_ASSETS"))+":"+os.Getenv("PATH"))
		if output, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, output)
		}
		return
	}
	t.Fatalf("docs/upgrade.md has no command with %q", part)
}

// Finished runs are restored as they were, and their worker gets none of them:
// the first run that it gets is one that is submitted between the two commands.
func TestRestore_runsAreNotDeliveredBetweenTheTwoCommands(t *testing.T) {
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	p, c, admin := start(t, env.Config, namespace, nil), newCluster(t, env.Config, namespace), newAdministrator(t, env, namespace)
	finished := []string{submit(t, p, "task", "1"), submit(t, p, "task", "2"), submit(t, p, "task", "3")}
	for _, id := range finished {
		if status, body := call(t, http.MethodPost, p.url()+"/task_runs/"+id+"/set_state", `{"state":{"type":"COMPLETED","data":{"a":1}},"force":true}`); status != http.StatusCreated {
			t.Fatalf("completing: %d %s", status, body)
		}
	}
	open := submit(t, p, "task", "4")
	before := map[string]v1alpha1.TaskRunStatus{}
	for _, id := range append(finished, open) {
		before[id] = c.await(t, id, "is written down", func(run *v1alpha1.TaskRun) bool { return run.Status.State != nil }).Status
	}
	admin.does(t, "kubectl get taskruns")
	if err := c.DeleteAllOf(t.Context(), &v1alpha1.TaskRun{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all runs are gone", func() bool { return countRuns(t, p) == "0" }, func() {})

	w := p.serve(t, "worker", "task")
	admin.does(t, "kubectl create")
	eventually(t, "all runs are back", func() bool { return countRuns(t, p) == "4" }, func() {})
	w.takes(t, submit(t, p, "task", "between"))
	admin.does(t, "kubectl replace")
	w.takes(t, open) // was not finished
	w.takes(t, submit(t, p, "task", "after"))
	for _, id := range finished {
		run := c.get(t, id)
		run.Status.ObservedGeneration = before[id].ObservedGeneration
		if diff := cmp.Diff(before[id].State, run.Status.State); diff != "" || run.Status.Delivery != nil {
			t.Errorf("%s has the delivery %v, and its state (-before +restored):\n%s", id, run.Status.Delivery, diff)
		}
	}
}

func countRuns(t *testing.T, p *program) string {
	t.Helper()
	_, body := call(t, http.MethodPost, p.url()+"/task_runs/count", `{}`)
	return body
}

// A run that never had a status waits until a user releases it.
func TestRestore_runWithoutAStatusWaitsForItsRelease(t *testing.T) {
	env := testenv.Start(t)
	namespace := env.Namespace(t)
	p, c, admin := start(t, env.Config, namespace, nil), newCluster(t, env.Config, namespace), newAdministrator(t, env, namespace)
	w := p.serve(t, "worker", "task")
	held := &v1alpha1.TaskRun{Spec: v1alpha1.TaskRunSpec{TaskKey: new("task"), InitialState: &v1alpha1.ProposedState{
		Type: "SCHEDULED", StateDetails: &v1alpha1.StateDetails{Deferred: new(true)},
	}}}
	held.Namespace, held.Name = namespace, "held"
	held.Annotations = map[string]string{v1alpha1.AnnotationHold: ""}
	if err := c.Create(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the run is there", func() bool { return countRuns(t, p) == "1" }, func() {})
	w.takes(t, submit(t, p, "task", "other"))
	if run := c.get(t, "held"); run.Status.State != nil {
		t.Errorf("its status was written: %+v", run.Status)
	}
	admin.does(t, "kubectl annotate")
	w.takes(t, string(held.UID))
}
