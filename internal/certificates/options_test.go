package certificates

import (
	"crypto/tls"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(args ...string) (Options, error) {
	o := DefaultOptions()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.BindFlags(fs)
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	return o, o.Validate()
}

func TestBindFlags_setsTheOptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args        []string
		want        Options
		wantEnabled bool
	}{
		"no flags": {want: DefaultOptions()},
		"files": {
			args: []string{"--tls-cert-file=/tls/tls.crt", "--tls-private-key-file=/tls/tls.key", "--tls-min-version=1.3"},
			want: Options{
				CertFile: "/tls/tls.crt", KeyFile: "/tls/tls.key", MinVersion: tls.VersionTLS13,
				Secret: "taskrun-rest-tls", CAConfigMap: "taskrun-rest-ca",
			},
			wantEnabled: true,
		},
		"self-signed with names": {
			args: []string{
				"--tls-self-signed", "--tls-secret=s", "--tls-ca-configmap=c", "--tls-dns-names= a.example, *.b.example ,::1,",
				"--tls-min-version=1.2",
			},
			want: Options{
				SelfSigned: true, Secret: "s", CAConfigMap: "c", DNSNames: []string{"a.example", "*.b.example", "::1"},
				MinVersion: tls.VersionTLS12,
			},
			wantEnabled: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got.Enabled() != c.wantEnabled {
				t.Errorf("enabled %v", got.Enabled())
			}
		})
	}
}

func TestOptions_errorNamesTheFix(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a certificate without its key": {[]string{"--tls-cert-file=a"}, "--tls-cert-file needs --tls-private-key-file too"},
		"a key without its certificate": {[]string{"--tls-private-key-file=a"}, "--tls-private-key-file needs --tls-cert-file too"},
		"files and self-signed": {
			[]string{"--tls-cert-file=a", "--tls-private-key-file=b", "--tls-self-signed"},
			"--tls-cert-file and --tls-self-signed exclude each other",
		},
		"names without self-signed": {[]string{"--tls-dns-names=a"}, "--tls-dns-names is for the certificate that --tls-self-signed makes"},
		"an invalid name":           {[]string{"--tls-self-signed", "--tls-dns-names=a,b c"}, `--tls-dns-names: "b c" is neither a DNS name nor an IP address`},
		"too many names":            {[]string{"--tls-self-signed", "--tls-dns-names=" + strings.Repeat("a,", 101)}, "at most 100"},
		"a Secret without a name":   {[]string{"--tls-self-signed", "--tls-secret="}, `--tls-secret: "" is not the name of an object`},
		"a ConfigMap with a slash":  {[]string{"--tls-self-signed", "--tls-ca-configmap=a/b"}, `--tls-ca-configmap: "a/b" is not`},
		"an old version of TLS":     {[]string{"--tls-min-version=1.1"}, "must be 1.2 or 1.3"},
		"an invalid version":        {[]string{"--tls-min-version="}, "must be 1.2 or 1.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestMinVersion_isAtLeast12(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{0, tls.VersionTLS11} {
		o := DefaultOptions()
		o.MinVersion = version
		if o.Validate() == nil {
			t.Errorf("version %#x was taken", version)
		}
	}
}

func TestNew_needsFilesOrSelfSigned(t *testing.T) {
	t.Parallel()
	if _, err := New(DefaultOptions(), Dependencies{}); err == nil || !strings.Contains(err.Error(), "--tls-self-signed") {
		t.Errorf("error %v, want one that names the flags", err)
	}
	if _, err := New(Options{CertFile: "a"}, Dependencies{}); err == nil {
		t.Error("bad options were taken")
	}
}
