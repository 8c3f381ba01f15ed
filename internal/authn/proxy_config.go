package authn

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/client-go/util/cert"
)

// The keys of the ConfigMap in which kube-apiserver publishes the configuration of its aggregation layer. The values of
// names and headers are JSON lists.
const (
	keyCA            = "requestheader-client-ca-file"
	keyNames         = "requestheader-allowed-names"
	keyUserHeaders   = "requestheader-username-headers"
	keyUIDHeaders    = "requestheader-uid-headers"
	keyGroupHeaders  = "requestheader-group-headers"
	keyExtraPrefixes = "requestheader-extra-headers-prefix"
	// keyUserCA is the CA of users' certificates, which may not set these headers.
	keyUserCA = "client-ca-file"
)

// errNoProxyCA means that the cluster has no aggregation layer, or has it without certificates.
var errNoProxyCA = errors.New("there is no " + keyCA)

// proxyConfig is one immutable version of the ConfigMap.
type proxyConfig struct {
	roots     *x509.CertPool
	names     []string // allowed common names of certificates; empty = all that the CAs have signed
	user, uid []string // header names, the first with a value counts
	group     []string // header names, all count
	extra     []string // prefixes of header names
}

// parseProxyConfig returns errNoProxyCA if data has no CA.
func parseProxyConfig(data map[string]string) (*proxyConfig, error) {
	if strings.TrimSpace(data[keyCA]) == "" {
		return nil, errNoProxyCA
	}
	authorities, err := cert.ParseCertsPEM([]byte(data[keyCA]))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", keyCA, err)
	}
	t := &proxyConfig{roots: x509.NewCertPool()}
	for _, authority := range authorities {
		t.roots.AddCert(authority)
	}
	err = errors.Join(
		readList(data, keyNames, &t.names),
		readList(data, keyUserHeaders, &t.user),
		readList(data, keyUIDHeaders, &t.uid),
		readList(data, keyGroupHeaders, &t.group),
		readList(data, keyExtraPrefixes, &t.extra),
	)
	switch {
	case err != nil:
		return nil, err
	case len(t.user) == 0:
		return nil, errors.New(keyUserHeaders + " names no header")
	case len(t.names) == 0 && sharesUserCA(authorities, data[keyUserCA]):
		return nil, fmt.Errorf("%s is empty and %s has a certificate of %s too, so every user with a certificate could "+
			"impersonate any other: set --requestheader-allowed-names of kube-apiserver", keyNames, keyCA, keyUserCA)
	default:
		return t, nil
	}
}

func readList(data map[string]string, key string, into *[]string) error {
	text, ok := data[key]
	if !ok || text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("reading %s: %w", key, err)
	}
	for i, value := range *into {
		(*into)[i] = strings.TrimSpace(value)
		if (*into)[i] == "" {
			return fmt.Errorf("reading %s: an empty value", key)
		}
	}
	return nil
}

// sharesUserCA reports whether one of the CAs also signs users' certificates.
func sharesUserCA(authorities []*x509.Certificate, users string) bool {
	rest := []byte(users)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return false
		}
		if slices.ContainsFunc(authorities, func(a *x509.Certificate) bool { return slices.Equal(a.Raw, block.Bytes) }) {
			return true
		}
	}
}
