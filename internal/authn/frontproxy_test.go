package authn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	testingclock "k8s.io/utils/clock/testing"
)

// issuer signs certificates.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newIssuer returns an authority signed by another one, or by itself.
func newIssuer(t *testing.T, name string, by *issuer) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: start.Add(-time.Hour), NotAfter: start.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	made := &issuer{key: key}
	if by == nil {
		by = &issuer{certificate: template, key: key}
	}
	made.certificate = signed(t, template, key, by)
	return made
}

func signed(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey, by *issuer) *x509.Certificate {
	t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, template, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// issue returns a certificate for a name, valid for an hour from the start.
func (i *issuer) issue(t *testing.T, name string, usage x509.ExtKeyUsage) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		NotBefore: start.Add(-time.Minute), NotAfter: start.Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}, key, i)
}

func (i *issuer) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Raw}))
}

// trustData is the ConfigMap of a cluster that was created by kubeadm.
func trustData(i *issuer) map[string]string {
	return map[string]string{
		keyCA: i.pem(), keyNames: `["front-proxy-client"]`, keyUserHeaders: `["X-Remote-User"]`, keyUIDHeaders: `["X-Remote-Uid"]`,
		keyGroupHeaders: `["X-Remote-Group"]`, keyExtraPrefixes: `["X-Remote-Extra-"]`,
	}
}

func trustMap(data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "extension-apiserver-authentication"}, Data: data}
}

func newProxy(data map[string]string) (*FrontProxy, *testingclock.FakeClock, *bytes.Buffer) {
	clock, log := testingclock.NewFakeClock(start), &bytes.Buffer{}
	f := NewFrontProxy(nil, clock, slog.New(slog.NewTextHandler(log, nil)))
	f.read(trustMap(data))
	return f, clock, log
}

func requestOf(t *testing.T, headers http.Header, certificates ...*x509.Certificate) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	for name, values := range headers {
		for _, value := range values {
			r.Header.Add(name, value)
		}
	}
	r.TLS = &tls.ConnectionState{PeerCertificates: certificates}
	return r
}

var asRoot = http.Header{"X-Remote-User": {"root"}, "X-Remote-Group": {"system:masters"}}

