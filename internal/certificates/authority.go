package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	servingLife   = 365 * 24 * time.Hour
	// overlap is how long clients are told of a new CA before it is used.
	overlap = 7 * 24 * time.Hour
	// backdated is by how much clocks of clients may be behind.
	backdated = time.Hour
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// kept is what a Secret holds.
type kept struct {
	serving         tls.Certificate
	authority, next *authority // next is nil most of the time
	bundle          []byte
}

// first is what a new Secret holds.
func first(now time.Time, names []string) (map[string][]byte, error) {
	a, err := newAuthority(now)
	if err != nil {
		return nil, err
	}
	data, err := a.issue(now, names)
	if err != nil {
		return nil, err
	}
	data[keyCA] = a.pem()
	data[keyCAKey], err = a.keyPEM()
	return data, err
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a CA: %w", err)
	}
	template, err := templateOf("taskrun-operator CA", now, authorityLife)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.NotBefore = now // what tells how long it has been published
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a CA: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key}, err
}

// templateOf is what certificates have in common. Serial numbers have 127 bits of
// chance (RFC 5280 §4.1.2.2 has room for 20 bytes).
func templateOf(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-backdated), NotAfter: now.Add(life),
	}, nil
}

// issue makes the certificate to show, and its key, as a Secret of TLS has them.
func (a *authority) issue(now time.Time, names []string) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	template, err := templateOf(names[0], now, servingLife)
	if err != nil {
		return nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames, template.IPAddresses = names, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if template.NotBefore.Before(a.certificate.NotBefore) {
		template.NotBefore = a.certificate.NotBefore
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	text, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{corev1.TLSCertKey: certificatePEM(der), corev1.TLSPrivateKeyKey: text}, nil
}

func (a *authority) pem() []byte             { return certificatePEM(a.certificate.Raw) }
func (a *authority) keyPEM() ([]byte, error) { return keyPEM(a.key) }

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// parse reads what a Secret holds, and sees that all of it fits together.
func parse(data map[string][]byte) (*kept, error) {
	serving, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("tls.crt and tls.key: %w", err)
	}
	k := &kept{serving: serving, bundle: data[keyCA]}
	if k.authority, err = parseAuthority(data[keyCA], data[keyCAKey]); err != nil {
		return nil, fmt.Errorf("%s and %s: %w", keyCA, keyCAKey, err)
	}
	if len(data[keyNextCA]) > 0 {
		if k.next, err = parseAuthority(data[keyNextCA], data[keyNextCAKey]); err != nil {
			return nil, fmt.Errorf("%s and %s: %w", keyNextCA, keyNextCAKey, err)
		}
	}
	if err := k.serving.Leaf.CheckSignatureFrom(k.authority.certificate); err != nil {
		return nil, fmt.Errorf("tls.crt is not of the CA in %s: %w", keyCA, err)
	}
	return k, nil
}

// parseAuthority reads a CA: the first certificate of a bundle, with its key.
func parseAuthority(certificates, key []byte) (*authority, error) {
	pair, err := tls.X509KeyPair(certificates, key)
	if err != nil {
		return nil, err
	}
	private, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key is no ECDSA key")
	}
	return &authority{pair.Leaf, private}, nil
}

// twoThirdsOver tells whether it is time for a new one.
func twoThirdsOver(c *x509.Certificate, now time.Time) bool {
	return now.After(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) * 2 / 3))
}
