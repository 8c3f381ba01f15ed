//go:build apiserver

package manifests

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// cluster is an API server that the test administers with kubectl.
type cluster struct {
	*testenv.Env
	kubeconfig string
}

// privateCluster starts a cluster for this test, with our CRDs.
func privateCluster(t *testing.T) *cluster {
	t.Helper()
	env := testenv.StartPrivate(t)
	return &cluster{Env: env, kubeconfig: env.Kubeconfig(t)}
}

// kubectl runs kubectl as the administrator. It must succeed.
func (c *cluster) kubectl(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	output, err := kubectl(t, input, append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return output
}

// apply applies a manifest as an administrator does to install.
func (c *cluster) apply(t *testing.T, folder string) {
	t.Helper()
	c.kubectl(t, nil, "apply", "--server-side", "-k", folder)
}

// read returns these objects from the cluster.
func (c *cluster) read(t *testing.T, objects Objects) Objects {
	t.Helper()
	var text bytes.Buffer
	for _, object := range objects {
		body, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n")
		text.Write(body)
	}
	found := Objects{}
	for _, list := range decode(t, c.kubectl(t, text.Bytes(), "get", "-o", "yaml", "--show-managed-fields", "-f", "-")) {
		items, _ := list.Object["items"].([]any)
		for _, item := range items {
			content, _ := item.(map[string]any)
			object := &unstructured.Unstructured{Object: content}
			found[key(object.GetKind(), object.GetNamespace(), object.GetName())] = object
		}
	}
	return found
}

func TestInstall_twiceChangesNothing(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	all := kustomize(t, "config/default")
	c.apply(t, "config/default")
	first := c.read(t, all)
	if len(first) != len(all) {
		t.Fatalf("%d of %d objects were made", len(first), len(all))
	}
	c.apply(t, "config/default")
	for at, second := range c.read(t, all) {
		// A Deployment has no controller here, and a CRD no new condition, so nothing else changes them.
		if diff := cmp.Diff(first[at].Object["metadata"], second.Object["metadata"]); diff != "" {
			t.Errorf("%s was changed (-first +second):\n%s", at, diff)
		}
	}
}

// older makes our CRD lack one field and have another.
func older(t *testing.T, crd *unstructured.Unstructured) []byte {
	t.Helper()
	old := crd.DeepCopy()
	versions, _, _ := unstructured.NestedSlice(old.Object, "spec", "versions")
	version, _ := versions[0].(map[string]any)
	path := []string{"schema", "openAPIV3Schema", "properties", "spec", "properties"}
	unstructured.RemoveNestedField(version, append(path, "ttlSecondsAfterFinished")...)
	if err := unstructured.SetNestedField(version, map[string]any{"type": "string"}, append(path, "formerField")...); err != nil {
		t.Fatal(err)
	}
	if err := unstructured.SetNestedSlice(old.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(old.Object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const formerRun = `
apiVersion: taskrun.dev/v1alpha1
kind: TaskRun
metadata: {name: former, namespace: default}
spec: {taskKey: etl.load, formerField: kept}
`

func TestInstall_upgradesAnOlderInstallation(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	const crd = "taskruns.taskrun.dev"
	c.kubectl(t, nil, "delete", "crd", crd)
	c.kubectl(t, older(t, kustomize(t, "config/crd")[key("CustomResourceDefinition", "", crd)]), "apply", "--server-side", "-f", "-")
	c.kubectl(t, nil, "wait", "--for=condition=Established", "crd/"+crd, "--timeout=30s")
	c.kubectl(t, []byte(formerRun), "apply", "--server-side", "-f", "-")

	c.apply(t, "config/default")

	c.kubectl(t, nil, "patch", "taskrun", "former", "--type=merge", "-p", `{"spec":{"ttlSecondsAfterFinished":60,"tags":["kept"]}}`)
	run := decode(t, c.kubectl(t, nil, "get", "taskrun", "former", "-o", "yaml"))[key("TaskRun", "default", "former")]
	want := map[string]any{"taskKey": "etl.load", "ttlSecondsAfterFinished": int64(60), "tags": []any{"kept"}}
	if diff := cmp.Diff(want, run.Object["spec"]); diff != "" {
		t.Errorf("the run after the upgrade (-want +got):\n%s", diff)
	}
}

// ServiceMonitor, PrometheusRule and the kinds of cert-manager do not exist here: third_party_test.go checks them.
func TestComponents_areAccepted(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	for _, component := range []string{"aggregation", "flow-control", "namespaced", "without-network-policy"} {
		namespace := "in-" + component
		c.apply(t, writeOverlay(t, namespace, component))
		found := c.read(t, overlay(t, namespace, component))
		if found[key("Deployment", namespace, manager)] == nil {
			t.Errorf("%s: no Deployment in %s", component, namespace)
		}
	}
}

func TestPods_meetTheRestrictedStandard(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	c.apply(t, "config/default")
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	pods := client.CoreV1().Pods(home)
	for name, components := range map[string][]string{
		"the defaults": nil, "with cert-manager": {"cert-manager"}, "in one namespace, behind kube-apiserver": {"namespaced", "aggregation"},
	} {
		t.Run(name, func(t *testing.T) {
			template := find[appsv1.Deployment](t, overlay(t, home, components...), "Deployment", home, manager).Spec.Template
			pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
			pod.GenerateName = "replica-"
			dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
			if _, err := pods.Create(t.Context(), pod, dry); err != nil {
				t.Errorf("a pod: %v", err)
			}
			pod.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil
			if _, err := pods.Create(t.Context(), pod, dry); err == nil {
				t.Error("a pod that breaks the standard is made: the namespace is not held to it")
			}
		})
	}
}

func TestChart_isInstalledAndUpgraded(t *testing.T) {
	c := privateCluster(t)
	c.kubectl(t, nil, "create", "namespace", home)
	c.kubectl(t, nil, "create", "namespace", "team-a")
	values := "aggregation.enabled=true,flowControl.enabled=true,watchNamespaces={default,team-a}"
	connect := []string{"--kubeconfig", c.kubeconfig, "--namespace", home, "--set", values}
	for _, command := range []string{"install", "upgrade"} {
		// The CRDs are already in the test cluster, with another owner.
		args := append([]string{command, "any", chartFolder, "--force-conflicts", "--set", "crds.install=false"}, connect...)
		if output, err := helm(t, args...); err != nil {
			t.Fatalf("helm %s: %v\n%s", command, err, output)
		}
	}
	c.read(t, chart(t, home, "--set", values))
	if output, err := helm(t, "uninstall", "any", "--kubeconfig", c.kubeconfig, "--namespace", home); err != nil {
		t.Fatalf("helm uninstall: %v\n%s", err, output)
	}
	c.kubectl(t, nil, "get", "crd", "taskruns.taskrun.dev")
}
