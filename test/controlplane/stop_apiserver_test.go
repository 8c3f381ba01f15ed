//go:build apiserver

package controlplane

import (
	"io"
	"net/http"
	"testing"

	"k8s.io/client-go/rest"
)

// By default, kube-apiserver waits up to a minute for watches to end, and would be killed before.
func TestKubeAPIServer_stopsInOrderDespiteWatches(t *testing.T) {
	t.Parallel()
	plane := started(t)
	watch(t, plane.Config())
	server := plane.server
	if err := plane.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if server.err != nil {
		t.Errorf("it ended with %v, want that it stopped by itself", server.err)
	}
}

// watch opens a watch that the client keeps open.
func watch(t *testing.T, config *rest.Config) {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.Host+"/api/v1/namespaces?watch=true", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the watch is answered %s", response.Status)
	}
	go func() { _, _ = io.Copy(io.Discard, response.Body) }()
}

// started starts a control plane that stops with the test.
func started(t *testing.T) *ControlPlane {
	t.Helper()
	root, err := Repository()
	if err != nil {
		t.Fatal(err)
	}
	assets, err := Assets(root)
	if err != nil {
		t.Fatal(err)
	}
	plane, err := Start(t.Context(), Options{Assets: assets, Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	return plane
}
