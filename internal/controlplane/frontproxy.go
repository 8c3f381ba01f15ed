package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// frontProxyName is in the certificate that the aggregation layer shows, and the only one that it may have.
const frontProxyName = "front-proxy-client"

// frontProxyLife is how long its certificates are good.
const frontProxyLife = 365 * 24 * time.Hour

// frontProxy is what the aggregation layer shows to the servers that it sends requests on to: it vouches for callers
// with a certificate of an authority that signs nothing else.
type frontProxy struct {
	authorityFile, certFile, keyFile string
}

func loadFrontProxy(folder string) (frontProxy, error) {
	p := frontProxy{
		authorityFile: filepath.Join(folder, "front-proxy-ca.crt"),
		certFile:      filepath.Join(folder, "front-proxy-client.crt"), keyFile: filepath.Join(folder, "front-proxy-client.key"),
	}
	for _, path := range []string{p.authorityFile, p.certFile} {
		if kept, err := os.ReadFile(path); err != nil || !stillGood(kept) { //nolint:gosec // in the caller's folder
			return p, p.write(time.Now())
		}
	}
	return p, nil
}

// write makes both certificates. The authority's key is forgotten: it has nothing else to sign.
func (p *frontProxy) write(now time.Time) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of the front proxy's authority: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the key of the front proxy: %w", err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "front-proxy-ca"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(frontProxyLife),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	client := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: frontProxyName},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encoding the key of the front proxy: %w", err)
	}
	return errors.Join(
		os.WriteFile(p.keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}), 0o600),
		writeCertificate(p.authorityFile, authority, authority, &authorityKey.PublicKey, authorityKey),
		writeCertificate(p.certFile, client, authority, &key.PublicKey, authorityKey),
	)
}

func writeCertificate(path string, template, parent *x509.Certificate, of *ecdsa.PublicKey, by *ecdsa.PrivateKey) error {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, of, by)
	if err != nil {
		return fmt.Errorf("making %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600)
}

// args are those of kube-apiserver that make its aggregation layer show them, and publish how to know it. The header of the
// UID came with 1.32, behind a feature gate, which is on from 1.33.
func (p *frontProxy) args(server release) []string {
	args := []string{
		"--proxy-client-cert-file=" + p.certFile, "--proxy-client-key-file=" + p.keyFile,
		"--requestheader-client-ca-file=" + p.authorityFile, "--requestheader-allowed-names=" + frontProxyName,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
	}
	if server.atLeast(32) {
		args = append(args, "--requestheader-uid-headers=X-Remote-Uid")
	}
	if server == (release{1, 32}) {
		args = append(args, "--feature-gates=RemoteRequestHeaderUID=true")
	}
	return args
}
