package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"
)

func TestFrontProxy_certificateIsSignedByItsAuthority(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, err := loadFrontProxy(folder)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(first.certFile, first.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(first.authorityFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		t.Fatal("the authority is no certificate")
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		t.Errorf("a server cannot verify it: %v", err)
	}
	if pair.Leaf.Subject.CommonName != frontProxyName {
		t.Errorf("it is of %q", pair.Leaf.Subject)
	}
	if _, err := loadFrontProxy(folder); err != nil {
		t.Fatal(err)
	}
	again, err := tls.LoadX509KeyPair(first.certFile, first.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if !again.Leaf.Equal(pair.Leaf) {
		t.Error("a second start made another certificate")
	}
}

func TestFrontProxy_certificatesAreRenewedTogether(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p, err := loadFrontProxy(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.write(time.Now().Add(-signedLife)); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(p.authorityFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadFrontProxy(folder); err != nil {
		t.Fatal(err)
	}
	renewed, err := os.ReadFile(p.authorityFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) == string(renewed) {
		t.Error("the authority that ends now is kept")
	}
	if client, err := os.ReadFile(p.certFile); err != nil || !stillGood(client) {
		t.Errorf("the client's certificate is not renewed; error = %v", err)
	}
}
