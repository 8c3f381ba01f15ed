package authn

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Where the API server tells extension servers how it shows itself to them, and
// for whom it asks. Every ServiceAccount may be given the right to read it by the
// Role extension-apiserver-authentication-reader.
const (
	proxyNamespace = metav1.NamespaceSystem
	proxyConfigMap = "extension-apiserver-authentication"
)

// proxyInterval is the time between two looks at that. Certificates are rotated
// with the old CA still in it for much longer.
const proxyInterval = time.Minute

// FrontProxy believes the API server's aggregation layer who asks: a request that
// comes with a client certificate of its CA and one of its names says so in its
// headers.
type FrontProxy struct {
	client kubernetes.Interface
	clock  Clock
	log    *slog.Logger

	mu    sync.RWMutex
	trust *trust
}

// trust is what the ConfigMap says. It does not change.
type trust struct {
	roots     *x509.CertPool
	names     []string // of certificates; none: any of the CA
	user, uid []string // names of headers, the first that is there counts
	groups    []string // all of them count
	extra     []string // prefixes of names of headers
}

// NewFrontProxy returns one that knows whom to trust already.
func NewFrontProxy(ctx context.Context, client kubernetes.Interface, clock Clock, log *slog.Logger) (*FrontProxy, error) {
	f := &FrontProxy{client: client, clock: clock, log: log}
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Start keeps up with changes until the context ends.
func (f *FrontProxy) Start(ctx context.Context) error {
	ticker := time.NewTicker(proxyInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := f.read(ctx); err != nil && ctx.Err() == nil {
			f.log.LogAttrs(ctx, slog.LevelWarn, "whom the API server passes requests on as could not be read again; what was known stays", slog.Any("error", err))
		}
	}
}

// NeedLeaderElection tells a manager that every replica does this.
func (f *FrontProxy) NeedLeaderElection() bool { return false }

func (f *FrontProxy) read(ctx context.Context) error {
	found, err := f.client.CoreV1().ConfigMaps(proxyNamespace).Get(ctx, proxyConfigMap, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the ConfigMap %s/%s, which --aggregation needs: %w", proxyNamespace, proxyConfigMap, err)
	}
	read, err := trustFrom(found)
	if err != nil {
		return fmt.Errorf("the ConfigMap %s/%s: %w", proxyNamespace, proxyConfigMap, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trust = read
	return nil
}

func trustFrom(found *corev1.ConfigMap) (*trust, error) {
	t := &trust{roots: x509.NewCertPool()}
	if !t.roots.AppendCertsFromPEM([]byte(found.Data["requestheader-client-ca-file"])) {
		return nil, errors.New("requestheader-client-ca-file holds no certificate: kube-apiserver runs without an aggregation layer")
	}
	for key, into := range map[string]*[]string{
		"requestheader-allowed-names": &t.names, "requestheader-username-headers": &t.user, "requestheader-uid-headers": &t.uid,
		"requestheader-group-headers": &t.groups, "requestheader-extra-headers-prefix": &t.extra,
	} {
		if text := found.Data[key]; text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	if len(t.user) == 0 {
		return nil, errors.New("requestheader-username-headers names no header")
	}
	return t, nil
}

// Caller is whom the API server asks for. ok is false if the request does not
// come from there: then nothing is believed that stands in it.
func (f *FrontProxy) Caller(r *http.Request) (caller Caller, ok bool, err error) {
	f.mu.RLock()
	t := f.trust
	f.mu.RUnlock()
	if r.TLS == nil || !t.knows(r.TLS.PeerCertificates, f.clock.Now()) {
		return Caller{}, false, nil
	}
	name := first(r.Header, t.user)
	if name == "" {
		return Caller{}, false, nil
	}
	caller = Caller{Name: name, UID: first(r.Header, t.uid), Extra: t.extraOf(r.Header)}
	for _, header := range t.groups {
		caller.Groups = append(caller.Groups, r.Header.Values(header)...)
	}
	return caller, true, nil
}

// knows tells whether a chain of certificates is the API server's.
func (t *trust) knows(chain []*x509.Certificate, now time.Time) bool {
	if len(chain) == 0 {
		return false
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil && (len(t.names) == 0 || slices.Contains(t.names, chain[0].Subject.CommonName))
}

func first(h http.Header, names []string) string {
	for _, name := range names {
		if value := h.Get(name); value != "" {
			return value
		}
	}
	return ""
}

// extraOf reads the headers whose names begin with a prefix; the rest of a name
// is the key, escaped as in a URL.
func (t *trust) extraOf(h http.Header) map[string][]string {
	var extra map[string][]string
	for name, values := range h {
		for _, prefix := range t.extra {
			if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
				continue
			}
			key, err := url.PathUnescape(strings.ToLower(name[len(prefix):]))
			if err != nil {
				continue
			}
			if extra == nil {
				extra = map[string][]string{}
			}
			extra[key] = append(extra[key], values...)
		}
	}
	return extra
}
