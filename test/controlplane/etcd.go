package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// etcdTLS is the certificate of etcd and of its clients. Without it, every user of the machine, and every web page,
// could read all Secrets from etcd's port.
type etcdTLS struct{ signed }

func loadEtcdTLS(folder string) (etcdTLS, error) {
	e := etcdTLS{signed{
		authorityFile: filepath.Join(folder, "etcd-ca.crt"),
		certFile:      filepath.Join(folder, "etcd.crt"), keyFile: filepath.Join(folder, "etcd.key"),
	}}
	if kept(e.authorityFile, e.certFile) {
		return e, nil
	}
	return e, writeSigned(e.signed, "etcd-ca", &x509.Certificate{
		Subject: pkix.Name{CommonName: "etcd"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, time.Now())
}

// serverArgs returns the arguments of etcd: it serves only clients with the certificate, and only gRPC.
func (e *etcdTLS) serverArgs() []string {
	return []string{
		"--cert-file=" + e.certFile, "--key-file=" + e.keyFile,
		"--client-cert-auth", "--trusted-ca-file=" + e.authorityFile,
		"--enable-grpc-gateway=false",
	}
}

// clientArgs returns the arguments of kube-apiserver.
func (e *etcdTLS) clientArgs() []string {
	return []string{"--etcd-cafile=" + e.authorityFile, "--etcd-certfile=" + e.certFile, "--etcd-keyfile=" + e.keyFile}
}

// client returns a client with the certificate.
func (e *etcdTLS) client() (*http.Client, error) {
	certificate, err := tls.LoadX509KeyPair(e.certFile, e.keyFile)
	if err != nil {
		return nil, fmt.Errorf("load the certificate of etcd: %w", err)
	}
	authority, err := os.ReadFile(e.authorityFile)
	if err != nil {
		return nil, fmt.Errorf("load the authority of etcd: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("load the authority of etcd: no certificate in " + e.authorityFile)
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}, nil
}
