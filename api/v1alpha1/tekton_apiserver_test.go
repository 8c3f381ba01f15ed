//go:build apiserver

package v1alpha1_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// tekton is Tekton's kind TaskRun, with the names of its installation.
const tekton = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: taskruns.tekton.dev}
spec:
  group: tekton.dev
  scope: Namespaced
  names: {kind: TaskRun, plural: taskruns, singular: taskrun, shortNames: [tr, trs], categories: [tekton, tekton-pipelines]}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
  - {name: v1beta1, served: true, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// The test compares with docs/install.md, which describes the names on clusters
// with Tekton.
func TestKinds_besideTekton(t *testing.T) {
	t.Parallel()
	env := testenv.StartPrivate(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "tekton.yaml"), []byte(tekton), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := controlplane.ApplyCRDs(t.Context(), env.Config, folder); err != nil {
		t.Fatal(err)
	}
	const objects = `
apiVersion: taskrun.dev/v1alpha1
kind: TaskRun
metadata: {name: ours}
spec: {taskKey: k}
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: theirs}
`
	file := filepath.Join(folder, "objects")
	if err := os.WriteFile(file, []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	kubeconfig, cache := env.Kubeconfig(t), t.TempDir()
	call := func(words string) (string, error) {
		return kubectl(t, append(strings.Fields(words), "--kubeconfig", kubeconfig, "--cache-dir", cache)...)
	}
	if output, err := call("create -f " + file); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	const ours, theirs = "taskrun.taskrun.dev/ours", "taskrun.tekton.dev/theirs"
	for words, want := range map[string]string{
		"get trun -o name":                             ours,
		"get taskruns -o name":                         ours,
		"get taskrun -o name":                          ours,
		"get taskruns.taskrun.dev -o name":             ours,
		"get prefect -o name":                          ours,
		"get tr -o name":                               theirs,
		"get trs -o name":                              theirs,
		"get taskruns.tekton.dev -o name":              theirs,
		"get tekton -o name":                           theirs,
		"explain trun.spec.taskKey":                    "GROUP: taskrun.dev",
		"delete taskrun ours --dry-run=server -o name": ours,
	} {
		output, err := call(words)
		got := strings.Join(strings.Fields(output), " ")
		if err != nil || (got != want && !strings.HasPrefix(got, want)) {
			t.Errorf("kubectl %s: %v: %q, want %q", words, err, got, want)
		}
	}
}

// kubectl resolves a word as a category before it resolves it as a kind.
func TestKinds_shareOneCategory(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(inRepository(t, "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) < 2 {
		t.Fatalf("got %d files and error %v", len(files), err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(body, &crd); err != nil {
			t.Fatal(err)
		}
		if got := crd.Spec.Names.Categories; len(got) != 1 || got[0] != "prefect" {
			t.Errorf("%s is in the categories %v, want prefect alone", crd.Name, got)
		}
	}
}
