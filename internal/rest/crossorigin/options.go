package crossorigin

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Options select the web pages that can use the API.
type Options struct {
	AllowedHosts []string // accepted host names in the header Host, in addition to loopback, where callers are not authenticated
	CORSOrigins  []string // accepted origins of web pages, in addition to loopback

	CSRFProtection bool   // requests that change data need a token
	CSRFKeyFile    string // key of the tokens; "": a random key
}

// BindFlags adds the flags. The current values are the defaults.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.Func("rest-allowed-hosts", "comma-separated host names, without a port, that requests without authentication may name in the header Host, "+
		"in addition to localhost and loopback addresses", listFlag(&o.AllowedHosts))
	fs.Func("rest-cors-origins", "comma-separated origins, such as https://example.com, of the web pages that may use the REST API, "+
		"in addition to pages from loopback addresses; * allows all pages and needs --authentication=kubernetes", listFlag(&o.CORSOrigins))
	fs.BoolVar(&o.CSRFProtection, "rest-csrf-protection", o.CSRFProtection,
		"require a CSRF token for requests that change something; Prefect clients get one by themselves")
	fs.StringVar(&o.CSRFKeyFile, "rest-csrf-key-file", o.CSRFKeyFile,
		"file with the key of CSRF tokens, at least 32 bytes, the same for all replicas "+
			"(empty = a random key, whose tokens are valid only on this replica until it stops)")
}

// Validate returns an error that names the flags with invalid values.
func (o *Options) Validate() error {
	return errors.Join(o.validateHosts(), o.validateOrigins(), o.validateCSRF())
}

func (o *Options) validateHosts() error {
	for _, host := range o.AllowedHosts {
		if net.ParseIP(normalHost(host)) == nil && strings.ContainsAny(host, "/:*@ ") {
			return fmt.Errorf("--rest-allowed-hosts: %q must be a host name or an IP address, without scheme and port", host)
		}
	}
	return nil
}

func (o *Options) validateOrigins() error {
	for _, origin := range o.CORSOrigins {
		if _, err := parseOrigin(origin); err != nil && origin != anyOrigin {
			return fmt.Errorf("--rest-cors-origins: %q must be a scheme and a host such as https://example.com:8443, or *", origin)
		}
	}
	return nil
}

func (o *Options) validateCSRF() error {
	if o.CSRFKeyFile != "" && !o.CSRFProtection {
		return errors.New("--rest-csrf-key-file needs --rest-csrf-protection")
	}
	return nil
}

// CheckAuthentication rejects --rest-cors-origins=* if callers are not authenticated.
func (o *Options) CheckAuthentication(authenticated bool) error {
	if !authenticated && slices.Contains(o.CORSOrigins, anyOrigin) {
		return errors.New("--rest-cors-origins: with * every web page could do everything, because requests are not authenticated: " +
			"list the origins of the pages, such as http://localhost:3000, or set --authentication=kubernetes")
	}
	return nil
}

// listFlag returns a function for flag.Func that sets a comma-separated list.
func listFlag(to *[]string) func(string) error {
	return func(text string) error {
		*to = nil
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				*to = append(*to, item)
			}
		}
		return nil
	}
}
