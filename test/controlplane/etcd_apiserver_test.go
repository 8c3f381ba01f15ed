//go:build apiserver

package controlplane

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Any user of the machine, and any web page, can reach the port.
func TestEtcd_servesNoClientWithoutItsCertificate(t *testing.T) {
	t.Parallel()
	plane := started(t)
	known, err := plane.credentials.etcd.client()
	if err != nil {
		t.Fatal(err)
	}
	anyone := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	const everything = `{"key":"AA==","range_end":"AA=="}`
	post := func(client *http.Client, url string) (status int, answer string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(everything))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, ""
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	address := loopback(plane.etcdPort)
	for name, tc := range map[string]struct {
		client *http.Client
		url    string
		want   int // 0: no connection
	}{
		"in plain text":                     {http.DefaultClient, "http://" + address, 0},
		"without a certificate":             {anyone, "https://" + address, 0},
		"with it, through the JSON gateway": {known, "https://" + address, http.StatusNotFound},
	} {
		for _, path := range []string{"/v3/kv/range", "/v3/lease/leases", "/version", "/metrics"} {
			status, answer := post(tc.client, tc.url+path)
			if reads := strings.HasPrefix(path, "/v3/"); tc.want == 0 && status == http.StatusOK || reads && tc.want != 0 && status != tc.want {
				t.Errorf("%s: %s: %d %.100s", name, path, status, answer)
			}
		}
	}
}
