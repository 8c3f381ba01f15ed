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

// signedLife is the lifetime of certificates signed by an authority.
const signedLife = 365 * 24 * time.Hour

// signed are the files of a certificate, its key and the certificate of its authority.
type signed struct {
	authorityFile, certFile, keyFile string
}

// kept reports whether the files have valid certificates.
func kept(files ...string) bool {
	for _, path := range files {
		if certificates, err := os.ReadFile(path); err != nil || !stillGood(certificates) { //nolint:gosec // in the caller's folder
			return false
		}
	}
	return true
}

// writeSigned writes a certificate created from the template, and an authority that signs nothing else: its key is not
// kept.
func writeSigned(to signed, authorityName string, template *x509.Certificate, now time.Time) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate the key of %s: %w", authorityName, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate %s: %w", filepath.Base(to.keyFile), err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: authorityName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(signedLife),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	template.SerialNumber = big.NewInt(now.UnixNano() + 1)
	template.NotBefore, template.NotAfter = authority.NotBefore, authority.NotAfter
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(to.keyFile), err)
	}
	return errors.Join(
		os.WriteFile(to.keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}), 0o600),
		writeCertificate(to.authorityFile, authority, authority, &authorityKey.PublicKey, authorityKey),
		writeCertificate(to.certFile, template, authority, &key.PublicKey, authorityKey),
	)
}

func writeCertificate(path string, template, parent *x509.Certificate, of *ecdsa.PublicKey, by *ecdsa.PrivateKey) error {
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, of, by)
	if err != nil {
		return fmt.Errorf("making %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600)
}
