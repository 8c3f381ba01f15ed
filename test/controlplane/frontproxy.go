package controlplane

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"path/filepath"
	"time"
)

// frontProxyName is the name in the aggregation layer's certificate, and the only accepted one.
const frontProxyName = "front-proxy-client"

// frontProxy is the client certificate with which the aggregation layer forwards requests to other servers. Its
// authority signs nothing else.
type frontProxy struct {
	authorityFile, certFile, keyFile string
}

func loadFrontProxy(folder string) (frontProxy, error) {
	p := frontProxy{
		authorityFile: filepath.Join(folder, "front-proxy-ca.crt"),
		certFile:      filepath.Join(folder, "front-proxy-client.crt"), keyFile: filepath.Join(folder, "front-proxy-client.key"),
	}
	if kept(p.authorityFile, p.certFile) {
		return p, nil
	}
	return p, p.write(time.Now())
}

// write creates both certificates. The authority's key is not kept, because nothing else is signed with it.
func (p *frontProxy) write(now time.Time) error {
	return writeSigned(signed{authorityFile: p.authorityFile, certFile: p.certFile, keyFile: p.keyFile}, "front-proxy-ca", &x509.Certificate{
		Subject:  pkix.Name{CommonName: frontProxyName},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, now)
}

// args returns the arguments of kube-apiserver that make its aggregation layer use the certificates and publish them.
// The header of the UID exists since 1.32, behind a feature gate that is on from 1.33.
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
