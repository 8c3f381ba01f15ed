//go:build apiserver

package v1alpha1_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// kubectl runs kubectl and returns its output.
func kubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	assets, err := controlplane.Assets(inRepository(t))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), args...)
	command.Dir = inRepository(t)
	output, err := command.CombinedOutput()
	return string(output), err
}

func TestKustomizations_build(t *testing.T) {
	files, err := filepath.Glob(inRepository(t, "config", "*", "kustomization.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d kustomizations and error %v", len(files), err)
	}
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			if output, err := kubectl(t, "kustomize", folder); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
}

func TestDefaultInstallation_isAccepted(t *testing.T) {
	kubeconfig := testenv.StartPrivate(t).Kubeconfig(t)
	for _, what := range [][]string{{"create", "namespace", "taskrun-system"}, {"apply", "--server-side", "--force-conflicts", "-k", "config/default"}} {
		if output, err := kubectl(t, append([]string{"--kubeconfig", kubeconfig}, what...)...); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	const account, home = "system:serviceaccount:taskrun-system:taskrun-controller-manager", "taskrun-system"
	for what, want := range map[string]string{
		// The registry of workers (internal/delivery/registry) and the leader election.
		"create leases.coordination.k8s.io --namespace " + home: "yes",
		"list leases.coordination.k8s.io --namespace " + home:   "yes",
		"patch leases.coordination.k8s.io --namespace " + home:  "yes",
		"delete leases.coordination.k8s.io --namespace " + home: "yes",
		"list leases.coordination.k8s.io --namespace default":   "no",
		// Events about lost workers.
		"create events.events.k8s.io --namespace default":  "yes",
		"update taskruns.taskrun.dev --subresource=status": "yes",
		"list secrets --namespace " + home:                 "no",
	} {
		args := append([]string{"--kubeconfig", kubeconfig, "auth", "can-i", "--as", account}, strings.Fields(what)...)
		output, err := kubectl(t, args...) // "no" is an error, too
		lines := strings.Fields(output)
		if len(lines) == 0 || lines[len(lines)-1] != want {
			t.Errorf("may the operator %s: %q (%v), want %s", what, output, err, want)
		}
	}
}

func TestTaskRun_isShownByKubectl(t *testing.T) {
	runs := open(t)
	env := testenv.Start(t)
	kubeconfig := env.Kubeconfig(t)
	object, err := runs.create(t, `{taskKey: etl.load, name: load-7, flowRunID: `+uuidA+`}`)
	if err != nil {
		t.Fatal(err)
	}
	more := `{status: {delivery: {holder: host-7-4711, deliveredTime: "2026-01-01T00:00:00.000001Z", attempts: 2}, id: ` + uuidB + `, name: load-8, totalRunTimeSeconds: "90.5", nextScheduledStartTime: "2031-01-01T00:00:00.000000Z", state: ` + state(`, name: Counted, message: all done`) + `}}`
	if _, err := runs.patch(t, object.GetName(), more, "status"); err != nil {
		t.Fatal(err)
	}
	scheduled, err := runs.create(t, `{taskKey: etl.wait, name: wait-1}`)
	if err != nil {
		t.Fatal(err)
	}
	const later = `{status: {id: ` + "11111111-1111-4111-8111-1111111111d1" + `, name: wait-1, state: {id: ` + "11111111-1111-4111-8111-1111111111c1" + `, type: SCHEDULED, name: Scheduled, ` +
		`timestamp: "2026-01-01T00:00:00.000000Z", stateDetails: {scheduledTime: "2033-01-01T00:00:00.000000Z"}}}}`
	if _, err := runs.patch(t, scheduled.GetName(), later, "status"); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string][]string{
		"get taskruns": {"NAME STATE REASON TASK RUNS AGE", object.GetName() + " COMPLETED Counted etl.load 0 "},
		"get trun":     {object.GetName() + " COMPLETED"},
		"get taskrun":  {object.GetName()},
		"get prefect":  {object.GetName()}, // the category of all kinds
		"get taskruns -o wide": {
			"NAME STATE REASON TASK RUNS AGE RUN-NAME ID FLOW-RUN NEXT-START WORKER SENT DURATION MESSAGE",
			"load-8 " + uuidB + " " + uuidA + " host-7-4711 ", "d 90.5 all done", // only columns without times before it
			"wait-1 " + "11111111-1111-4111-8111-1111111111d1" + " 2033-01-01T00:00:00.000000Z",
		},
		"explain taskrun.spec.ttlSecondsAfterFinished":   {"in seconds"},
		"describe taskrun " + object.GetName():           {"Delivery: Attempts: 2 Delivered Time: 2026-01-01T00:00:00.000001Z Holder: host-7-4711"},
		"explain taskrun.status.delivery":                {"--worker-grace-period", "no two live workers"},
		"explain taskrun.status.delivery.attempts":       {"--worker-max-attempts"},
		"explain taskrun.status.state.dataJSON":          {"text of one JSON value"},
		"get taskruns --field-selector spec.taskKey=etl": {"No resources found"},
		"get trun --field-selector status.id=" + uuidB:   {object.GetName()},
	} {
		args := append(strings.Fields(what), "--kubeconfig", kubeconfig, "--namespace", object.GetNamespace())
		output, err := kubectl(t, args...)
		if err != nil {
			t.Errorf("kubectl %s: %v: %s", what, err, output)
			continue
		}
		for _, part := range want {
			if !strings.Contains(strings.Join(strings.Fields(output), " "), part) {
				t.Errorf("kubectl %s: got %s, want it to have %q", what, output, part)
			}
		}
	}
}

// Every field has a description in kubectl explain, with more words than its
// name.
func TestCRDs_everyFieldIsExplained(t *testing.T) {
	crd := renderedCRD(t)
	root := *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	for _, name := range []string{"spec", "status"} {
		explained(t, name, root.Properties[name])
	}
}

func explained(t *testing.T, path string, s apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	if len(strings.Fields(s.Description)) < 4 {
		t.Errorf("%s is explained by %q only", path, s.Description)
	}
	for name, property := range s.Properties {
		explained(t, path+"."+name, property)
	}
	if s.Items != nil && s.Items.Schema.Type == "object" {
		explained(t, path+"[]", *s.Items.Schema)
	}
}
