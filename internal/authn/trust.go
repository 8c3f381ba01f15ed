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

// The keys of the ConfigMap in which kube-apiserver publishes how its aggregation layer vouches for callers. Those of
// names and headers hold JSON lists.
const (
	keyAuthority     = "requestheader-client-ca-file"
	keyNames         = "requestheader-allowed-names"
	keyUserHeaders   = "requestheader-username-headers"
	keyUIDHeaders    = "requestheader-uid-headers"
	keyGroupHeaders  = "requestheader-group-headers"
	keyExtraPrefixes = "requestheader-extra-headers-prefix"
	// keyUserAuthority is the authority of people's certificates, which do not vouch for others.
	keyUserAuthority = "client-ca-file"
)

// errNoTrust means that the cluster has no aggregation layer, or has it without certificates.
var errNoTrust = errors.New("there is no " + keyAuthority)

// trust is who may vouch for callers, and how: one state of the ConfigMap, never changed.
type trust struct {
	authorities *x509.CertPool
	names       []string // of certificates; none: all that the authorities have signed
	user, uid   []string // header names, the first with a value counts
	group       []string // header names, all count
	extra       []string // prefixes of header names
}

// readTrust returns errNoTrust if data names no authority.
func readTrust(data map[string]string) (*trust, error) {
	if strings.TrimSpace(data[keyAuthority]) == "" {
		return nil, errNoTrust
	}
	authorities, err := cert.ParseCertsPEM([]byte(data[keyAuthority]))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", keyAuthority, err)
	}
	t := &trust{authorities: x509.NewCertPool()}
	for _, authority := range authorities {
		t.authorities.AddCert(authority)
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
	case len(t.names) == 0 && signsUsers(authorities, data[keyUserAuthority]):
		return nil, fmt.Errorf("%s is empty and %s has a certificate of %s too, so every user with a certificate could say "+
			"that he is anybody: set --requestheader-allowed-names of kube-apiserver", keyNames, keyAuthority, keyUserAuthority)
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

// signsUsers tells whether one of the authorities is among those of people's certificates.
func signsUsers(authorities []*x509.Certificate, users string) bool {
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
