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

// The ConfigMap in which kube-apiserver publishes the configuration of its aggregation layer.
const (
	configNamespace = metav1.NamespaceSystem
	configName      = "extension-apiserver-authentication"
	// configResync is the resync period of the informer. Changes are seen at once.
	configResync = 12 * time.Hour
	// usualUserHeader is the default header of kube-apiserver.
	usualUserHeader = "X-Remote-User"
)

// FrontProxy identifies callers that kube-apiserver's aggregation layer forwards. The aggregation layer has authenticated
// them, and names them in headers of requests with its own client certificate. The ConfigMap
// kube-system/extension-apiserver-authentication has the names of the headers and the CA of the certificate. Until it is
// read, and after it is deleted, no proxy is trusted. An invalid ConfigMap is logged and ignored.
//
// FrontProxy is safe for concurrent use.
type FrontProxy struct {
	client kubernetes.Interface
	clock  clock.PassiveClock
	log    *slog.Logger
	config atomic.Pointer[proxyConfig] // nil: no proxy
}

// NewFrontProxy returns a front proxy that trusts no client until Start has read the ConfigMap.
func NewFrontProxy(client kubernetes.Interface, now clock.PassiveClock, log *slog.Logger) *FrontProxy {
	return &FrontProxy{client: client, clock: now, log: log}
}

// NeedLeaderElection is false: each replica has its own callers.
func (*FrontProxy) NeedLeaderElection() bool { return false }

// Start watches the ConfigMap until ctx ends. Without the permission it logs a warning and continues, because callers
// with tokens do not need the ConfigMap.
func (f *FrontProxy) Start(ctx context.Context) error {
	informer := coreinformers.NewFilteredConfigMapInformer(f.client, configNamespace, configResync, cache.Indexers{},
		func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, configName).String()
		})
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    f.read,
		UpdateFunc: func(_, changed any) { f.read(changed) },
		DeleteFunc: func(any) { f.clear(errNoProxyCA) },
	})
	if err == nil {
		err = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, _ *cache.Reflector, err error) {
			f.log.WarnContext(ctx, "cannot watch the configuration of the aggregation layer; a RoleBinding in kube-system to the Role "+
				"extension-apiserver-authentication-reader is needed", "configmap", configName, "error", err)
		})
	}
	if err != nil {
		return fmt.Errorf("watching ConfigMap %s/%s: %w", configNamespace, configName, err)
	}
	informer.RunWithContext(ctx)
	return nil
}

// read loads a ConfigMap.
func (f *FrontProxy) read(object any) {
	configMap, ok := object.(*corev1.ConfigMap)
	if !ok || configMap.Name != configName || configMap.Namespace != configNamespace {
		return
	}
	read, err := parseProxyConfig(configMap.Data)
	switch {
	case errors.Is(err, errNoProxyCA):
		f.clear(err)
	case err != nil:
		f.log.Error("the configuration of the aggregation layer is invalid; the previous one stays in use",
			"configmap", configName, "error", err)
	default:
		f.config.Store(read)
	}
}

func (f *FrontProxy) clear(why error) {
	if f.config.Swap(nil) != nil {
		f.log.Warn("the aggregation layer is not trusted anymore", "configmap", configName, "error", why)
	}
}

// ClientCAs returns the CAs of the aggregation layer's certificates, for tls.Config.ClientCAs in GetConfigForClient. It
// is empty, never nil, while none is known. Use it with tls.RequestClientCert: clients with another certificate can then
// still send a token, and Caller verifies each request by the current CAs, on existing connections too. With
// tls.VerifyClientCertIfGiven, a client with another certificate gets no connection.
func (f *FrontProxy) ClientCAs() *x509.CertPool {
	if t := f.config.Load(); t != nil {
		return t.roots
	}
	return x509.NewCertPool()
}

// Caller returns the caller of a request that the aggregation layer forwards. It returns false and no error for other
// requests: those without a client certificate, whatever their headers are, and those with another certificate and
// without such headers.
//
// It returns ErrUnauthenticated for such headers with another certificate, and for a request of the aggregation layer
// that names no caller. It returns ErrUnavailable for such headers with a certificate while the ConfigMap is not known.
// The request is not modified.
func (f *FrontProxy) Caller(r *http.Request) (Caller, bool, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return Caller{}, false, nil
	}
	t := f.config.Load()
	if t == nil {
		if r.Header.Get(usualUserHeader) == "" {
			return Caller{}, false, nil
		}
		return Caller{}, false, newError(ErrUnavailable, nil, "the configuration of the aggregation layer is not known: this server needs a RoleBinding in "+
			"namespace %s to the Role extension-apiserver-authentication-reader, and kube-apiserver a --requestheader-client-ca-file",
			configNamespace)
	}
	name := first(r.Header, t.user)
	err := t.verify(r.TLS.PeerCertificates, f.clock.Now())
	switch {
	case err != nil && name == "":
		return Caller{}, false, nil
	case err != nil:
		return Caller{}, false, newError(ErrUnauthenticated, err,
			"headers such as %s are accepted only from the aggregation layer of the Kubernetes API server, and this client "+
				"certificate is not its own: send a token instead", t.user[0])
	case name == "":
		return Caller{}, false, newError(ErrUnauthenticated, nil, "the aggregation layer named no caller in %s", t.user[0])
	default:
		return Caller{
			Name: name, UID: first(r.Header, t.uid), Groups: all(r.Header, t.group), Extra: extra(r.Header, t.extra),
		}, true, nil
	}
}

// verify returns an error if the first certificate is not one of the aggregation layer.
func (t *proxyConfig) verify(shown []*x509.Certificate, now time.Time) error {
	intermediates := x509.NewCertPool()
	for _, c := range shown[1:] {
		intermediates.AddCert(c)
	}
	_, err := shown[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: intermediates, CurrentTime: now,
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

// first returns the first value of the headers that is not empty.
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

// extra returns the values of headers with one of the prefixes, by the rest of the name in lower case. Characters that
// are invalid in header names are %-encoded there.
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
