//go:build apiserver

package app

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

// newAdmin returns a client for objects that make a namespace reject writes.
func newAdmin(t *testing.T, env *testenv.Env) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), admissionv1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fillQuota gives the namespace a quota of no runs and no limits. The test
// writes the status of the quota, because no controller counts the objects
// here.
func fillQuota(t *testing.T, admin client.Client, namespace string) {
	t.Helper()
	none := corev1.ResourceList{"count/taskruns.taskrun.dev": resource.MustParse("0"), "count/concurrencylimits.taskrun.dev": resource.MustParse("0")}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "none"}, Spec: corev1.ResourceQuotaSpec{Hard: none}}
	if err := admin.Create(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	quota.Status = corev1.ResourceQuotaStatus{Hard: none, Used: none}
	if err := admin.Status().Update(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
}

// denyAll creates a policy that denies every write of our kinds in the
// namespace.
func denyAll(t *testing.T, admin client.Client, namespace string, reason metav1.StatusReason) {
	t.Helper()
	everything := []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Rule:       admissionv1.Rule{APIGroups: []string{"taskrun.dev"}, APIVersions: []string{"*"}, Resources: []string{"*", "*/status"}},
	}}}
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: namespace}, Spec: admissionv1.ValidatingAdmissionPolicySpec{
		FailurePolicy:    new(admissionv1.Fail),
		MatchConstraints: &admissionv1.MatchResources{ResourceRules: everything},
		Validations:      []admissionv1.Validation{{Expression: "false", Message: "nothing is taken here", Reason: &reason}},
	}}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: namespace}, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}}},
	}}
	if err := errors.Join(admin.Create(t.Context(), policy), admin.Create(t.Context(), binding)); err != nil {
		t.Fatal(err)
	}
}

// A permanent rejection by a real API server is returned with its text.
func TestREST_returnsPermanentRejectionsOfTheAPIServer(t *testing.T) {
	env := testenv.Start(t)
	admin := newAdmin(t, env)
	cases := map[string]struct {
		namespace func() string
		change    func(t *testing.T, namespace string)
		moves     bool // an existing run can still be changed
		want      int
		wantWords string
	}{
		"a missing namespace": {
			namespace: func() string { return "never-made" }, change: func(*testing.T, string) {},
			want: http.StatusNotFound, wantWords: `namespaces \"never-made\" not found`,
		},
		"a terminating namespace": {
			change: func(t *testing.T, namespace string) {
				t.Helper()
				if err := admin.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
					t.Fatal(err)
				}
			},
			moves: true, want: http.StatusForbidden, wantWords: "because it is being terminated",
		},
		"a quota": {
			change: func(t *testing.T, namespace string) { t.Helper(); fillQuota(t, admin, namespace) },
			moves:  true, want: http.StatusForbidden, wantWords: "exceeded quota: none",
		},
		"a policy with the reason Forbidden": {
			change: func(t *testing.T, namespace string) {
				t.Helper()
				denyAll(t, admin, namespace, metav1.StatusReasonForbidden)
			},
			want: http.StatusForbidden, wantWords: "nothing is taken here",
		},
		"a policy with the reason Invalid": {
			change: func(t *testing.T, namespace string) {
				t.Helper()
				denyAll(t, admin, namespace, metav1.StatusReasonInvalid)
			},
			want: http.StatusForbidden, wantWords: "nothing is taken here",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			namespace, id := "", ""
			if tc.namespace != nil {
				namespace = tc.namespace()
			} else {
				namespace = env.Namespace(t)
			}
			p := start(t, env.Config, namespace, nil)
			if tc.namespace == nil {
				id = submit(t, p, "task", "there")
			}
			tc.change(t, namespace)
			rejects := func(path, body string) {
				var status int
				var answer string
				eventually(t, path+" is rejected", func() bool { // a policy and a quota take effect after a moment
					status, answer = call(t, http.MethodPost, p.url()+path, strings.ReplaceAll(body, "#", uuid.NewString()))
					return status == tc.want && strings.HasPrefix(answer, `{"detail":"`) && strings.Contains(answer, tc.wantWords)
				}, func() { t.Logf("%d %s", status, answer) })
			}
			rejects("/task_runs/", `{"task_key":"k","dynamic_key":"#"}`)
			rejects("/v2/concurrency_limits/", `{"name":"#","limit":1}`)
			rejects("/concurrency_limits/", `{"tag":"#","concurrency_limit":1}`)
			if id == "" {
				return
			}
			status, answer := call(t, http.MethodPost, p.url()+"/task_runs/"+id+"/set_state", `{"state":{"type":"PENDING"}}`)
			if moved := status == http.StatusCreated; moved != tc.moves || (!moved && (status != tc.want || !strings.Contains(answer, tc.wantWords))) {
				t.Errorf("set_state: %d %s, want it done: %t", status, answer, tc.moves)
			}
		})
	}
}
