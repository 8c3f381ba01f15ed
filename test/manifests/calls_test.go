//go:build apiserver

package manifests

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// call is a request to the API server, in the terms of RBAC.
type call struct {
	verb      string
	group     string // of a resource
	resource  string // with its subresource: taskruns/status
	namespace string
	name      string
	path      string // non-resource path, otherwise empty
	status    int
}

// recorder is a proxy of an API server that records requests.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

// record starts a proxy of the API server. Its requests have the identity of the configuration.
func record(t *testing.T, config *rest.Config) *recorder {
	t.Helper()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // events of a watch are passed on at once
		ModifyResponse: func(response *http.Response) error {
			made := parseCall(response.Request)
			made.status = response.StatusCode
			r.mu.Lock()
			defer r.mu.Unlock()
			r.calls = append(r.calls, made)
			return nil
		},
	}
	r.Server = httptest.NewServer(proxy)
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func (r *recorder) made() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// parseCall parses a request as the API server does:
// /apis/GROUP/VERSION[/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]].
func parseCall(request *http.Request) call {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	made := call{}
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		made.group, parts = parts[1], parts[3:]
	default:
		return call{verb: strings.ToLower(request.Method), path: request.URL.Path}
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		made.namespace, parts = parts[1], parts[2:]
	}
	made.resource = parts[0]
	if len(parts) > 1 {
		made.name = parts[1]
		if made.resource == "namespaces" { // a Role in the namespace applies to the namespace itself
			made.namespace = made.name
		}
	}
	if len(parts) > 2 {
		made.resource += "/" + parts[2]
	}
	query := request.URL.Query()
	made.verb = verbOf(request.Method, made.name, query.Get("watch"))
	// A list or watch of one object by its name is authorized as a request with this name.
	if name, one := strings.CutPrefix(query.Get("fieldSelector"), "metadata.name="); one && made.name == "" {
		made.name = name
	}
	return made
}

func verbOf(method, name, watch string) string {
	switch {
	case method == http.MethodGet && name != "":
		return "get"
	case method == http.MethodGet && (watch == "true" || watch == "1"):
		return "watch"
	case method == http.MethodGet:
		return "list"
	case method == http.MethodDelete && name == "":
		return "deletecollection"
	default:
		return map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]
	}
}

func TestParseCall_ofRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, url string
		want        call
	}{
		"a list of all namespaces":     {"GET", "/apis/taskrun.dev/v1alpha1/taskruns", call{verb: "list", group: "taskrun.dev", resource: "taskruns"}},
		"a watch in a namespace":       {"GET", "/apis/taskrun.dev/v1alpha1/namespaces/a/taskruns?watch=true", call{verb: "watch", group: "taskrun.dev", resource: "taskruns", namespace: "a"}},
		"a resource of the core group": {"GET", "/api/v1/namespaces/a/configmaps/b", call{verb: "get", resource: "configmaps", namespace: "a", name: "b"}},
		"a watch of one object":        {"GET", "/api/v1/namespaces/a/configmaps?watch=1&fieldSelector=metadata.name%3Db", call{verb: "watch", resource: "configmaps", namespace: "a", name: "b"}},
		"a write of a status":          {"PUT", "/apis/taskrun.dev/v1alpha1/namespaces/a/taskruns/b/status", call{verb: "update", group: "taskrun.dev", resource: "taskruns/status", namespace: "a", name: "b"}},
		"a patch":                      {"PATCH", "/apis/g/v1/namespaces/a/things/b", call{verb: "patch", group: "g", resource: "things", namespace: "a", name: "b"}},
		"making":                       {"POST", "/apis/g/v1/namespaces/a/things", call{verb: "create", group: "g", resource: "things", namespace: "a"}},
		"a deletion":                   {"DELETE", "/apis/g/v1/namespaces/a/things/b", call{verb: "delete", group: "g", resource: "things", namespace: "a", name: "b"}},
		"a deletion of a collection":   {"DELETE", "/apis/g/v1/namespaces/a/things", call{verb: "deletecollection", group: "g", resource: "things", namespace: "a"}},
		"a namespace by name":          {"GET", "/api/v1/namespaces/a", call{verb: "get", resource: "namespaces", namespace: "a", name: "a"}},
		"discovery":                    {"GET", "/apis/taskrun.dev/v1alpha1", call{verb: "get", path: "/apis/taskrun.dev/v1alpha1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parseCall(httptest.NewRequest(c.method, c.url, http.NoBody)); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
