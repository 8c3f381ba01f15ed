package certificates

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	clienttesting "k8s.io/client-go/testing"
	testingclock "k8s.io/utils/clock/testing"
)

func newScene(t *testing.T) (*scene, *fake.Clientset) {
	t.Helper()
	client := fake.NewClientset()
	return &scene{client: client, namespace: "ns", clock: testingclock.NewFakeClock(start), log: &logRecorder{}}, client
}

func TestSelfSigned_firstReplicaCreatesAndSecondReads(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	a := s.running(t)
	b := s.running(t)
	if !leafOf(t, a).Equal(leafOf(t, b)) {
		t.Error("two replicas have two certificates")
	}
	leaf := leafOf(t, b)
	want := []string{
		"127.0.0.1", "localhost", "taskrun-rest", "taskrun-rest.ns", "taskrun-rest.ns.svc", "taskrun-rest.ns.svc.cluster.local",
	}
	if diff := cmp.Diff(want, namesOf(leaf)); diff != "" {
		t.Error(diff)
	}
	for _, name := range want {
		if err := s.trusts(t, b, s.pool(t), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := b.NotAfter(); !got.Equal(start.Add(certificateLife)) {
		t.Errorf("it ends at %s", got)
	}
	secret := s.secret(t)
	if secret.Type != corev1.SecretTypeTLS || s.published(t) != 1 || string(secret.Data["ca.crt"]) != s.configMap(t).Data["ca.crt"] {
		t.Errorf("a Secret of type %s, %d CAs published", secret.Type, s.published(t))
	}
	if s.log.count(string(secret.Data["tls.key"])) != 0 || s.log.count("PRIVATE KEY") != 0 {
		t.Error("a key was logged")
	}
}

func TestSelfSigned_nothingIsWrittenWhenNothingIsDue(t *testing.T) {
	t.Parallel()
	s, client := newScene(t)
	a := s.running(t)
	client.ClearActions()
	s.clock.Step(240 * day) // two thirds of a year are 243
	mustLook(t, a)
	for _, action := range client.Actions() {
		if action.GetVerb() != "get" {
			t.Errorf("%s of %s", action.GetVerb(), action.GetResource().Resource)
		}
	}
}

// lateSecrets calls a function just before the first Secret is created.
type lateSecrets struct {
	typedcorev1.SecretInterface
	before func()
}

func (l *lateSecrets) Create(ctx context.Context, secret *corev1.Secret, o metav1.CreateOptions) (*corev1.Secret, error) {
	l.before()
	return l.SecretInterface.Create(ctx, secret, o)
}

func TestSelfSigned_racingReplicasAgreeOnOneCertificate(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	other, raced := s.replica(t), 0
	d := s.dependencies()
	d.Secrets = &lateSecrets{d.Secrets, func() {
		raced++
		if err := other.Load(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	o := DefaultOptions()
	o.SelfSigned = true
	a, err := New(o, d)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if raced != 1 || !leafOf(t, a).Equal(leafOf(t, other)) {
		t.Errorf("raced %d times; two certificates", raced)
	}
	if err := s.trusts(t, a, s.pool(t), "localhost"); err != nil {
		t.Error(err)
	}
}

func TestSelfSigned_conflictIsRetriedOnNewData(t *testing.T) {
	t.Parallel()
	for name, resource := range map[string]string{"of the Secret": "secrets", "of the ConfigMap": "configmaps"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newScene(t)
			a := s.running(t)
			s.ask(t, renewAuthority) // changes both objects
			writes := 0
			client.PrependReactor("update", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				writes++
				return writes == 1, nil, apierrors.NewConflict(schema.GroupResource{Resource: resource}, "x", errors.New("changed"))
			})
			mustLook(t, a)
			if writes != 2 || s.published(t) != 2 {
				t.Errorf("%d writes, %d CAs published", writes, s.published(t))
			}
		})
	}
}

func TestSelfSigned_certificateIsRenewedAfterTwoThirdsOfItsLife(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	a, b := s.running(t), s.running(t)
	first, bundle := leafOf(t, a), s.pool(t)
	s.clock.Step(244 * day)
	mustLook(t, a, b)
	if leafOf(t, a).Equal(first) || !leafOf(t, b).Equal(leafOf(t, a)) {
		t.Error("not renewed by the one and taken by the other")
	}
	if err := s.trusts(t, b, bundle, "localhost"); err != nil {
		t.Errorf("with the CA from before: %v", err)
	}
	if s.log.count("two thirds of its life are over") != 1 {
		t.Error("the reason is not logged once")
	}
}

func TestSelfSigned_expiredCertificateIsRenewedAtTheStart(t *testing.T) {
	t.Parallel()
	for name, years := range map[string]int{"after two years": 2, "after eight years, when the CA is old": 8, "after twenty, when it has ended": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newScene(t)
			s.running(t)
			s.clock.Step(time.Duration(years) * 365 * day)
			a := s.running(t)
			if err := s.trusts(t, a, s.pool(t), "localhost"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSelfSigned_startingReplicaSetsItsNames(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	before := s.running(t, "a.example", "b.example")
	after := s.running(t, "c.example", "a.example", "127.0.0.1")
	if diff := cmp.Diff([]string{"127.0.0.1", "a.example", "c.example"}, namesOf(leafOf(t, after))); diff != "" {
		t.Error(diff)
	}
	mustLook(t, before, after)
	if !leafOf(t, before).Equal(leafOf(t, after)) {
		t.Error("the replica from before does not put up with other names")
	}
	s.clock.Step(namesGracePeriod / 2)
	mustLook(t, before)
	if !leafOf(t, before).Equal(leafOf(t, after)) {
		t.Error("it is out of patience too soon")
	}
	s.clock.Step(namesGracePeriod) // no replica replaces it, so it is correct
	mustLook(t, before, before)
	if want := []string{"a.example", "b.example"}; !slices.Equal(namesOf(leafOf(t, before)), want) {
		t.Errorf("names %v after an hour, want %v", namesOf(leafOf(t, before)), want)
	}
}

func TestSelfSigned_bundleIsRepaired(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*corev1.ConfigMap){
		"emptied":                       func(c *corev1.ConfigMap) { c.Data = nil },
		"a bundle of another CA":        func(c *corev1.ConfigMap) { c.Data["ca.crt"] = "other" },
		"a bundle with additional text": func(c *corev1.ConfigMap) { c.Data["ca.crt"] += "more" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newScene(t)
			a := s.running(t)
			configMap := s.configMap(t)
			want := configMap.Data["ca.crt"]
			spoil(configMap)
			configMaps := client.CoreV1().ConfigMaps("ns")
			if _, err := configMaps.Update(t.Context(), configMap, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			mustLook(t, a)
			if got := s.configMap(t).Data["ca.crt"]; got != want {
				t.Errorf("published %q", got)
			}
			if err := configMaps.Delete(t.Context(), configMap.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			mustLook(t, a)
			if got := s.configMap(t).Data["ca.crt"]; got != want {
				t.Errorf("after it was deleted: %q", got)
			}
		})
	}
}

func TestSelfSigned_invalidSecretIsReportedAndNotChanged(t *testing.T) {
	t.Parallel()
	foreign := func(s *corev1.Secret) {
		delete(s.Data, "ca.crt")
		delete(s.Data, "ca.key")
	}
	const remove = `"kubectl -n ns delete secret taskrun-rest-tls"`
	for name, c := range map[string]struct {
		spoil func(*corev1.Secret)
		want  string
	}{
		"a certificate that is not PEM": {func(s *corev1.Secret) { s.Data["tls.crt"] = []byte("x") }, "is broken: tls.crt: holds no certificate"},
		"an invalid certificate": {
			func(s *corev1.Secret) {
				s.Data["tls.crt"] = []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
			},
			"is broken: tls.crt: x509",
		},
		"a key as the certificate":    {func(s *corev1.Secret) { s.Data["tls.crt"] = s.Data["tls.key"] }, "holds a EC PRIVATE KEY"},
		"an unrelated key":            {func(s *corev1.Secret) { s.Data["tls.key"] = s.Data["ca.key"] }, "tls.key is not the key of tls.crt"},
		"no key":                      {func(s *corev1.Secret) { s.Data["tls.key"] = nil }, "tls.key: holds no EC PRIVATE KEY"},
		"an invalid CA key":           {func(s *corev1.Secret) { s.Data["ca.key"] = []byte("x") }, "ca.key: holds no EC PRIVATE KEY"},
		"a CA key without its CA":     {func(s *corev1.Secret) { s.Data["ca.key"] = s.Data["tls.key"] }, "ca.key is the key of no CA in ca.crt"},
		"a certificate as the CA":     {func(s *corev1.Secret) { s.Data["ca.crt"], s.Data["ca.key"] = s.Data["tls.crt"], s.Data["tls.key"] }, "ca.key is the key of no CA"},
		"an empty CA":                 {func(s *corev1.Secret) { s.Data["ca.crt"] = nil }, "ca.crt: holds no certificate"},
		"an invalid next CA":          {func(s *corev1.Secret) { s.Data["ca-next.key"] = s.Data["ca.key"] }, "ca-next.key is the key of no CA"},
		"a foreign Secret without CA": {foreign, "was not created by this operator: it has no ca.crt; serve it from files (--tls-cert-file"},
		"a foreign Secret with CA":    {func(s *corev1.Secret) { delete(s.Data, "ca.key") }, "was not created by this operator: it has no ca.key"},
		"another type":                {func(s *corev1.Secret) { s.Type = corev1.SecretTypeOpaque }, "its type is Opaque, not kubernetes.io/tls"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := newScene(t)
			a := s.running(t)
			served := leafOf(t, a)
			s.change(t, c.spoil)
			before := s.secret(t)
			client.ClearActions()
			for what, err := range map[string]error{"at the start": s.replica(t).Load(t.Context()), "while running": look(t, a)} {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), remove) ||
					!strings.Contains(err.Error(), "ns/taskrun-rest-tls") {
					t.Errorf("%s: error %v, want one with %q and the command", what, err, c.want)
				}
			}
			if diff := cmp.Diff(before, s.secret(t)); diff != "" || !leafOf(t, a).Equal(served) {
				t.Errorf("it was changed, or the certificate in use: %s", diff)
			}
			if slices.ContainsFunc(client.Actions(), func(a clienttesting.Action) bool { return a.GetVerb() != "get" }) {
				t.Error("something was written")
			}
		})
	}
}

func TestSelfSigned_missingPermissionNamesTheRole(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"get", "create"} {
		for _, resource := range []string{"secrets", "configmaps"} {
			t.Run(verb+" "+resource, func(t *testing.T) {
				t.Parallel()
				s, client := newScene(t)
				client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "x", errors.New("no"))
				})
				err := s.replica(t).Load(t.Context())
				if err == nil || !strings.Contains(err.Error(), "certificates_role.yaml") || !apierrors.IsForbidden(err) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestSelfSigned_deletedSecretIsCreatedAgain(t *testing.T) {
	t.Parallel()
	s, client := newScene(t)
	a, b := s.running(t), s.running(t)
	first := leafOf(t, a)
	if err := client.CoreV1().Secrets("ns").Delete(t.Context(), "taskrun-rest-tls", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	mustLook(t, a, b)
	if leafOf(t, a).Equal(first) || !leafOf(t, a).Equal(leafOf(t, b)) {
		t.Error("no new certificate for both")
	}
	if err := s.trusts(t, a, s.pool(t), "localhost"); err != nil {
		t.Error(err)
	}
}
