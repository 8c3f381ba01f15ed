//go:build apiserver

package manifests

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/taskrun-dev/taskrun-operator/internal/app"
)

func deployment(t *testing.T, objects Objects) *appsv1.Deployment {
	t.Helper()
	return find[appsv1.Deployment](t, objects, "Deployment", home, manager)
}

// parse parses the flags of the container like the program.
func parse(args []string) (app.Options, error) {
	options := app.DefaultOptions()
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	options.BindFlags(flags)
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.AddGoFlagSet(flags)
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "$(POD_NAMESPACE)", home)
	}
	if err := set.Parse(args); err != nil {
		return options, err
	}
	return options, options.Validate()
}

func TestDeployment_flagsAreValid(t *testing.T) {
	t.Parallel()
	for name, components := range map[string][]string{
		"the defaults": nil, "behind kube-apiserver": {"aggregation"}, "with cert-manager": {"cert-manager"}, "in one namespace": {"namespaced"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := deployment(t, overlay(t, home, components...)).Spec.Template.Spec.Containers[0].Args
			if _, err := parse(args); err != nil {
				t.Errorf("%v: %v", args, err)
			}
		})
	}
}

func TestDeployment_replicaHasTimeToEnd(t *testing.T) {
	t.Parallel()
	spec := deployment(t, kustomize(t, "config/default")).Spec.Template.Spec
	hook := spec.Containers[0].Lifecycle.PreStop.Sleep
	if hook == nil || hook.Seconds < 1 {
		t.Fatal("the listener closes before the replica is out of its Service")
	}
	needed := time.Duration(hook.Seconds)*time.Second + app.DefaultOptions().Manager.ShutdownTimeout
	if given := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second; given <= needed {
		t.Errorf("a replica is killed after %s, and needs up to %s", given, needed)
	}
}

func TestDeployment_goHasTheMemoryLimit(t *testing.T) {
	t.Parallel()
	manager := deployment(t, kustomize(t, "config/default")).Spec.Template.Spec.Containers[0]
	got := map[string]string{}
	for _, variable := range manager.Env {
		if from := variable.ValueFrom; from != nil && from.ResourceFieldRef != nil {
			got[variable.Name] = from.ResourceFieldRef.Resource + " by " + from.ResourceFieldRef.Divisor.String()
			continue
		}
		got[variable.Name] = variable.Value
	}
	// n MiB become n * 1,000,000 bytes, which is 95 %.
	want := map[string]string{"MEMORY_LIMIT_MIB": "limits.memory by 1Mi", "GOMEMLIMIT": "$(MEMORY_LIMIT_MIB)000000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if manager.Resources.Limits.Memory().IsZero() {
		t.Error("there is no limit to follow")
	}
}

func TestSelectors_matchThePods(t *testing.T) {
	t.Parallel()
	objects := kustomize(t, "config/default")
	replicas := deployment(t, objects)
	template := replicas.Spec.Template
	ports := map[string]bool{}
	for _, port := range template.Spec.Containers[0].Ports {
		ports[port.Name] = true
	}
	selectors := map[string]map[string]string{"Deployment": replicas.Spec.Selector.MatchLabels}
	for _, name := range []string{"taskrun-rest", "taskrun-metrics"} {
		service := find[corev1.Service](t, objects, "Service", home, name)
		selectors[name] = service.Spec.Selector
		for _, port := range service.Spec.Ports {
			if !ports[port.TargetPort.StrVal] {
				t.Errorf("%s: the pods have no port %s", name, port.TargetPort.StrVal)
			}
		}
	}
	budget := find[policyv1.PodDisruptionBudget](t, objects, "PodDisruptionBudget", home, manager)
	selectors["PodDisruptionBudget"] = budget.Spec.Selector.MatchLabels
	if least := budget.Spec.MinAvailable.IntValue(); least < 1 || least >= int(*replicas.Spec.Replicas) {
		t.Errorf("%d of %d replicas must stay: none can be drained, or all", least, *replicas.Spec.Replicas)
	}
	policy := find[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy", home, manager)
	selectors["NetworkPolicy"] = policy.Spec.PodSelector.MatchLabels
	for _, constraint := range template.Spec.TopologySpreadConstraints {
		selectors["spread over "+constraint.TopologyKey] = constraint.LabelSelector.MatchLabels
	}
	for what, selector := range selectors {
		if len(selector) == 0 || !labels.SelectorFromSet(selector).Matches(labels.Set(template.Labels)) {
			t.Errorf("%s selects %v, the pods have %v", what, selector, template.Labels)
		}
	}
}

// No object keeps the default namespace when a platform team chooses another one.
func TestNamespace_anotherOneAppliesToAllObjects(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "team-a", "aggregation", "cert-manager", "flow-control", "namespaced", "prometheus")
	for at, object := range objects {
		if where := object.GetNamespace(); where != "" && where != "team-a" && at != "RoleBinding kube-system/taskrun-aggregation-auth-reader" {
			t.Errorf("%s is in %s", at, where)
		}
		if object.GetKind() == "CustomResourceDefinition" {
			continue
		}
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), home) {
			t.Errorf("%s names %s: %s", at, home, text)
		}
	}
}

