//go:build apiserver

package manifests

import (
	"errors"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// The permissions of callers with these roles in a namespace, according to the API server: the verbs create, get,
// list, update, delete in this order, with a dash for each that is denied.
func TestRoles_permissionsOfCallers(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	c.apply(t, "config/default")
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]map[string]string{
		"taskrun-viewer-role": {
			"stateproposals": "-gl--", "stateproposals/status": "-----", "taskruns": "-gl--", "taskruns/status": "-g---", "concurrencylimits": "-gl--", "concurrencylimits/status": "-g---",
			"flowruns": "-gl--", "flowruns/status": "-g---", "registeredflows": "-gl--", "registeredflows/status": "-g---", "rundata": "-gl--",
		},
		"taskrun-editor-role": {
			"stateproposals": "cgl-d", "stateproposals/status": "-----", "taskruns": "cglud", "taskruns/status": "-g---", "concurrencylimits": "cglud", "concurrencylimits/status": "-g---",
			"flowruns": "cglud", "flowruns/status": "-g---", "registeredflows": "cglud", "registeredflows/status": "-g---", "rundata": "cglud",
		},
		"taskrun-admin-role": {
			"stateproposals": "cglud", "stateproposals/status": "-----", "taskruns": "cglud", "taskruns/status": "-g-u-", "concurrencylimits": "cglud", "concurrencylimits/status": "-g-u-",
			"flowruns": "cglud", "flowruns/status": "-g-u-", "registeredflows": "cglud", "registeredflows/status": "-g-u-", "rundata": "cglud",
		},
		"taskrun-worker-role": {
			"stateproposals": "-----", "stateproposals/status": "-----", "taskruns": "cglud", "taskruns/status": "---u-", "concurrencylimits": "cglud", "concurrencylimits/status": "---u-",
			"flowruns": "cglud", "flowruns/status": "---u-", "registeredflows": "cglud", "registeredflows/status": "-----", "rundata": "-----",
		},
	} {
		if err := bind(t, client, role, role); err != nil {
			t.Fatal(err)
		}
		// The authorizer uses the binding a moment later. All of these roles can list runs.
		eventually(t, role+" counts", func() error {
			if !allowed(t, client, role, "list", "taskruns", "default") {
				return errors.New("runs cannot be listed")
			}
			return nil
		})
		for resource, letters := range want {
			var got strings.Builder
			for _, verb := range []string{"create", "get", "list", "update", "delete"} {
				if allowed(t, client, role, verb, resource, "default") {
					got.WriteByte(verb[0])
				} else {
					got.WriteByte('-')
				}
				if allowed(t, client, role, verb, resource, "kube-system") {
					t.Errorf("%s may %s %s in another namespace", role, verb, resource)
				}
			}
			if got.String() != letters {
				t.Errorf("%s on %s: got %s, want %s", role, resource, got.String(), letters)
			}
		}
	}
}

// bind gives a user a role in the namespace default, with the identity of the client.
func bind(t *testing.T, client kubernetes.Interface, user, role string) error {
	t.Helper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: user + "-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	_, err := client.RbacV1().RoleBindings("default").Create(t.Context(), binding, metav1.CreateOptions{})
	return err
}

func allowed(t *testing.T, client kubernetes.Interface, user, verb, resource, namespace string) bool {
	t.Helper()
	resource, subresource, _ := strings.Cut(resource, "/")
	review, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: "taskrun.dev", Resource: resource, Subresource: subresource, Namespace: namespace, Verb: verb,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

// The admin of a namespace can grant the worker role, and only permissions that the admin has.
func TestRoles_adminCanGrantTheWorkerRole(t *testing.T) {
	t.Parallel()
	c := privateCluster(t)
	c.apply(t, "config/default")
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	giver := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "giver"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"rolebindings"}, Verbs: []string{"create"}},
	}}
	if _, err := client.RbacV1().ClusterRoles().Create(t.Context(), giver, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for role, may := range map[string]bool{"taskrun-admin-role": true, "taskrun-editor-role": false} {
		if err := errors.Join(bind(t, client, role, "giver"), bind(t, client, role, role)); err != nil {
			t.Fatal(err)
		}
		config := rest.CopyConfig(c.Config)
		config.Impersonate.UserName = role
		other, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		err = bind(t, other, "somebody", "taskrun-worker-role")
		if (err == nil) != may || err != nil && !apierrors.IsForbidden(err) {
			t.Errorf("%s gives the worker role: %v, want it to be allowed: %t", role, err, may)
		}
	}
}
