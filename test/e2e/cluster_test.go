//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The life of an installation, from the first apply to the last delete.
func TestAnInstallation(t *testing.T) {
	install(t)
	address := prepareTenant(t)
	for _, step := range []struct {
		name string
		do   func(t *testing.T, address string)
	}{
		{"a pod without rights is refused", refused},
		{"a pod with rights goes through a life cycle", lifeCycle},
		{"kube-apiserver passes requests on", aggregation},
		{"a leader that is killed is followed", leaderKilled},
		{"a rolling update under load loses nothing", rollingUpdate},
		{"network policies are there", networkPolicies},
		{"removing leaves nothing but the kinds", uninstall},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.do(t, address) }) {
			t.Log(diagnosis(t))
			return
		}
	}
}

// diagnosis prints data that explains the failure of a step.
func diagnosis(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, args := range [][]string{
		{"get", "pods", "-A", "-o", "wide"},
		{"get", "events", "-A", "--sort-by=.lastTimestamp"},
		{"-n", system, "logs", "-l", pods, "--tail=40", "--prefix"},
	} {
		out, _ := tryKubectl(t, "", args...)
		all.WriteString(out)
	}
	return all.String()
}

func install(t *testing.T) {
	t.Helper()
	began := time.Now()
	kubectl(t, "apply", "--server-side", "-f", image("install.yaml"))
	kubectl(t, "-n", system, "rollout", "status", deployment, "--timeout=90s")
	report(t, "installed and ready: %.1f s after apply", time.Since(began).Seconds())
	if level := kubectl(t, "get", "namespace", system, "-o", `jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}`); level != "restricted" {
		t.Errorf("the namespace enforces %q, want restricted", level)
	}
}

// prepareTenant creates a namespace with two accounts, one of which can use task runs, and returns the Service's
// address.
func prepareTenant(t *testing.T) string {
	t.Helper()
	apply(t, `
apiVersion: v1
kind: Namespace
metadata: {name: team-a, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker, namespace: team-a}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: stranger, namespace: team-a}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: worker, namespace: team-a}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: taskrun-worker-role}
subjects: [{kind: ServiceAccount, name: worker, namespace: team-a}]
`)
	ca := kubectl(t, "-n", system, "get", "configmap", "taskrun-rest-ca", "-o", `jsonpath={.data.ca\.crt}`)
	kubectl(t, "-n", "team-a", "create", "configmap", "taskrun-rest-ca", "--from-literal=ca.crt="+ca)
	return kubectl(t, "-n", system, "get", "service", "taskrun-rest", "-o", "jsonpath={.spec.clusterIP}")
}

// base returns the URL of the API of the pods' namespace.
const base = "https://taskrun-rest.taskrun-system.svc/namespaces/team-a/api"

func refused(t *testing.T, address string) {
	t.Helper()
	job(t, "stranger", "stranger", address, "check", base)
	succeeded, said := outcome(t, "stranger")
	if succeeded || !strings.Contains(said, "status 403") || !strings.Contains(said, "may not create") {
		t.Errorf("the pod says %q, want a refusal with 403", said)
	}
}

func lifeCycle(t *testing.T, address string) {
	t.Helper()
	job(t, "worker", "worker", address, "check", base)
	succeeded, said := outcome(t, "worker")
	if !succeeded {
		t.Fatalf("the pod says %q", said)
	}
	report(t, "a pod in another namespace: %s", said)
	maker := kubectl(t, "-n", "team-a", "get", "taskruns", "-o", `jsonpath={.items[0].metadata.annotations.taskrun\.dev/created-by}`)
	if maker != "system:serviceaccount:team-a:worker" {
		t.Errorf("the run was made by %q", maker)
	}
	job(t, "elsewhere", "worker", address, "check", "https://taskrun-rest.taskrun-system.svc/api")
	if succeeded, said := outcome(t, "elsewhere"); succeeded || !strings.Contains(said, "status 403") {
		t.Errorf("in a namespace without rights the pod says %q, want a refusal with 403", said)
	}
}

// aggregation registers the APIService and sends requests through kube-apiserver.
func aggregation(t *testing.T, _ string) {
	t.Helper()
	kubectl(t, "apply", "--server-side", "-f", image("aggregation.yaml"))
	kubectl(t, "-n", system, "rollout", "status", deployment, "--timeout=90s")
	took := eventually(t, "the APIService is available", func() bool {
		return kubectl(t, "get", "apiservice", "v1alpha1.rest.taskrun.dev", "-o", `jsonpath={.status.conditions[?(@.type=="Available")].status}`) == "True"
	})
	const path = "/apis/rest.taskrun.dev/v1alpha1/namespaces/team-a"
	if out := kubectl(t, "get", "--raw", path+"/hello"); !strings.Contains(out, "👋") {
		t.Errorf("hello through kube-apiserver: %q", out)
	}
	out, err := tryKubectl(t, "{}", "create", "--raw", path+"/task_runs/count", "-f", "-")
	if err != nil || strings.TrimSpace(out) != "1" {
		t.Errorf("count through kube-apiserver: %q, %v, want 1", out, err)
	}
	if out, err := tryKubectl(t, "{}", "create", "--raw", path+"/task_runs/count", "-f", "-", "--as=nobody"); err == nil {
		t.Errorf("count for an unknown user: %q, want a rejection", out)
	}
	eventually(t, "the document through kube-apiserver has our routes", func() bool {
		out, _ := tryKubectl(t, "", "get", "--raw", "/openapi/v3/apis/rest.taskrun.dev/v1alpha1")
		return strings.Contains(out, "/task_runs/filter")
	})
	report(t, "APIService available after %.1f s", took.Seconds())
}

