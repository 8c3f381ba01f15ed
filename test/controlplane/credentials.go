package controlplane

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/util/cert"
)

// certificateSpare is the minimum remaining validity of a kept certificate. Otherwise it is created again.
const certificateSpare = 30 * 24 * time.Hour

// credentials are those of the API server and its administrator. They are kept in the data folder, so a kubeconfig is
// valid after a restart.
type credentials struct {
	certFile, keyFile  string
	serviceAccountFile string
	tokenFile          string
	certificate        []byte // PEM, leaf first, authority last
	token              string
	frontProxy         frontProxy
	etcd               etcdTLS
}

func loadCredentials(folder string) (*credentials, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder of credentials: %w", err)
	}
	c := &credentials{
		certFile: filepath.Join(folder, "apiserver.crt"), keyFile: filepath.Join(folder, "apiserver.key"),
		serviceAccountFile: filepath.Join(folder, "service-account.key"), tokenFile: filepath.Join(folder, "tokens.csv"),
	}
	proxy, err := loadFrontProxy(folder)
	c.frontProxy = proxy
	etcd, etcdErr := loadEtcdTLS(folder)
	c.etcd = etcd
	if err := errors.Join(err, etcdErr, c.loadCertificate(), c.loadServiceAccountKey(), c.loadToken()); err != nil {
		return nil, fmt.Errorf("preparing credentials: %w", err)
	}
	return c, nil
}

func (c *credentials) loadCertificate() error {
	kept, err := os.ReadFile(c.certFile)
	if err == nil && stillGood(kept) {
		c.certificate = kept
		return nil
	}
	crt, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"kubernetes.default.svc"})
	if err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	c.certificate = crt
	return errors.Join(os.WriteFile(c.keyFile, key, 0o600), os.WriteFile(c.certFile, crt, 0o600))
}

func stillGood(certificates []byte) bool {
	parsed, err := cert.ParseCertsPEM(certificates)
	if err != nil {
		return false
	}
	for _, one := range parsed {
		if time.Until(one.NotAfter) < certificateSpare {
			return false
		}
	}
	return true
}

func (c *credentials) loadServiceAccountKey() error {
	if _, err := os.Stat(c.serviceAccountFile); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("making the key of service accounts: %w", err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(c.serviceAccountFile, pem.EncodeToMemory(block), 0o600)
}

// loadToken loads or creates the static token of the administrator.
func (c *credentials) loadToken() error {
	kept, err := os.ReadFile(c.tokenFile)
	if err == nil {
		if token, _, found := strings.Cut(string(kept), ","); found {
			c.token = token
			return nil
		}
	}
	random := make([]byte, 24)
	_, _ = rand.Read(random) // cannot fail
	c.token = hex.EncodeToString(random)
	return os.WriteFile(c.tokenFile, []byte(c.token+",admin,admin,system:masters\n"), 0o600)
}
