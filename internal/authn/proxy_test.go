package authn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.certificate, a.key = certify(t, "ca", nil, x509.ExtKeyUsageAny)
	return a
}

// certify makes a certificate of an hour around noon; without an issuer it is a CA's own.
func certify(t *testing.T, name string, issuer *authority, usage x509.ExtKeyUsage) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, BasicConstraintsValid: true, IsCA: issuer == nil,
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.certificate, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// told is the ConfigMap as kube-apiserver writes it.
func told(ca string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: proxyNamespace, Name: proxyConfigMap},
		Data: map[string]string{
			"requestheader-client-ca-file": ca, "requestheader-allowed-names": `["front-proxy-client"]`,
			"requestheader-username-headers": `["X-Remote-User"]`, "requestheader-uid-headers": `["X-Remote-Uid"]`,
			"requestheader-group-headers": `["X-Remote-Group"]`, "requestheader-extra-headers-prefix": `["X-Remote-Extra-"]`,
		},
	}
}

func TestTheFrontProxyIsBelievedWithItsCertificateOnly(t *testing.T) {
	t.Parallel()
	ours, foreign := newAuthority(t), newAuthority(t)
	clock := &movableClock{now: noon}
	f, err := NewFrontProxy(t.Context(), fake.NewClientset(told(ours.pem())), clock, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string, issuer *authority, usage x509.ExtKeyUsage) *x509.Certificate {
		certificate, _ := certify(t, name, issuer, usage)
		return certificate
	}
	good := of("front-proxy-client", ours, x509.ExtKeyUsageClientAuth)
	cases := map[string]struct {
		certificate *x509.Certificate
		header      http.Header
		want        bool
	}{
		"the API server":                   {good, http.Header{"X-Remote-User": {"ann"}}, true},
		"somebody without a certificate":   {nil, http.Header{"X-Remote-User": {"ann"}}, false},
		"one of another CA":                {of("front-proxy-client", foreign, x509.ExtKeyUsageClientAuth), http.Header{"X-Remote-User": {"ann"}}, false},
		"another name of the CA":           {of("kubelet", ours, x509.ExtKeyUsageClientAuth), http.Header{"X-Remote-User": {"ann"}}, false},
		"a certificate for a server":       {of("front-proxy-client", ours, x509.ExtKeyUsageServerAuth), http.Header{"X-Remote-User": {"ann"}}, false},
		"the API server, who names nobody": {good, http.Header{}, false},
		"a header that is spelt otherwise": {good, http.Header{"X-Remote-Users": {"ann"}}, false},
	}
	for name, tc := range cases {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Header, r.TLS = tc.header, &tls.ConnectionState{}
		if tc.certificate != nil {
			r.TLS.PeerCertificates = []*x509.Certificate{tc.certificate}
		}
		if _, ok, err := f.Caller(r); ok != tc.want || err != nil {
			t.Errorf("%s: believed %t, %v, want %t", name, ok, err, tc.want)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{good}}
	r.Header = http.Header{
		"X-Remote-User": {"ann"}, "X-Remote-Uid": {"7"}, "X-Remote-Group": {"a", "b"}, "X-Remote-Extra-Example.com%2fscope": {"x", "y"},
	}
	got, _, _ := f.Caller(r)
	want := Caller{Name: "ann", UID: "7", Groups: []string{"a", "b"}, Extra: map[string][]string{"example.com/scope": {"x", "y"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("caller (-want +got):\n%s", diff)
	}
	clock.advance(2 * time.Hour)
	if _, ok, _ := f.Caller(r); ok {
		t.Error("a certificate that has ended is believed")
	}
	r.TLS = nil
	if _, ok, _ := f.Caller(r); ok {
		t.Error("plain HTTP is believed")
	}
}

func TestWithoutAnAggregationLayerThereIsNoFrontProxy(t *testing.T) {
	t.Parallel()
	noHeader := told(newAuthority(t).pem())
	noHeader.Data["requestheader-username-headers"] = ""
	broken := told(newAuthority(t).pem())
	broken.Data["requestheader-group-headers"] = "X-Remote-Group"
	for name, tc := range map[string]struct {
		client *fake.Clientset
		want   string
	}{
		"no ConfigMap":        {fake.NewClientset(), "--aggregation"},
		"no certificate":      {fake.NewClientset(told("")), "requestheader-client-ca-file"},
		"no header":           {fake.NewClientset(noHeader), "requestheader-username-headers"},
		"a list that is none": {fake.NewClientset(broken), "requestheader-group-headers"},
	} {
		_, err := NewFrontProxy(t.Context(), tc.client, &movableClock{now: noon}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error naming %s", name, err, tc.want)
		}
	}
}

func TestTheFrontProxyKeepsUpWithANewCA(t *testing.T) {
	t.Parallel()
	before, after := newAuthority(t), newAuthority(t)
	client := fake.NewClientset(told(before.pem()))
	f, err := NewFrontProxy(t.Context(), client, &movableClock{now: noon}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().ConfigMaps(proxyNamespace).Update(t.Context(), told(after.pem()), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := f.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	certificate, _ := certify(t, "front-proxy-client", after, x509.ExtKeyUsageClientAuth)
	if !f.trust.knows([]*x509.Certificate{certificate}, noon) {
		t.Error("a certificate of the new CA is not known")
	}
}