func TestCaller_forwardedByTheAggregationLayer(t *testing.T) {
	t.Parallel()
	root := newIssuer(t, "front proxies", nil)
	between := newIssuer(t, "between", root)
	leaf := root.issue(t, "front-proxy-client", x509.ExtKeyUsageClientAuth)
	far := between.issue(t, "front-proxy-client", x509.ExtKeyUsageClientAuth)
	several := trustData(root)
	several[keyUserHeaders], several[keyUIDHeaders] = `["X-User","X-Remote-User"]`, `["X-Uid","X-Remote-Uid"]`
	several[keyGroupHeaders], several[keyExtraPrefixes] = `["X-Remote-Group","X-Group"]`, `["X-Extra-","X-Remote-Extra-"]`
	anyName := trustData(root)
	anyName[keyNames] = `[]`
	full := http.Header{
		"X-Remote-User": {"ann"}, "X-Remote-Uid": {"1"}, "X-Remote-Group": {"g", "", "h"},
		"X-Remote-Extra-Example.org%2fpod": {"p", "q"}, "X-Remote-Extra-": {"no key"}, "X-Remote-Extra-Bad%zz": {"v"},
	}
	whole := Caller{
		Name: "ann", UID: "1", Groups: []string{"g", "h"},
		Extra: map[string][]string{"example.org/pod": {"p", "q"}, "bad%zz": {"v"}},
	}
	for name, test := range map[string]struct {
		data         map[string]string
		headers      http.Header
		certificates []*x509.Certificate
		want         Caller
	}{
		"all headers": {trustData(root), full, []*x509.Certificate{leaf}, whole},
		"only a name": {trustData(root), http.Header{"X-Remote-User": {"ann"}}, []*x509.Certificate{leaf}, Caller{Name: "ann"}},
		"an intermediate authority": {
			trustData(root), http.Header{"X-Remote-User": {"ann"}}, []*x509.Certificate{far, between.certificate}, Caller{Name: "ann"},
		},
		"any name if no names are listed": {anyName, http.Header{"X-Remote-User": {"ann"}}, []*x509.Certificate{leaf}, Caller{Name: "ann"}},
		"several headers": {
			several,
			http.Header{
				"X-User": {"ann"}, "X-Remote-User": {"bob"}, "X-Remote-Uid": {"2"}, "X-Group": {"h"}, "X-Remote-Group": {"g"},
				"X-Extra-K": {"v"}, "X-Remote-Extra-K": {"w"},
			},
			[]*x509.Certificate{leaf},
			Caller{Name: "ann", UID: "2", Groups: []string{"g", "h"}, Extra: map[string][]string{"k": {"v", "w"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _, log := newProxy(test.data)
			r := requestOf(t, test.headers, test.certificates...)
			got, ok, err := f.Caller(r)
			if err != nil || !ok {
				t.Fatalf("ok = %v, error = %v; log:\n%s", ok, err, log)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("caller (-want +got):\n%s", diff)
			}
			if len(r.Header) != len(test.headers) {
				t.Errorf("the request's headers are now %v", r.Header)
			}
		})
	}
}

func TestCaller_headersOfOthersAreNotTrusted(t *testing.T) {
	t.Parallel()
	root, other := newIssuer(t, "front proxies", nil), newIssuer(t, "front proxies", nil)
	good := root.issue(t, "front-proxy-client", x509.ExtKeyUsageClientAuth)
	named := root.issue(t, "somebody", x509.ExtKeyUsageClientAuth)
	serving := root.issue(t, "front-proxy-client", x509.ExtKeyUsageServerAuth)
	foreign := other.issue(t, "front-proxy-client", x509.ExtKeyUsageClientAuth)
	for name, test := range map[string]struct {
		headers      http.Header
		certificates []*x509.Certificate
		after        time.Duration
		wantErr      error // nil: no caller and no error
		wantCause    string
	}{
		"without a certificate":                            {headers: asRoot},
		"with a certificate of another authority":          {asRoot, []*x509.Certificate{foreign}, 0, ErrUnauthenticated, "unknown authority"},
		"with the valid certificate second":                {asRoot, []*x509.Certificate{foreign, good}, 0, ErrUnauthenticated, "unknown authority"},
		"with an expired certificate":                      {asRoot, []*x509.Certificate{good}, time.Hour + 1, ErrUnauthenticated, "expired"},
		"with a certificate of another name":               {asRoot, []*x509.Certificate{named}, 0, ErrUnauthenticated, `of "somebody"`},
		"with a certificate for servers":                   {asRoot, []*x509.Certificate{serving}, 0, ErrUnauthenticated, "usage"},
		"with another certificate and without the headers": {http.Header{"Authorization": {"Bearer t"}}, []*x509.Certificate{foreign}, 0, nil, ""},
		"with a valid certificate and without a user":      {http.Header{"X-Remote-Group": {"g"}}, []*x509.Certificate{good}, 0, ErrUnauthenticated, ""},
		"with a valid certificate and an empty name":       {http.Header{"X-Remote-User": {""}}, []*x509.Certificate{good}, 0, ErrUnauthenticated, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, clock, _ := newProxy(trustData(root))
			clock.Step(test.after)
			got, ok, err := f.Caller(requestOf(t, test.headers, test.certificates...))
			if diff := cmp.Diff(Caller{}, got); diff != "" || ok {
				t.Errorf("ok = %v, caller (-want +got):\n%s", ok, diff)
			}
			if test.wantErr == nil {
				if err != nil {
					t.Errorf("error = %v, want none", err)
				}
				return
			}
			wantKind(t, err, test.wantErr, "X-Remote-User")
			if test.wantCause != "" {
				if refusal, ok := errors.AsType[*Error](err); !ok || !strings.Contains(refusal.Cause().Error(), test.wantCause) {
					t.Errorf("error = %#v, want the cause %q", err, test.wantCause)
				}
			}
		})
	}
}

func TestCaller_isNotForwardedWithoutTLS(t *testing.T) {
	t.Parallel()
	f, _, _ := newProxy(trustData(newIssuer(t, "front proxies", nil)))
	r := requestOf(t, asRoot)
	r.TLS = nil
	if got, ok, err := f.Caller(r); ok || err != nil {
		t.Errorf("caller = %v, ok = %v, error = %v", got, ok, err)
	}
}

func TestCaller_noProxyIsTrustedBeforeTheConfigMapIsRead(t *testing.T) {
	t.Parallel()
	leaf := newIssuer(t, "front proxies", nil).issue(t, "front-proxy-client", x509.ExtKeyUsageClientAuth)
	f := NewFrontProxy(nil, testingclock.NewFakeClock(start), slog.New(slog.DiscardHandler))
	_, ok, err := f.Caller(requestOf(t, asRoot, leaf))
	if ok {
		t.Error("the caller was accepted")
	}
	wantKind(t, err, ErrUnavailable, "extension-apiserver-authentication-reader")
	if _, ok, err := f.Caller(requestOf(t, http.Header{"Authorization": {"Bearer t"}}, leaf)); ok || err != nil {
		t.Errorf("a caller with a certificate and a token: ok = %v, error = %v", ok, err)
	}
	if pool := f.ClientCAs(); pool == nil || !pool.Equal(x509.NewCertPool()) {
		t.Error("there are authorities of certificates before any is known, or the system's")
	}
}

func TestFrontProxy_appliesChangesOfTheConfigMap(t *testing.T) {
	t.Parallel()
	before, after := newIssuer(t, "front proxies", nil), newIssuer(t, "new front proxies", nil)
	with := func(key, value string) map[string]string {
		data := maps.Clone(trustData(after))
		data[key] = value
		return data
	}
	sharedAuthority := with(keyNames, "[]")
	sharedAuthority[keyUserCA] = before.pem() + after.pem()
	for name, test := range map[string]struct {
		data     map[string]string
		wantCAs  *issuer // nil: none
		wantSays string
	}{
		"another authority":                           {trustData(after), after, ""},
		"two authorities":                             {with(keyCA, after.pem()+before.pem()), after, ""},
		"no authority":                                {map[string]string{}, nil, "not trusted anymore"},
		"an empty authority":                          {with(keyCA, " \n"), nil, "not trusted anymore"},
		"an authority that is not a certificate":      {with(keyCA, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), before, keyCA},
		"names that are not a list":                   {with(keyNames, `front-proxy-client`), before, keyNames},
		"an empty name":                               {with(keyNames, `[" "]`), before, keyNames},
		"headers that are not a list":                 {with(keyUIDHeaders, `{}`), before, keyUIDHeaders},
		"an empty prefix, which matches every header": {with(keyExtraPrefixes, `[""]`), before, keyExtraPrefixes},
		"no header for the name":                      {with(keyUserHeaders, `[]`), before, keyUserHeaders},
		"any name, if the authority also signs users": {sharedAuthority, before, "--requestheader-allowed-names"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _, log := newProxy(trustData(before))
			f.read(trustMap(test.data))
			for _, i := range []*issuer{before, after} {
				leaf := i.issue(t, "front-proxy-client", x509.ExtKeyUsageClientAuth)
				_, ok, err := f.Caller(requestOf(t, asRoot, leaf))
				want := i == test.wantCAs || name == "two authorities"
				if ok != want {
					t.Errorf("a certificate of the %s: ok = %v, want %v; error = %v", i.certificate.Subject, ok, want, err)
				}
			}
			if !strings.Contains(log.String(), test.wantSays) || test.wantSays == "" && log.Len() > 0 {
				t.Errorf("log = %q, want one that says %q", log, test.wantSays)
			}
		})
	}
}

