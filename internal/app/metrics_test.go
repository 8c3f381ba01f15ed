//go:build apiserver

package app

import (
	"net/http"
	"strconv"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// Metrics and profiles are served only to authorized callers, over TLS.
func TestMetrics_needAuthorization(t *testing.T) {
	t.Parallel()
	port, err := controlplane.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	g := startGuarded(t, func(o *Options) { o.Manager.MetricsAddress, o.Manager.Pprof = address, true })
	g.account(t, "scraper")
	g.account(t, "nothing")
	name := "metrics-" + g.home
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics", "/debug/pprof/*"}, Verbs: []string{"get"}}},
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: g.home, Name: "scraper"}},
	}
	if _, err := g.kube.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.kube.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		g.awaitGrant(t, "scraper", authorizationv1.SubjectAccessReviewSpec{
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: path, Verb: "get"},
		})
	}
	cases := map[string]struct {
		token string
		want  int
	}{
		"no token":                     {"", http.StatusUnauthorized},
		"garbage":                      {"garbage", http.StatusUnauthorized},
		"a caller without permissions": {g.token(t, "nothing", "taskrun.dev"), http.StatusForbidden},
		"a permitted caller":           {g.token(t, "scraper", "taskrun.dev"), http.StatusOK},
		"another audience":             {g.token(t, "scraper", "https://kubernetes.default.svc"), http.StatusUnauthorized},
	}
	for name, tc := range cases {
		for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline"} {
			if got := g.askAt(t, http.MethodGet, address, path, tc.token); got != tc.want {
				t.Errorf("%s for %s: status %d, want %d", path, name, got, tc.want)
			}
		}
	}
}
