package certificates

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// The keys of the Secret. The first three are conventional.
const (
	keyCertificate = corev1.TLSCertKey       // the serving certificate
	keyPrivate     = corev1.TLSPrivateKeyKey // its key
	keyBundle      = "ca.crt"                // the CAs for clients to trust
	keyAuthority   = "ca.key"                // the key of the CA that signs
	keyNext        = "ca-next.key"           // the key of the CA that signs next, if there is one
)

// annotationRenew requests a renewal. It is removed afterwards.
const annotationRenew = "taskrun.dev/renew"

// The values of annotationRenew.
const (
	renewCertificate = "certificate"
	renewAuthority   = "ca"
)

// errForeign is the error about a Secret of another program.
var errForeign = errors.New("was not created by this operator")

// keyPair is the content of the Secret.
type keyPair struct {
	leaf    *x509.Certificate
	leafKey *ecdsa.PrivateKey
	signer  *authority
	next    *authority          // published, does not sign yet; nil = none
	old     []*x509.Certificate // published, does not sign anymore
	request string              // value of annotationRenew
}

// bundle returns the CAs that clients have to trust.
func (m *keyPair) bundle() []byte { return encodeCertificates(m.authorities()...) }

func (m *keyPair) authorities() []*x509.Certificate {
	certs := []*x509.Certificate{m.signer.cert}
	if m.next != nil {
		certs = append(certs, m.next.cert)
	}
	return append(certs, m.old...)
}

// certificate returns the serving certificate.
func (m *keyPair) certificate() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{m.leaf.Raw}, PrivateKey: m.leafKey, Leaf: m.leaf}
}

// write stores the key pair in a Secret. Other data of the Secret stays.
func (m *keyPair) write(secret *corev1.Secret) error {
	leafKey, err := encodeKey(m.leafKey)
	if err != nil {
		return err
	}
	signerKey, err := encodeKey(m.signer.key)
	if err != nil {
		return err
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	delete(secret.Data, keyNext)
	if m.next != nil {
		if secret.Data[keyNext], err = encodeKey(m.next.key); err != nil {
			return err
		}
	}
	secret.Data[keyCertificate], secret.Data[keyPrivate] = encodeCertificates(m.leaf), leafKey
	secret.Data[keyBundle], secret.Data[keyAuthority] = m.bundle(), signerKey
	if m.request == "" {
		delete(secret.Annotations, annotationRenew)
	}
	return nil
}

// read returns the key pair of a Secret. Content that write does not produce is an
// error, so that data of a user is never overwritten.
func read(secret *corev1.Secret) (*keyPair, error) {
	if secret.Type != corev1.SecretTypeTLS {
		return nil, fmt.Errorf("it %w: its type is %s, not %s", errForeign, secret.Type, corev1.SecretTypeTLS)
	}
	for _, key := range []string{keyBundle, keyAuthority} {
		if _, there := secret.Data[key]; !there {
			return nil, fmt.Errorf("it %w: it has no %s", errForeign, key)
		}
	}
	m := &keyPair{request: secret.Annotations[annotationRenew]}
	if err := m.readAuthorities(secret.Data); err != nil {
		return nil, err
	}
	if err := m.readCertificate(secret.Data); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *keyPair) readAuthorities(data map[string][]byte) (err error) {
	if m.old, err = decodeCertificates(data[keyBundle]); err != nil {
		return fmt.Errorf("%s: %w", keyBundle, err)
	}
	if m.signer, err = m.takeAuthority(keyAuthority, data[keyAuthority]); err != nil {
		return err
	}
	if text, there := data[keyNext]; there {
		m.next, err = m.takeAuthority(keyNext, text)
	}
	return err
}

// takeAuthority removes the CA of a key from old, and returns it.
func (m *keyPair) takeAuthority(name string, text []byte) (*authority, error) {
	key, err := decodeKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	i := slices.IndexFunc(m.old, func(cert *x509.Certificate) bool { return key.PublicKey.Equal(cert.PublicKey) })
	if i < 0 || !m.old[i].IsCA {
		return nil, fmt.Errorf("%s is the key of no CA in %s", name, keyBundle)
	}
	found := &authority{cert: m.old[i], key: key}
	m.old = slices.Delete(m.old, i, i+1)
	return found, nil
}

func (m *keyPair) readCertificate(data map[string][]byte) error {
	certs, err := decodeCertificates(data[keyCertificate])
	if err != nil {
		return fmt.Errorf("%s: %w", keyCertificate, err)
	}
	if m.leafKey, err = decodeKey(data[keyPrivate]); err != nil {
		return fmt.Errorf("%s: %w", keyPrivate, err)
	}
	m.leaf = certs[0]
	if !m.leafKey.PublicKey.Equal(m.leaf.PublicKey) {
		return fmt.Errorf("%s is not the key of %s", keyPrivate, keyCertificate)
	}
	if !slices.ContainsFunc(m.authorities(), func(ca *x509.Certificate) bool { return m.leaf.CheckSignatureFrom(ca) == nil }) {
		return fmt.Errorf("%s is signed by none of the CAs in %s", keyCertificate, keyBundle)
	}
	return nil
}
