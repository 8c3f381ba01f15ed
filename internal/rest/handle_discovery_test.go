package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
)

// vouching trusts a header, which only a test does.
type vouching struct{}

func (vouching) Caller(r *http.Request) (authn.Caller, bool, error) {
	switch user := r.Header.Get("Authorization"); {
	case user == "broken":
		return authn.Caller{}, false, fmt.Errorf("%w: no certificates to check with", authn.ErrUnavailable)
	case strings.HasPrefix(user, "user "):
		return authn.Caller{Name: strings.TrimPrefix(user, "user ")}, true, nil
	default:
		return authn.Caller{}, false, nil
	}
}

// aggregated is a server that gets requests from the API server.
func aggregated(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, withReviewer(&fakeReviewer{}), func(_ *Options, d *Dependencies) { d.Proxy = vouching{} })
}

func TestDiscovery_documents(t *testing.T) {
	t.Parallel()
	f := aggregated(t)
	read := func(path string, into any) {
		t.Helper()
		w := f.knock(t, http.MethodGet, path, "user somebody")
		if w.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
		}
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	var groups apiGroupList
	read("/apis", &groups)
	var group apiGroup
	read("/apis/rest.taskrun.dev", &group)
	if len(groups.Groups) != 1 || groups.Groups[0].Name != group.Name || group.PreferredVersion.GroupVersion != "rest.taskrun.dev/v1alpha1" {
		t.Errorf("groups %+v, group %+v", groups, group)
	}
	var resources apiResourceList
	read("/apis/rest.taskrun.dev/v1alpha1", &resources)
	for _, r := range resources.Resources {
		for _, verb := range r.Verbs {
			if verb == "list" || verb == "watch" || strings.HasPrefix(verb, "delete") {
				t.Errorf("%s can be said to %s: controllers would", r.Name, verb)
			}
		}
	}
	var index struct {
		Paths map[string]struct {
			URL string `json:"serverRelativeURL"`
		} `json:"paths"`
	}
	read("/openapi/v3", &index)
	var document struct {
		OpenAPI string                 `json:"openapi"`
		Servers []struct{ URL string } `json:"servers"`
	}
	read(index.Paths["apis/rest.taskrun.dev/v1alpha1"].URL, &document)
	if document.OpenAPI == "" || document.Servers[0].URL != "/apis/rest.taskrun.dev/v1alpha1/namespaces/default" {
		t.Errorf("document %+v", document)
	}
}

func TestAggregation_forwardedCallersAreAuthenticatedByTheAPIServer(t *testing.T) {
	t.Parallel()
	f := aggregated(t)
	const in = "/apis/rest.taskrun.dev/v1alpha1/namespaces/"
	cases := map[string]struct {
		path, show string
		want       int
	}{
		"a caller with the permission":              {in + "other/task_runs/count", "user list taskruns in other", 200},
		"a permission in another namespace":         {in + "other/task_runs/count", "user list taskruns in default", 403},
		"a request that is not from the API server": {in + "other/task_runs/count", "", 401},
		"a token is ignored":                        {in + "other/task_runs/count", "Bearer list taskruns in other", 401},
		"a failed review":                           {in + "other/task_runs/count", "broken", 503},
		"a forwarded caller on another path":        {"/api/task_runs/count", "user list taskruns in default", 401},
		"an invalid namespace":                      {in + "Other/task_runs/count", "user list taskruns in Other", 404},
		"an unknown document":                       {"/openapi/v2", "user somebody", 404},
		"discovery without a certificate":           {"/apis", "", 401},
	}
	for name, tc := range cases {
		if got := f.knock(t, http.MethodPost, tc.path, tc.show).Code; got != tc.want {
			t.Errorf("%s: status %d, want %d", name, got, tc.want)
		}
	}
	alone := guarded(t, &fakeReviewer{})
	if got := alone.knock(t, http.MethodGet, "/apis", "Bearer list taskruns in default").Code; got != http.StatusNotFound {
		t.Errorf("without the API server before it: status %d, want 404", got)
	}
}

// kube-apiserver responds with 502 to a redirect. Each path is served with and
// without a trailing slash.
func TestAggregation_forwardedRequestsAreNotRedirected(t *testing.T) {
	t.Parallel()
	f := aggregated(t)
	const base = "/apis/rest.taskrun.dev/v1alpha1/namespaces/default"
	ask := func(r *route, path string) (status int, body string) {
		t.Helper()
		right, known := access[r.method+" "+r.path]
		if !known || right == "known" || right == "open" {
			right = "get nothing"
		}
		w := f.knock(t, r.method, path, "user "+right+" in default")
		if location := w.Header().Get("Location"); w.Code/100 == 3 || location != "" {
			t.Errorf("%s %s: %d to %q", r.method, path, w.Code, location)
		}
		return w.Code, w.Body.String()
	}
	check := func(r *route, path string) {
		t.Helper()
		status, body := ask(r, path)
		if status == http.StatusNotFound && body == `{"detail":"Not Found"}` && r.serve == nil && r.path != "/docs/{asset}" {
			t.Fatalf("%s %s is not served", r.method, path)
		}
		paths := []string{path + "/", path + "//"}
		if bare := strings.TrimRight(path, "/"); bare != path {
			paths = []string{bare}
		}
		for _, other := range paths {
			gotStatus, gotBody := ask(r, other)
			if gotStatus != status || gotBody != body && r.path != "/docs" {
				t.Errorf("%s %s: %d %s, want %d %s as without the slashes", r.method, other, gotStatus, gotBody, status, body)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodHead} {
			ask(&route{method: method, path: r.path}, path+"/")
		}
	}
	for _, r := range table() {
		check(&r, base+anyParameter.ReplaceAllString(r.path, idUnknown))
	}
	for _, r := range discoveryRoutes() {
		check(&r, r.path)
	}
	check(&route{method: http.MethodGet, path: "/docs/start.js"}, base+"/docs/start.js")
	ask(&route{method: http.MethodGet}, base+"/nope/")
}

// The page loads its files from every path that it is served at.
func TestDocs_pageLoadsItsFilesWithAnyTrailingSlashes(t *testing.T) {
	t.Parallel()
	f := aggregated(t)
	for _, slashes := range []string{"", "/", "//"} {
		page := "http://api.test/apis/rest.taskrun.dev/v1alpha1/namespaces/other/docs" + slashes
		w := f.send(t, http.MethodGet, page, "", "Authorization", "user somebody")
		found := loadedByPage.FindAllStringSubmatch(w.Body.String(), -1)
		if len(found) != filesOfPage {
			t.Errorf("%s: %d loads %v, want every asset and the document", page, w.Code, found)
		}
		for _, match := range found {
			url := resolved(t, page, match[2])
			if got := f.send(t, http.MethodGet, url, "", "Authorization", "user somebody"); got.Code != http.StatusOK {
				t.Errorf("%s loads %s: %d %s", page, url, got.Code, got.Body)
			}
		}
	}
}
