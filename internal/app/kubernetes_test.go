package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

func TestConfig_errorNamesWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KUBECONFIG", filepath.Join(dir, "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("clusters: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ path, wantErr string }{
		"no kubeconfig":         {wantErr: "give --kubeconfig, set KUBECONFIG, or run inside a cluster"},
		"a missing kubeconfig":  {path: filepath.Join(dir, "none"), wantErr: "--kubeconfig: stat "},
		"an invalid kubeconfig": {path: broken, wantErr: "reading the kubeconfig: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := (&KubernetesOptions{Kubeconfig: tc.path}).Config()
			if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("error = %v, want %q", err, tc.wantErr)
			}
		})
	}
}

func TestCheckCluster(t *testing.T) {
	t.Parallel()
	answers := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/apis/taskrun.dev/v1alpha1" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	const list = `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"taskrun.dev/v1alpha1","resources":[{"name":"taskruns","kind":"TaskRun"}]}`
	const empty = `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"taskrun.dev/v1alpha1","resources":[]}`
	const forbidden = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"no entry","code":403}`
	cases := map[string]struct{ host, wantErr string }{
		"a cluster with our kinds is accepted":          {host: answers(http.StatusOK, list)},
		"a cluster without our group names the command": {host: answers(http.StatusNotFound, `{}`), wantErr: installCommand},
		"a cluster without our kind names the command":  {host: answers(http.StatusOK, empty), wantErr: installCommand},
		"a cluster that rejects the client":             {host: answers(http.StatusForbidden, forbidden), wantErr: "refused: no entry"},
		"an unreachable cluster":                        {host: gone.URL, wantErr: "cannot reach the Kubernetes API server at " + gone.URL},
		"a server that is not an API server":            {host: answers(http.StatusOK, "hello"), wantErr: "cannot reach the Kubernetes API server at http"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkCluster(t.Context(), &rest.Config{Host: tc.host})
			if tc.wantErr == "" {
				if err != nil {
					t.Errorf("error = %v, want none", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.wantErr) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error = %v, want one line with %q", err, tc.wantErr)
			}
		})
	}
}

func TestWithClientSettings_noRateLimitAndNoCompression(t *testing.T) {
	t.Parallel()
	given := &rest.Config{Host: "https://example.test", QPS: 5}
	got := withClientSettings(given)
	if got.QPS >= 0 || !got.DisableCompression || !strings.HasPrefix(got.UserAgent, "taskrun-operator/") {
		t.Errorf("QPS %v, no compression %v, user agent %q", got.QPS, got.DisableCompression, got.UserAgent)
	}
	if given.QPS != 5 {
		t.Error("the caller's configuration was changed")
	}
}
