//go:build apiserver

package manifests

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const (
	pod       = "spec/template/spec/"
	container = pod + "containers/0/"
)

// change is the effect of a value on one place of the Deployment.
type change struct {
	set  string
	path string
	want any
}

var changes = map[string]change{
	"replicas":             {"replicas=3", "spec/replicas", int64(3)},
	"image.repository":     {"image.repository=registry.example/taskrun", container + "image", "registry.example/taskrun:latest"},
	"image.tag":            {"image.tag=v1.2.3", container + "image", "taskrun-operator:v1.2.3"},
	"image.digest":         {"image.digest=sha256:" + strings.Repeat("0a", 32), container + "image", "taskrun-operator:latest@sha256:" + strings.Repeat("0a", 32)},
	"image.pullPolicy":     {"image.pullPolicy=Always", container + "imagePullPolicy", "Always"},
	"imagePullSecrets":     {"imagePullSecrets={login}", pod + "imagePullSecrets/0/name", "login"},
	"resources":            {"resources.limits.memory=4Gi", container + "resources/limits/memory", "4Gi"},
	"podLabels":            {"podLabels.team=data", "spec/template/metadata/labels/team", "data"},
	"podAnnotations":       {"podAnnotations.team=data", "spec/template/metadata/annotations/team", "data"},
	"priorityClassName":    {"priorityClassName=high", pod + "priorityClassName", "high"},
	"nodeSelector":         {"nodeSelector.disk=ssd", pod + "nodeSelector/disk", "ssd"},
	"tolerations":          {"tolerations[0].operator=Exists", pod + "tolerations/0/operator", "Exists"},
	"affinity":             {"affinity.nodeAffinity.x=y", pod + "affinity/nodeAffinity/x", "y"},
	"tls.secretName":       {"tls.mode=secret,tls.secretName=mine", pod + "volumes/0/secret/secretName", "mine"},
	"tls.mode certManager": {"tls.mode=certManager", pod + "volumes/0/secret/secretName", "taskrun-rest-cert"},
}

func TestValues_ofTheDeployment(t *testing.T) {
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			got := at(t, chart(t, home, "--set", c.set)[key("Deployment", home, manager)], c.path)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s with %s (-want +got):\n%s", c.path, c.set, diff)
			}
		})
	}
}

func TestValues_thatAreFlags(t *testing.T) {
	for name, c := range map[string]struct {
		set           string
		want, notWant []string
	}{
		"servedNamespace": {"servedNamespace=team-a", []string{"--namespace=team-a"}, []string{"--namespace=default"}},
		"watchNamespaces": {"watchNamespaces={default,team-a}", []string{"--watch-namespaces=default,team-a"}, nil},
		"finishedTTL":     {"finishedTTL=168h", []string{"--finished-ttl=168h"}, nil},
		"finishedTTL 0":   {"finishedTTL=0", nil, []string{"--finished-ttl=0"}},
		"extraArgs":       {"extraArgs={--log-level=debug}", []string{"--log-level=debug"}, nil},
		"tls.mode secret": {
			"tls.mode=secret,tls.secretName=mine", []string{"--tls-cert-file=/tls/tls.crt", "--tls-private-key-file=/tls/tls.key"}, []string{"--tls-self-signed"},
		},
		"tls.mode selfSigned": {"tls.mode=selfSigned", []string{"--tls-self-signed"}, []string{"--tls-cert-file=/tls/tls.crt"}},
		"aggregation":         {"aggregation.enabled=true", []string{"--aggregation"}, nil},
		"no aggregation":      {"aggregation.enabled=false", nil, []string{"--aggregation"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := at(t, chart(t, home, "--set", c.set)[key("Deployment", home, manager)], container+"args").([]any)
			for _, flag := range c.want {
				if !slices.Contains(got, any(flag)) {
					t.Errorf("%s: no %s among %v", c.set, flag, got)
				}
			}
			for _, flag := range c.notWant {
				if slices.Contains(got, any(flag)) {
					t.Errorf("%s: %s among %v", c.set, flag, got)
				}
			}
		})
	}
}

