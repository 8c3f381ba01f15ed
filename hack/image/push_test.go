package main

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestPush_sendsTheBuiltImage(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		"a registry that lists referrers":    true,
		"a registry that supports only tags": false,
	}
	for title, referrers := range cases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrers), registry.Logger(log.New(io.Discard, "", 0))))
			t.Cleanup(server.Close)
			target := strings.TrimPrefix(server.URL, "http://") + "/some/operator:v1.2.3"
			d, _ := aDistribution(t, amd64, arm64)
			var out strings.Builder
			if err := run(t.Context(), []string{"push", "-out", d.folder, "-image", target}, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			want := digestOf(t, indexIn(t, d))
			if diff := cmp.Diff(target+"@"+want+"\n", out.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
			judgePushed(t, target, want)
		})
	}
}

// judgePushed checks the content of the registry.
func judgePushed(t *testing.T, target, want string) {
	t.Helper()
	tag, err := name.NewTag(target)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Index(tag, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if got := digestOf(t, pulled); got != want {
		t.Errorf("the registry has %s, want %s", got, want)
	}
	if err := validate.Index(pulled); err != nil {
		t.Errorf("the index in the registry is not valid: %v", err)
	}
	manifest, err := pulled.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range manifest.Manifests {
		referrers, err := remote.Referrers(tag.Context().Digest(entry.Digest.String()), remote.WithContext(t.Context()))
		if err != nil {
			t.Fatalf("%s: %v", entry.Platform, err)
		}
		list, err := referrers.IndexManifest()
		if err != nil || len(list.Manifests) != 1 {
			t.Errorf("%s: referrers %v, error %v, want the bill of materials", entry.Platform, list, err)
		}
	}
}

func TestPush_withoutAnImageNamesTheFix(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), []string{"push", "-out", t.TempDir(), "-image", "localhost:5000/operator:v1"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "image is not there: run make image first") {
		t.Errorf("error = %v", err)
	}
}