// holder returns the leader according to its Lease.
func holder(t *testing.T) string {
	t.Helper()
	return kubectl(t, "-n", system, "get", "lease", lease, "-o", "jsonpath={.spec.holderIdentity}")
}

// leaderLimit is the timeout for a new leader, which takes 15 to 23 s on an idle machine.
const leaderLimit = 30 * time.Second

// leaderKilled kills the leader's process while pods send requests.
func leaderKilled(t *testing.T, address string) {
	t.Helper()
	job(t, "while-killed", "worker", address, "load", base, "20s")
	eventually(t, "the load has begun", func() bool {
		return kubectl(t, "-n", "team-a", "get", "job", "while-killed", "-o", "jsonpath={.status.ready}") == "1"
	})
	before := holder(t)
	pod := podOf(t, before)
	kill(t, pod)
	took := eventually(t, "another leader", func() bool { now := holder(t); return now != before && now != "" })
	report(t, "another leader %.1f s after the leader was killed", took.Seconds())
	if took > leaderLimit {
		t.Errorf("it took %s, want %s at most", took, leaderLimit)
	}
	succeeded, said := outcome(t, "while-killed")
	report(t, "meanwhile: %s", said)
	if !succeeded {
		t.Error("acknowledged writes were lost")
	}
	kubectl(t, "-n", system, "rollout", "status", deployment, "--timeout=90s")
}

// podOf returns the pod of a replica.
func podOf(t *testing.T, replica string) string {
	t.Helper()
	for pod := range strings.FieldsSeq(kubectl(t, "-n", system, "get", "pods", "-l", pods, "-o", "jsonpath={.items[*].metadata.name}")) {
		// A replica's name has the first 40 characters of its host name.
		if strings.Contains(replica, pod[:min(len(pod), 40)]) {
			return pod
		}
	}
	t.Fatalf("%s is no pod", replica)
	return ""
}

// kill kills the process of a pod's container, as the kernel does when memory is exhausted.
func kill(t *testing.T, pod string) {
	t.Helper()
	id := kubectl(t, "-n", system, "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].containerID}")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, "ctr", "--address", os.Getenv("E2E_CONTAINERD"), "-n", "k8s.io", "tasks", "kill", "--signal", "SIGKILL",
		strings.TrimPrefix(id, "containerd://"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("killing %s: %v\n%s", pod, err, out)
	}
}

func rollingUpdate(t *testing.T, address string) {
	t.Helper()
	job(t, "while-rolling", "worker", address, "load", base, "45s")
	eventually(t, "the load has begun", func() bool {
		return kubectl(t, "-n", "team-a", "get", "job", "while-rolling", "-o", "jsonpath={.status.ready}") == "1"
	})
	began := time.Now()
	kubectl(t, "-n", system, "rollout", "restart", deployment)
	kubectl(t, "-n", system, "rollout", "status", deployment, "--timeout=90s")
	report(t, "rolled over in %.1f s", time.Since(began).Seconds())
	succeeded, said := outcome(t, "while-rolling")
	report(t, "meanwhile: %s", said)
	if !succeeded {
		t.Error("acknowledged writes were lost")
	}
	if !strings.Contains(said, "broken off 0, rejected (503) 0,") {
		t.Error("requests failed")
	}
}

func networkPolicies(t *testing.T, _ string) {
	t.Helper()
	if names := kubectl(t, "-n", system, "get", "networkpolicies", "-o", "name"); !strings.Contains(names, "taskrun-controller-manager") {
		t.Errorf("network policies: %q", names)
	}
}

func uninstall(t *testing.T, _ string) {
	t.Helper()
	kubectl(t, "delete", "--ignore-not-found", "-f", image("uninstall.yaml"))
	for _, kinds := range []string{
		"namespaces,clusterroles,clusterrolebindings,apiservices", "all,configmaps,secrets,leases,networkpolicies,serviceaccounts,roles,rolebindings -n " + system,
	} {
		left := kubectl(t, append([]string{"get", "-o", "name", "--ignore-not-found"}, strings.Fields(kinds)...)...)
		for name := range strings.FieldsSeq(left) {
			if strings.Contains(name, "taskrun") && !strings.HasSuffix(name, ".taskrun.dev") {
				t.Errorf("%s is left", name)
			}
		}
	}
	if runs := kubectl(t, "-n", "team-a", "get", "taskruns", "-o", "name"); runs == "" {
		t.Error("the runs are gone too")
	}
	kubectl(t, "delete", "namespace", "team-a", "--timeout=60s")
}
