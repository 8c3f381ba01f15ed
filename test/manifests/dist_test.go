//go:build apiserver

package manifests

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// dist runs hack/dist.sh.
func dist(t *testing.T, what string, more ...string) ([]byte, error) {
	t.Helper()
	assets, err := controlplane.Assets(inRepository(t))
	if err != nil {
		t.Fatal(err)
	}
	return run(t, nil, inRepository(t, "hack", "dist.sh"), append([]string{what, filepath.Join(assets, "kubectl")}, more...)...)
}

// The packaged chart has all files that are links in the chart of the repository, and both name the image.
func TestDist_isComplete(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	for name, image := range map[string]string{
		"an image by its tag":          "registry.example:5000/team/operator:v1.2.3",
		"an image by tag and digest":   "registry.example/operator:v1.2.3@" + digest,
		"the image in config":          "",
		"an image in a local registry": "localhost:5000/operator:latest",
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			t.Setenv("DIST", folder)
			if output, err := dist(t, "all", image, "1.2.3"); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			text, err := os.ReadFile(filepath.Join(folder, "install.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			installed := decode(t, text)
			output, err := helm(t, "template", "any", filepath.Join(folder, "taskrun-operator-1.2.3.tgz"), "--namespace", home)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(plain(installed), plain(decode(t, output))); diff != "" {
				t.Errorf("install.yaml (-), chart (+):\n%s", diff)
			}
			want := cmp.Or(image, "taskrun-operator:latest")
			if got := at(t, installed[key("Deployment", home, manager)], container+"image"); got != want {
				t.Errorf("the image is %v, want %s", got, want)
			}
		})
	}
}

func TestDist_rejectsAnImageWithoutAVersion(t *testing.T) {
	t.Parallel()
	if output, err := dist(t, "manifests", "registry.example:5000/team/operator"); err == nil || !strings.Contains(err.Error(), "neither tag nor digest") {
		t.Errorf("got %v: %s", err, output)
	}
}

func TestDist_uninstallKeepsTheKinds(t *testing.T) {
	t.Parallel()
	output, err := dist(t, "without-kinds")
	if err != nil {
		t.Fatal(err)
	}
	want := kustomize(t, "config/default")
	for at, object := range want {
		if object.GetKind() == "CustomResourceDefinition" {
			delete(want, at)
		}
	}
	if diff := gocmp.Diff(want, decode(t, output)); diff != "" {
		t.Errorf("config/default without CRDs (-), what is removed (+):\n%s", diff)
	}
}
