//go:build apiserver

package manifests

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// securityContext is the expected security context of a pod, without ids.
func securityContext(ids ...string) map[string]any {
	context := map[string]any{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}}
	for _, id := range ids {
		context[id] = int64(65532)
	}
	return context
}

func TestOpenShift_platformAssignsTheIDsOfPods(t *testing.T) {
	fixed, assigned := securityContext("runAsUser", "runAsGroup", "fsGroup"), securityContext()
	for name, c := range map[string]struct {
		render func(t *testing.T) Objects
		want   map[string]any
	}{
		"the manifests":                {func(t *testing.T) Objects { t.Helper(); return overlay(t, home) }, fixed},
		"the component":                {func(t *testing.T) Objects { t.Helper(); return overlay(t, home, "openshift") }, assigned},
		"the component, with TLS":      {func(t *testing.T) Objects { t.Helper(); return overlay(t, home, "cert-manager", "openshift") }, assigned},
		"the chart":                    {charted(), fixed},
		"the chart on OpenShift":       {charted("--api-versions", "security.openshift.io/v1"), assigned},
		"the chart with the value set": {charted("--set", "podUser=platform"), assigned},
		"the chart with a Secret":      {charted("--set", "podUser=platform,tls.mode=secret,tls.secretName=mine"), assigned},
		"the chart on OpenShift with another value": {
			charted("--api-versions", "security.openshift.io/v1", "--set", "podUser=fixed"), fixed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			deployment := c.render(t)[key("Deployment", home, manager)]
			if diff := cmp.Diff(c.want, at(t, deployment, pod+"securityContext")); diff != "" {
				t.Errorf("security context of the pods (-want +got):\n%s", diff)
			}
			if ids := idsOfContainer(t, at(t, deployment, container+"securityContext")); len(ids) > 0 {
				t.Errorf("the container asks for ids of its own: %v", ids)
			}
		})
	}
}

func charted(args ...string) func(*testing.T) Objects {
	return func(t *testing.T) Objects {
		t.Helper()
		return chart(t, home, args...)
	}
}

func idsOfContainer(t *testing.T, context any) []string {
	t.Helper()
	fields, ok := context.(map[string]any)
	if !ok {
		t.Fatalf("the container has no security context: %v", context)
	}
	var ids []string
	for _, id := range []string{"runAsUser", "runAsGroup"} {
		if fields[id] != nil {
			ids = append(ids, id)
		}
	}
	return ids
}