// Each list has the objects that exist only with the value.
func TestValues_thatAddObjects(t *testing.T) {
	ours := chart(t, home)
	for name, c := range map[string]struct {
		set         string
		more, fewer []string
	}{
		"crds.install": {set: "crds.install=false", fewer: []string{"CustomResourceDefinition /taskruns.taskrun.dev", "CustomResourceDefinition /concurrencylimits.taskrun.dev", "CustomResourceDefinition /stateproposals.taskrun.dev", "CustomResourceDefinition /flowruns.taskrun.dev", "CustomResourceDefinition /registeredflows.taskrun.dev", "CustomResourceDefinition /rundata.taskrun.dev"}},
		"proposalPolicy": {set: "proposalPolicy.enabled=false", fewer: []string{
			"ValidatingAdmissionPolicy /taskrun-proposal-policy", "ValidatingAdmissionPolicyBinding /taskrun-proposal-policy",
			"ValidatingAdmissionPolicy /taskrun-initial-state-policy", "ValidatingAdmissionPolicyBinding /taskrun-initial-state-policy",
		}},
		"recordProposer":      {set: "proposalPolicy.recordProposer=true", more: []string{"MutatingAdmissionPolicy /taskrun-record-proposer", "MutatingAdmissionPolicyBinding /taskrun-record-proposer"}},
		"networkPolicy":       {set: "networkPolicy.enabled=false", fewer: []string{key("NetworkPolicy", home, manager)}},
		"podDisruptionBudget": {set: "podDisruptionBudget.enabled=false", fewer: []string{key("PodDisruptionBudget", home, manager)}},
		"a Role in each namespace": {
			set:   "watchNamespaces={default,team-a}",
			fewer: []string{"ClusterRole /taskrun-manager-role", "ClusterRoleBinding /taskrun-manager-rolebinding"},
			more: []string{
				"Role default/taskrun-manager-role", "Role team-a/taskrun-manager-role", "ClusterRoleBinding /taskrun-auth-delegator",
				"RoleBinding default/taskrun-manager-rolebinding", "RoleBinding team-a/taskrun-manager-rolebinding",
			},
		},
		"a custom issuer": {set: "tls.mode=certManager,tls.issuerRef.name=corporate", more: []string{key("Certificate", home, "taskrun-rest")}},
	} {
		t.Run(name, func(t *testing.T) {
			with := chart(t, home, "--set", c.set)
			want := map[string]bool{}
			for at := range ours {
				want[at] = !slices.Contains(c.fewer, at)
				if strings.Contains(c.set, "certManager") && strings.Contains(at, "certificates") {
					want[at] = false // the operator's own certificates need permissions
				}
			}
			for _, at := range c.more {
				want[at] = true
			}
			for at, there := range want {
				if (with[at] != nil) != there {
					t.Errorf("%s: %s is there: %t, want %t", c.set, at, with[at] != nil, there)
				}
			}
			for at := range with {
				if !want[at] {
					t.Errorf("%s: %s is not expected", c.set, at)
				}
			}
		})
	}
}

func TestPrometheus_selectsItsObjectsByLabels(t *testing.T) {
	objects := chart(t, home, "--set", "prometheus.enabled=true,prometheus.labels.release=main")
	if got := at(t, objects[key("ServiceMonitor", home, "taskrun-operator")], "metadata/labels/release"); got != "main" {
		t.Errorf("the label of the ServiceMonitor is %v, want main", got)
	}
}

func TestValues_caOfACustomCertificate(t *testing.T) {
	objects := chart(t, home, "--set", "aggregation.enabled=true,tls.mode=secret,tls.secretName=mine,aggregation.caBundle=PEM")
	if got := at(t, objects["APIService /v1alpha1.rest.taskrun.dev"], "spec/caBundle"); got != "UEVN" {
		t.Errorf("caBundle is %v, want PEM in base64", got)
	}
}

func TestValues_invalidOnesAreRejected(t *testing.T) {
	for name, c := range map[string]struct{ set, want string }{
		"an unknown value":                        {"replica=3", "replica"},
		"a text instead of a number":              {"replicas=two", "replicas"},
		"an unknown mode":                         {"tls.mode=none", "mode"},
		"a Secret without a name":                 {"tls.mode=secret", "tls.secretName must name a Secret"},
		"a certificate without its CA":            {"tls.mode=secret,tls.secretName=mine,aggregation.enabled=true", "aggregation.caBundle must be"},
		"serving a namespace that is not watched": {"watchNamespaces={team-a}", "watchNamespaces must contain"},
		"a TTL in days":                           {"finishedTTL=7d", "finishedTTL"},
		"a negative TTL":                          {"finishedTTL=-1h", "finishedTTL"},
		"an argument that is not a flag":          {"extraArgs={debug}", "extraArgs"},
		"an unknown field of the user":            {"podUser=65532", "podUser"},
		"an invalid digest":                       {"image.digest=abc", "digest"},
		"an invalid namespace":                    {"servedNamespace=Team_A", "servedNamespace"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := helm(t, "template", "any", chartFolder, "--set", c.set)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got error %v, want one that has %q", c.set, err, c.want)
			}
		})
	}
}

// Every value has a comment above it, and an entry in the schema.
func TestValues_areDocumented(t *testing.T) {
	text, err := os.ReadFile(inRepository(t, chartFolder, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before := ""
	for number, line := range strings.Split(string(text), "\n") {
		value := strings.TrimSpace(line)
		group := strings.HasSuffix(value, ":") || strings.HasPrefix(line, "    ") // its values, or itself, are documented
		if value != "" && !strings.HasPrefix(value, "#") && !group && !strings.HasPrefix(before, "#") {
			t.Errorf("values.yaml:%d: %s has no comment", number+1, value)
		}
		before = value
	}
	values, schema := map[string]any{}, map[string]any{}
	readYAML(t, &values, chartFolder, "values.yaml")
	readYAML(t, &schema, chartFolder, "values.schema.json")
	properties, _ := schema["properties"].(map[string]any)
	for name := range values {
		if properties[name] == nil {
			t.Errorf("the schema does not know %s", name)
		}
	}
	for name := range properties {
		if _, ok := values[name]; !ok && name != "global" { // Helm's own
			t.Errorf("values.yaml does not know %s", name)
		}
	}
}

func readYAML(t *testing.T, into any, path ...string) {
	t.Helper()
	text, err := os.ReadFile(inRepository(t, path...))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
