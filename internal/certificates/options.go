package certificates

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// maxNames is the maximum number of names of a certificate.
const maxNames = 100

// The flags in error texts.
const (
	flagCertFile    = "--tls-cert-file"
	flagKeyFile     = "--tls-private-key-file"
	flagSelfSigned  = "--tls-self-signed"
	flagSecret      = "--tls-secret" //nolint:gosec // the name of a flag
	flagCAConfigMap = "--tls-ca-configmap"
	flagNames       = "--tls-dns-names"
)

// Options select the source of the serving certificate. Files and SelfSigned exclude
// each other. Without both there is no TLS.
type Options struct {
	// CertFile and KeyFile are paths of PEM files: the certificate followed by its
	// intermediate certificates, and its key. Either both are set or none.
	CertFile string
	KeyFile  string

	// SelfSigned creates a CA and a certificate at the first start, and renews them.
	SelfSigned bool
	// Secret is the name of the Secret in the operator's namespace that holds the CA
	// and certificate of SelfSigned.
	Secret string
	// CAConfigMap is the name of the ConfigMap in the same namespace in which clients
	// find the CA.
	CAConfigMap string
	// DNSNames are the DNS names and IP addresses of the certificate of SelfSigned,
	// at most 100; empty: those of DefaultNames.
	DNSNames []string

	// MinVersion is the minimum TLS version: tls.VersionTLS12 or tls.VersionTLS13.
	// The newest version that both sides support is used.
	MinVersion uint16
}

// DefaultOptions returns the defaults of the flags: no TLS.
func DefaultOptions() Options {
	return Options{Secret: "taskrun-rest-tls", CAConfigMap: "taskrun-rest-ca", MinVersion: tls.VersionTLS12} //nolint:gosec // the name of an object
}

// BindFlags registers flags for the options. The current values are the defaults.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.CertFile, "tls-cert-file", o.CertFile,
		"PEM file with the serving certificate; read again when it changes")
	fs.StringVar(&o.KeyFile, "tls-private-key-file", o.KeyFile, "PEM file with the private key of --tls-cert-file")
	fs.BoolVar(&o.SelfSigned, "tls-self-signed", o.SelfSigned,
		"create a CA and a serving certificate, store them in the Secret of --tls-secret and renew them")
	fs.StringVar(&o.Secret, "tls-secret", o.Secret,
		"Secret in the namespace of the operator with the certificates of --tls-self-signed")
	fs.StringVar(&o.CAConfigMap, "tls-ca-configmap", o.CAConfigMap,
		"ConfigMap in the namespace of the operator with the CA of --tls-self-signed, under the key ca.crt")
	fs.Func("tls-dns-names", "comma-separated DNS names and IP addresses of the certificate of --tls-self-signed "+
		"(empty = the names of the Service taskrun-rest, localhost and 127.0.0.1)", func(list string) error {
		o.DNSNames = nil
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				o.DNSNames = append(o.DNSNames, name)
			}
		}
		return nil
	})
	fs.Var((*minVersion)(&o.MinVersion), "tls-min-version", "minimum TLS version of clients: 1.2 or 1.3")
}

// Enabled reports whether TLS is configured.
func (o *Options) Enabled() bool { return o.SelfSigned || o.CertFile != "" || o.KeyFile != "" }

// Validate returns all errors, with the names of the flags.
func (o *Options) Validate() error {
	return errors.Join(o.checkFiles(), o.checkSelfSigned(), o.checkVersion())
}

func (o *Options) checkFiles() error {
	switch {
	case o.CertFile != "" && o.KeyFile == "":
		return fmt.Errorf("%s needs %s too, the key of that certificate", flagCertFile, flagKeyFile)
	case o.CertFile == "" && o.KeyFile != "":
		return fmt.Errorf("%s needs %s too, the certificate of that key", flagKeyFile, flagCertFile)
	case o.CertFile != "" && o.SelfSigned:
		return fmt.Errorf("%s and %s exclude each other: give the files, or let a certificate be made", flagCertFile, flagSelfSigned)
	}
	return nil
}

func (o *Options) checkSelfSigned() error {
	if !o.SelfSigned {
		if len(o.DNSNames) > 0 {
			return fmt.Errorf("%s is for the certificate that %s makes: give that flag too, or leave the names out", flagNames, flagSelfSigned)
		}
		return nil
	}
	problems := []error{checkObjectName(flagSecret, o.Secret), checkObjectName(flagCAConfigMap, o.CAConfigMap)}
	if len(o.DNSNames) > maxNames {
		problems = append(problems, fmt.Errorf("%s has %d names: at most %d are possible", flagNames, len(o.DNSNames), maxNames))
	}
	for _, name := range o.DNSNames {
		problems = append(problems, checkHost(name))
	}
	return errors.Join(problems...)
}

func checkObjectName(flagName, name string) error {
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return fmt.Errorf("%s: %q is not the name of an object: %s", flagName, name, problems[0])
	}
	return nil
}

func checkHost(name string) error {
	if net.ParseIP(name) != nil || len(validation.IsWildcardDNS1123Subdomain(name)) == 0 {
		return nil
	}
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return fmt.Errorf("%s: %q is neither a DNS name nor an IP address: %s", flagNames, name, problems[0])
	}
	return nil
}

func (o *Options) checkVersion() error {
	if o.MinVersion != tls.VersionTLS12 && o.MinVersion != tls.VersionTLS13 {
		return errors.New("--tls-min-version must be 1.2 or 1.3: older versions are broken")
	}
	return nil
}

// DefaultNames returns the names by which clients reach the operator of a namespace:
// those of its Service, and those of a forwarded port.
func DefaultNames(namespace string) []string {
	const service = "taskrun-rest"
	return []string{
		service + "." + namespace + ".svc", service + "." + namespace + ".svc.cluster.local",
		service + "." + namespace, service, "localhost", "127.0.0.1",
	}
}

// minVersion is a flag with a TLS version.
type minVersion uint16

// String returns the text of the flag.
func (v *minVersion) String() string {
	switch *v {
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS13:
		return "1.3"
	}
	return ""
}

// Set parses the text of the flag.
func (v *minVersion) Set(text string) error {
	switch text {
	case "1.2":
		*v = tls.VersionTLS12
	case "1.3":
		*v = tls.VersionTLS13
	default:
		return errors.New("must be 1.2 or 1.3")
	}
	return nil
}