func TestAPIService_certificateIsVerified(t *testing.T) {
	t.Parallel()
	service := overlay(t, home, "aggregation")["APIService /v1alpha1.rest.taskrun.dev"]
	if skip := at(t, service, "spec/insecureSkipTLSVerify"); service == nil || skip != nil {
		t.Errorf("insecureSkipTLSVerify is %v of %v", skip, service)
	}
	// If the bundle were set here, applying the component again would remove the
	// operator's value.
	if bundle := at(t, service, "spec/caBundle"); bundle != nil {
		t.Errorf("caBundle is %v: the operator's own", bundle)
	}
}

func TestCertManager_certificateIsTheMountedOne(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "team-a", "aggregation", "cert-manager")
	leaf := objects[key("Certificate", "team-a", "taskrun-rest")]
	if got := at(t, leaf, "spec/dnsNames/0"); got != "taskrun-rest.team-a.svc" {
		t.Errorf("the certificate is for %v", got)
	}
	authority := objects[key("Certificate", "team-a", "taskrun-ca")]
	issuer := objects[key("Issuer", "team-a", "taskrun-ca")]
	if got, want := at(t, issuer, "spec/ca/secretName"), at(t, authority, "spec/secretName"); got == nil || got != want {
		t.Errorf("the issuer signs with %v, the CA is in %v", got, want)
	}
	if got, want := at(t, objects[key("Deployment", "team-a", manager)], pod+"volumes/0/secret/secretName"), at(t, leaf, "spec/secretName"); got == nil || got != want {
		t.Errorf("the pods mount %v, the certificate is in %v", got, want)
	}
	if got := objects["APIService /v1alpha1.rest.taskrun.dev"].GetAnnotations()["cert-manager.io/inject-ca-from"]; got != "team-a/taskrun-rest" {
		t.Errorf("the CA of the APIService comes from %q", got)
	}
}

func TestPrometheus_scrapesTheMetrics(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "team-a", "prometheus")
	monitor := objects[key("ServiceMonitor", "team-a", "taskrun-operator")]
	service := find[corev1.Service](t, objects, "Service", "team-a", "taskrun-metrics")
	selector, _ := at(t, monitor, "spec/selector/matchLabels").(map[string]any)
	if len(selector) == 0 {
		t.Error("the monitor looks for nothing")
	}
	for label, value := range selector {
		if service.Labels[label] != value {
			t.Errorf("the monitor looks for %s=%v, the Service has %v", label, value, service.Labels)
		}
	}
	if got := at(t, monitor, "spec/endpoints/0/port"); got != service.Spec.Ports[0].Name {
		t.Errorf("the monitor looks for port %v, the Service has %s", got, service.Spec.Ports[0].Name)
	}
	if got := at(t, monitor, "spec/endpoints/0/tlsConfig/serverName"); got != "taskrun-rest.team-a.svc" {
		t.Errorf("the certificate must be for %v", got)
	}
}