func TestFrontProxy_ignoresOtherConfigMaps(t *testing.T) {
	t.Parallel()
	f, _, _ := newProxy(nil)
	for _, other := range []runtime.Object{
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "other"}, Data: trustData(newIssuer(t, "a", nil))},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: configName}, Data: trustData(newIssuer(t, "a", nil))},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: configName}},
	} {
		f.read(other)
	}
	if f.config.Load() != nil {
		t.Error("something else was read")
	}
}

func TestStart_followsTheConfigMap(t *testing.T) {
	t.Parallel()
	first, second := newIssuer(t, "first", nil), newIssuer(t, "second", nil)
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset(trustMap(trustData(first)))
		f := NewFrontProxy(client, testingclock.NewFakeClock(start), slog.New(slog.DiscardHandler))
		if f.NeedLeaderElection() {
			t.Error("only the leader would know its callers")
		}
		ended := make(chan error, 1)
		go func() { ended <- f.Start(t.Context()) }()
		wantCAs := func(state string, want ...*issuer) {
			t.Helper()
			synctest.Wait()
			pool := x509.NewCertPool()
			for _, i := range want {
				pool.AddCert(i.certificate)
			}
			if !f.ClientCAs().Equal(pool) {
				t.Errorf("the authorities are not those that are %s", state)
			}
		}
		configMaps := client.CoreV1().ConfigMaps("kube-system")
		wantCAs("there at the start", first)
		if _, err := configMaps.Update(t.Context(), trustMap(trustData(second)), metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		wantCAs("there after a change", second)
		if err := configMaps.Delete(t.Context(), configName, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		wantCAs("there after it is gone")
		if _, err := configMaps.Create(t.Context(), trustMap(trustData(first)), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		wantCAs("there when it is back", first)
		go func() {
			if err := <-ended; err != nil {
				t.Errorf("Start ended with %v", err)
			}
		}()
	})
}

func TestStart_logsMissingPermissionAndContinues(t *testing.T) {
	t.Parallel()
	root := newIssuer(t, "front proxies", nil)
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset(trustMap(trustData(root)))
		denied := true
		client.PrependReactor("list", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
			defer func() { denied = false }()
			return denied, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, configName, errors.New("no"))
		})
		log := &bytes.Buffer{}
		f := NewFrontProxy(client, testingclock.NewFakeClock(start), slog.New(slog.NewTextHandler(log, nil)))
		go func() {
			if err := f.Start(t.Context()); err != nil {
				t.Errorf("Start ended with %v", err)
			}
		}()
		synctest.Wait()
		if !strings.Contains(log.String(), "extension-apiserver-authentication-reader") {
			t.Errorf("log = %q, want what is needed", log)
		}
		if f.config.Load() != nil {
			t.Error("something was read without permission")
		}
		<-time.After(time.Minute) // in the bubble, it takes no time
		synctest.Wait()
		if f.config.Load() == nil {
			t.Error("nothing was read when permission was there")
		}
	})
}
