//go:build apiserver

package manifests

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// grant is one permission.
type grant struct {
	role           string // that grants it
	namespace      string // empty: all namespaces
	verb           string
	group          string
	resource, name string // empty name: all objects
}

func (g grant) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", g.role, g.verb, g.what(), g.name))
}

// what returns the resource with its group, in the notation of kubectl.
func (g grant) what() string { return strings.Trim(g.resource+"."+g.group, ".") }

// covers reports whether the permission includes the call.
func (g grant) covers(c call) bool {
	return c.path == "" && g.verb == c.verb && g.group == c.group && g.resource == c.resource &&
		(g.namespace == "" || g.namespace == c.namespace) && (g.name == "" || g.name == c.name)
}

// grants returns all permissions of the operator's ServiceAccount in the rendered objects. A wildcard is an error,
// because it is never the minimum.
func (c *cluster) grants(t *testing.T, objects Objects) []grant {
	t.Helper()
	var all []grant
	for _, object := range objects {
		if !strings.HasSuffix(object.GetKind(), "RoleBinding") {
			continue
		}
		// A ClusterRoleBinding has the same fields.
		binding := find[rbacv1.RoleBinding](t, objects, object.GetKind(), object.GetNamespace(), object.GetName())
		if !slices.ContainsFunc(binding.Subjects, func(s rbacv1.Subject) bool {
			return s.Kind == rbacv1.ServiceAccountKind && s.Name == manager && s.Namespace == home
		}) {
			t.Errorf("%s is for another subject: %v", object.GetName(), binding.Subjects)
		}
		namespace := ""
		if binding.RoleRef.Kind == "Role" {
			namespace = object.GetNamespace()
		}
		known := objects
		if namespace == "kube-system" { // a Role that every cluster has
			known = decode(t, c.kubectl(t, nil, "get", "role", binding.RoleRef.Name, "--namespace", namespace, "-o", "yaml"))
		}
		role := find[rbacv1.ClusterRole](t, known, binding.RoleRef.Kind, namespace, binding.RoleRef.Name)
		for _, rule := range role.Rules {
			all = append(all, spread(t, role.Name, object.GetNamespace(), rule)...)
		}
	}
	return all
}

func spread(t *testing.T, role, namespace string, rule rbacv1.PolicyRule) []grant {
	t.Helper()
	if all := slices.Concat(rule.Verbs, rule.APIGroups, rule.Resources); slices.Contains(all, "*") || len(rule.NonResourceURLs) > 0 {
		t.Errorf("%s grants more than can be compared: %+v", role, rule)
	}
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var all []grant
	for _, verb := range rule.Verbs {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, name := range names {
					all = append(all, grant{role, namespace, verb, group, resource, name})
				}
			}
		}
	}
	return all
}
