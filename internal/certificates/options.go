// Package certificates has the certificate that the program's servers show: one
// of files, as a mounted Secret has them, or one that it makes for itself and
// keeps in a Secret.
package certificates

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"strings"
)

// Options say which certificate is shown.
type Options struct {
	CertFile, KeyFile string // of a certificate that somebody else makes; both or none

	SelfSigned  bool     // make one, with a CA of its own
	Secret      string   // where it is kept, in the program's own namespace
	CAConfigMap string   // where clients find the CA, in the same
	DNSNames    []string // that it is good for; none: those of the Service

	MinVersion uint16 // of TLS: tls.VersionTLS12 or tls.VersionTLS13
}

// DefaultOptions returns the options that hold when no flag is given: there is
// no certificate.
func DefaultOptions() Options {
	//nolint:gosec // the name of a Secret is no secret
	return Options{Secret: "taskrun-rest-tls", CAConfigMap: "taskrun-rest-ca", MinVersion: tls.VersionTLS12}
}

// Enabled tells whether there is to be a certificate.
func (o *Options) Enabled() bool { return o.SelfSigned || o.CertFile != "" }

// BindFlags lets flags set the options; what they hold now is the default.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.CertFile, "tls-cert-file", o.CertFile,
		"file with the certificate that REST and metrics are served with, and those between it and its CA; read again when it changes")
	fs.StringVar(&o.KeyFile, "tls-private-key-file", o.KeyFile, "file with its key")
	fs.BoolVar(&o.SelfSigned, "tls-self-signed", o.SelfSigned,
		"make that certificate, with a CA of its own, and keep it in a Secret; all replicas share it, and it is renewed in time")
	fs.StringVar(&o.Secret, "tls-secret", o.Secret, "name of that Secret, in the program's own namespace")
	fs.StringVar(&o.CAConfigMap, "tls-ca-configmap", o.CAConfigMap, "name of the ConfigMap, in the same, whose ca.crt is the CA that clients need")
	fs.Func("tls-dns-names", "names that it is good for, with commas between; by default those of the Service taskrun-rest, and localhost", func(text string) error {
		o.DNSNames = nil
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name != "" {
				o.DNSNames = append(o.DNSNames, name)
			}
		}
		return nil
	})
	fs.TextVar((*version)(&o.MinVersion), "tls-min-version", (*version)(&o.MinVersion), "the least version of TLS: 1.2 or 1.3")
}

// Validate tells what is wrong, naming the flag.
func (o *Options) Validate() error {
	var faults []error
	if (o.CertFile == "") != (o.KeyFile == "") {
		faults = append(faults, errors.New("--tls-cert-file and --tls-private-key-file belong together: give both or none"))
	}
	if o.SelfSigned && o.CertFile != "" {
		faults = append(faults, errors.New("--tls-self-signed and --tls-cert-file exclude each other: give one of them"))
	}
	if o.SelfSigned && (o.Secret == "" || o.CAConfigMap == "") {
		faults = append(faults, errors.New("--tls-self-signed needs --tls-secret and --tls-ca-configmap"))
	}
	return errors.Join(faults...)
}

// version is a version of TLS as people write it.
type version uint16

func (v *version) MarshalText() ([]byte, error) {
	if *v == tls.VersionTLS13 {
		return []byte("1.3"), nil
	}
	return []byte("1.2"), nil
}

func (v *version) UnmarshalText(text []byte) error {
	switch string(text) {
	case "1.2":
		*v = tls.VersionTLS12
	case "1.3":
		*v = tls.VersionTLS13
	default:
		return fmt.Errorf("must be 1.2 or 1.3, not %q", text)
	}
	return nil
}
