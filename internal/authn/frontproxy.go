package authn

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// The ConfigMap in which kube-apiserver says how its aggregation layer vouches for callers.
const (
	trustNamespace = metav1.NamespaceSystem
	trustName      = "extension-apiserver-authentication"
	// trustResync is how often what was read is read again from memory; changes are seen at once.
	trustResync = 12 * time.Hour
	// usualUserHeader is what kube-apiserver calls it where nothing else is configured.
	usualUserHeader = "X-Remote-User"
)

// FrontProxy knows callers whom kube-apiserver's aggregation layer sends on: it has authenticated them, and vouches for
// them with headers under a client certificate of its own. How it does so is read from the ConfigMap
// kube-system/extension-apiserver-authentication, and again whenever that changes; until it has been read, and after it
// is gone, no proxy is trusted. A ConfigMap that cannot be understood changes nothing and is logged.
//
// Its methods are for any number of goroutines.
type FrontProxy struct {
	client kubernetes.Interface
	clock  clock.PassiveClock
	log    *slog.Logger
	trust  atomic.Pointer[trust] // nil: no proxy
}

// NewFrontProxy returns a front proxy that trusts no client until Start has read the ConfigMap.
func NewFrontProxy(client kubernetes.Interface, now clock.PassiveClock, log *slog.Logger) *FrontProxy {
	return &FrontProxy{client: client, clock: now, log: log}
}

// NeedLeaderElection is false: each replica has its own callers.
func (*FrontProxy) NeedLeaderElection() bool { return false }

// Start watches the ConfigMap until ctx ends. It goes on without permission to, logging so, since callers with tokens do
// not need it.
func (f *FrontProxy) Start(ctx context.Context) error {
	informer := coreinformers.NewFilteredConfigMapInformer(f.client, trustNamespace, trustResync, cache.Indexers{},
		func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, trustName).String()
		})
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    f.read,
		UpdateFunc: func(_, changed any) { f.read(changed) },
		DeleteFunc: func(any) { f.forget(errNoTrust) },
	})
	if err == nil {
		err = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
			f.log.WarnContext(ctx, "watching how the aggregation layer vouches for callers; it needs a RoleBinding in kube-system "+
				"to the Role extension-apiserver-authentication-reader", "configmap", trustName, "error", err)
		})
	}
	if err != nil {
		return fmt.Errorf("watching ConfigMap %s/%s: %w", trustNamespace, trustName, err)
	}
	informer.RunWithContext(ctx)
	return nil
}

// read takes over what a ConfigMap says.
func (f *FrontProxy) read(object any) {
	configMap, ok := object.(*corev1.ConfigMap)
	if !ok || configMap.Name != trustName || configMap.Namespace != trustNamespace {
		return
	}
	read, err := readTrust(configMap.Data)
	switch {
	case errors.Is(err, errNoTrust):
		f.forget(err)
	case err != nil:
		f.log.Error("the aggregation layer's certificates and headers are not as they should be; what was known before still holds",
			"configmap", trustName, "error", err)
	default:
		f.trust.Store(read)
	}
}

func (f *FrontProxy) forget(why error) {
	if f.trust.Swap(nil) != nil {
		f.log.Warn("callers of the aggregation layer are not known any more", "configmap", trustName, "error", why)
	}
}

// ClientCAs returns the authorities of the aggregation layer's certificates, for tls.Config.ClientCAs in
// GetConfigForClient; it is empty, never nil, while none is known. Use it with tls.RequestClientCert: then clients learn
// whose certificates are wanted, those with another one can still show a token, and Caller verifies each request by the
// authorities of that moment, on old connections too. With tls.VerifyClientCertIfGiven a client with a certificate from
// elsewhere gets no connection at all.
func (f *FrontProxy) ClientCAs() *x509.CertPool {
	if t := f.trust.Load(); t != nil {
		return t.authorities
	}
	return x509.NewCertPool()
}

// Caller says for whom the aggregation layer vouches. It is false, with no error, for a request of anybody else: without
// a client certificate, whatever its headers say, or with another's and no such headers.
//
// It returns ErrUnauthenticated if somebody vouches who may not, or for nobody; ErrUnavailable if somebody vouches with
// a certificate while it is not known who may. The request is left as it is.
func (f *FrontProxy) Caller(r *http.Request) (Caller, bool, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return Caller{}, false, nil
	}
	t := f.trust.Load()
	if t == nil {
		if r.Header.Get(usualUserHeader) == "" {
			return Caller{}, false, nil
		}
		return Caller{}, false, refuse(ErrUnavailable, nil, "it is not known who may vouch for callers: this server needs a RoleBinding in "+
			"namespace %s to the Role extension-apiserver-authentication-reader, and kube-apiserver a --requestheader-client-ca-file",
			trustNamespace)
	}
	name := first(r.Header, t.user)
	err := t.verify(r.TLS.PeerCertificates, f.clock.Now())
	switch {
	case err != nil && name == "":
		return Caller{}, false, nil
	case err != nil:
		return Caller{}, false, refuse(ErrUnauthenticated, err,
			"headers such as %s are believed only of the Kubernetes API server's aggregation layer, and this client certificate is "+
				"not its own: send a token instead", t.user[0])
	case name == "":
		return Caller{}, false, refuse(ErrUnauthenticated, nil, "the aggregation layer did not say in %s who the caller is", t.user[0])
	default:
		return Caller{
			Name: name, UID: first(r.Header, t.uid), Groups: all(r.Header, t.group), Extra: extra(r.Header, t.extra),
		}, true, nil
	}
}

// verify says why the certificate, the first of those shown, may not vouch for callers.
func (t *trust) verify(shown []*x509.Certificate, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	_, err := shown[0].Verify(x509.VerifyOptions{
		Roots: t.authorities, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("verifying the client certificate: %w", err)
	}
	if name := shown[0].Subject.CommonName; len(t.names) > 0 && !slices.Contains(t.names, name) {
		return fmt.Errorf("the client certificate is of %q, allowed are %q", name, t.names)
	}
	return nil
}

// first returns the first value there is of the headers.
func first(h http.Header, names []string) string {
	for _, name := range names {
		if value := h.Get(name); value != "" {
			return value
		}
	}
	return ""
}

// all returns all values of the headers that are not empty.
func all(h http.Header, names []string) []string {
	var values []string
	for _, name := range names {
		for _, value := range h.Values(name) {
			if value != "" {
				values = append(values, value)
			}
		}
	}
	return values
}

// extra returns the values of headers with one of the prefixes, by what follows it: lower case, and %-encoded where it
// has characters that no header name has.
func extra(h http.Header, prefixes []string) map[string][]string {
	var found map[string][]string
	for _, header := range sortedKeys(h) {
		for _, prefix := range prefixes {
			if len(header) <= len(prefix) || !strings.EqualFold(header[:len(prefix)], prefix) {
				continue
			}
			key := strings.ToLower(header[len(prefix):])
			if decoded, err := url.PathUnescape(key); err == nil {
				key = decoded
			}
			if found == nil {
				found = map[string][]string{}
			}
			found[key] = append(found[key], h[header]...)
			break
		}
	}
	return found
}
