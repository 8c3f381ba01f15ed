//go:build apiserver

package certificates

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestRole_isSufficient uses the ServiceAccount with the installed Role.
func TestRole_isSufficient(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	admin, err := kubernetes.NewForConfig(env.Config)
	if err != nil {
		t.Fatal(err)
	}
	namespace := env.Namespace(t)
	config := rest.CopyConfig(env.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":controller-manager"}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{client: client, namespace: namespace, clock: testingclock.NewFakeClock(start), log: &logRecorder{}}
	if err := s.replica(t).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "certificates_role.yaml") {
		t.Errorf("without the Role: error %v, want one that names it", err)
	}
	var role rbacv1.Role
	var binding rbacv1.RoleBinding
	for file, object := range map[string]any{"certificates_role.yaml": &role, "certificates_role_binding.yaml": &binding} {
		text, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Fatal(err)
		}
	}
	role.Namespace, binding.Namespace, binding.Subjects[0].Namespace = namespace, namespace, namespace
	if _, err := admin.RbacV1().Roles(namespace).Create(t.Context(), &role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RbacV1().RoleBindings(namespace).Create(t.Context(), &binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	a := s.replica(t)
	await(t, "the Role to hold", func() bool { err = a.Load(t.Context()); return !apierrors.IsForbidden(err) })
	if err != nil {
		t.Fatal(err)
	}
	s.ask(t, renewAuthority)
	mustLook(t, a)
	if got := s.published(t); got != 2 {
		t.Errorf("%d CAs are published after a new one was asked for", got)
	}
}

// Replicas start at the same time, and get requests for renewals at the same time.
func TestReplicas_agreeOnARealAPIServer(t *testing.T) {
	t.Parallel()
	env := testenv.Start(t)
	config := rest.CopyConfig(env.Config)
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{client: client, namespace: env.Namespace(t), clock: testingclock.NewFakeClock(start), log: &logRecorder{}}
	var replicas []*Source
	for range 4 {
		replicas = append(replicas, s.replica(t))
	}
	together := func(do func(*Source) error) {
		t.Helper()
		var racing sync.WaitGroup
		for _, source := range replicas {
			racing.Go(func() {
				if err := do(source); err != nil {
					t.Error(err)
				}
			})
		}
		racing.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	together(func(source *Source) error { return source.Load(t.Context()) })
	pool := s.pool(t)
	looks := func(source *Source) error { return look(t, source) }
	for _, c := range []struct {
		what   string
		change func()
	}{
		{"after the start", func() {}},
		{"after a request", func() { s.ask(t, renewCertificate) }},
		{"after two thirds of it", func() { s.clock.Step(244 * day) }},
		{"after a request of a CA", func() { s.ask(t, renewAuthority) }},
	} {
		c.change()
		together(looks)
		together(looks) // those that polled before the one that created it
		for i, source := range replicas {
			if !leafOf(t, source).Equal(leafOf(t, replicas[0])) {
				t.Errorf("%s: replica %d has a certificate of its own", c.what, i)
			}
			if err := s.trusts(t, source, pool, "localhost"); err != nil {
				t.Errorf("%s: with the first CA: %v", c.what, err)
			}
		}
		if got := string(s.secret(t).Data["ca.crt"]); got != s.configMap(t).Data["ca.crt"] {
			t.Errorf("%s: another bundle is published than the Secret has", c.what)
		}
	}
	if got := s.log.count("created a CA and a serving certificate"); got != 1 {
		t.Errorf("made %d times", got)
	}
	if got := s.log.count("renewed the certificates"); got != 3 {
		t.Errorf("renewed %d times", got)
	}
	state, err := dial(t, listen(t, replicas[3]), &tls.Config{
		RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12, Time: func() time.Time { return s.clock.Now() },
	})
	if err != nil || state.Version != tls.VersionTLS13 {
		t.Errorf("version %#x, error %v", state.Version, err)
	}
}
