//go:build apiserver

package linearizability

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	kuberest "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// faultEvery: each kind of fault affects one of this number of status writes, on average.
const faultEvery = 48

// gateway is the path from a replica to the API server. It drops status writes, drops their responses, and sends them
// twice, as a load balancer does when it does not know whether the first one arrived.
type gateway struct {
	*httptest.Server
	next http.RoundTripper

	mu     sync.Mutex
	random *rand.Rand
	counts map[fault]int
}

type fault string

const (
	none         fault = "none"
	requestLost  fault = "request lost"
	responseLost fault = "response lost"
	sentTwice    fault = "sent twice"
)

var errLost = errors.New("lost by the test")

// newGateway starts a gateway, which is closed when the test ends.
func newGateway(t *testing.T, config *kuberest.Config, random *rand.Rand) *gateway {
	t.Helper()
	next, err := kuberest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{next: next, random: random, counts: map[fault]int{}}
	g.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     g,
		FlushInterval: -1, // watches
		// The connection breaks, as it does when a load balancer fails.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	t.Cleanup(func() {
		g.CloseClientConnections() // watches do not end by themselves
		g.Close()
	})
	return g
}

// kubeconfig writes a kubeconfig with the gateway's address and returns its path.
func (g *gateway) kubeconfig(t *testing.T) string {
	t.Helper()
	const name = "gateway"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: g.URL}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name}
	config.CurrentContext = name
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// draw returns the fault of the next write.
func (g *gateway) draw() fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := none
	if n := g.random.IntN(faultEvery); n < 3 {
		f = []fault{requestLost, responseLost, sentTwice}[n]
	}
	g.counts[f]++
	return f
}

// faults returns the number of writes by fault.
func (g *gateway) faults() map[fault]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts
}

// RoundTrip forwards a request to the API server. It applies a fault to a status write.
func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/taskruns/") {
		return g.next.RoundTrip(r)
	}
	f := g.draw()
	if f == none {
		return g.next.RoundTrip(r)
	}
	if f == requestLost {
		return nil, errLost
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	first, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, first.Body)
	_ = first.Body.Close()
	if f == responseLost {
		return nil, errLost
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return g.next.RoundTrip(r)
}
