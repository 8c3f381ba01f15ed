package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// aDistribution writes images of both platforms to a new folder.
func aDistribution(t *testing.T, platforms ...v1.Platform) (d distribution, rows []row) {
	t.Helper()
	tag, err := name.NewTag("taskrun-operator:v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	d = distribution{folder: t.TempDir(), release: aRelease(), tag: tag}
	rows, err = d.write(someBuilds(t, platforms...))
	if err != nil {
		t.Fatal(err)
	}
	return d, rows
}

func someBuilds(t *testing.T, platforms ...v1.Platform) []platformBuild {
	t.Helper()
	var built []platformBuild
	for _, p := range platforms {
		built = append(built, platformBuild{platform: p, image: anImage(t, aRelease(), p), materials: []byte(`{"of": "` + p.String() + `"}`)})
	}
	return built
}

func indexIn(t *testing.T, d distribution) v1.ImageIndex {
	t.Helper()
	path, err := layout.FromPath(filepath.Join(d.folder, "image"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := readLayout(path)
	if err != nil {
		t.Fatal(err)
	}
	return found.index
}

func TestLayout_hasTheSelectedPlatforms(t *testing.T) {
	t.Parallel()
	cases := map[string][]v1.Platform{
		"both platforms": {amd64, arm64},
		"one platform":   {arm64},
	}
	for title, platforms := range cases {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			d, rows := aDistribution(t, platforms...)
			all := indexIn(t, d)
			if err := validate.Index(all); err != nil {
				t.Errorf("the index is not valid: %v", err)
			}
			manifest, err := all.IndexManifest()
			if err != nil {
				t.Fatal(err)
			}
			want, got := map[string]string{}, map[string]string{}
			for _, p := range platforms {
				want[p.String()] = digestOf(t, anImage(t, aRelease(), p))
			}
			for _, entry := range manifest.Manifests {
				got[entry.Platform.String()] = entry.Digest.String()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("digests by platform (-want +got):\n%s", diff)
			}
			if last := rows[len(rows)-1]; last.digest != digestOf(t, all) {
				t.Errorf("the table says %s, the index is %s", last.digest, digestOf(t, all))
			}
		})
	}
}

func TestWrite_replacesTheLayoutOfAnEarlierOne(t *testing.T) {
	t.Parallel()
	d, _ := aDistribution(t, amd64, arm64)
	both := digestOf(t, indexIn(t, d))
	if _, err := d.write(someBuilds(t, amd64)); err != nil {
		t.Fatal(err)
	}
	if digestOf(t, indexIn(t, d)) == both {
		t.Error("the index of the first write is still there")
	}
	if _, err := d.write(someBuilds(t, amd64, arm64)); err != nil {
		t.Fatal(err)
	}
	if got := digestOf(t, indexIn(t, d)); got != both {
		t.Errorf("the same images have the index %s, then %s", both, got)
	}
	left, err := filepath.Glob(filepath.Join(d.folder, ".image-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, error %v", left, err)
	}
}

func TestArchive_isTheImageOfItsPlatform(t *testing.T) {
	t.Parallel()
	d, _ := aDistribution(t, amd64, arm64)
	for _, p := range []v1.Platform{amd64, arm64} {
		loaded, err := tarball.ImageFromPath(filepath.Join(d.folder, "taskrun-operator-v1.2.3-linux-"+p.Architecture+".tar"), &d.tag)
		if err != nil {
			t.Fatalf("%s: loading the archive: %v", p, err)
		}
		want, err := anImage(t, aRelease(), p).ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		got, err := loaded.ConfigName()
		if err != nil || got != want {
			t.Errorf("%s: the archive has the configuration %v (error %v), want %v", p, got, err, want)
		}
		if err := validate.Image(loaded); err != nil {
			t.Errorf("%s: the image of the archive is not valid: %v", p, err)
		}
	}
}

func TestBillOfMaterials_refersToItsImage(t *testing.T) {
	t.Parallel()
	d, _ := aDistribution(t, amd64)
	path, err := layout.FromPath(filepath.Join(d.folder, "image"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := readLayout(path)
	if err != nil || len(found.bills) != 1 {
		t.Fatalf("%d bills of materials, error %v, want 1", len(found.bills), err)
	}
	manifest, err := found.bills[0].image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := manifest.Subject.Digest.String(), digestOf(t, anImage(t, aRelease(), amd64)); got != want {
		t.Errorf("subject %s, want the image %s", got, want)
	}
	if manifest.ArtifactType != "application/vnd.cyclonedx+json" {
		t.Errorf("artifact type %q", manifest.ArtifactType)
	}
	blob, err := path.Bytes(manifest.Layers[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	beside, err := os.ReadFile(filepath.Join(d.folder, "taskrun-operator-v1.2.3-linux-amd64.cdx.json"))
	if err != nil || !bytes.Equal(blob, beside) {
		t.Errorf("attached %q, beside the archive %q, error %v", blob, beside, err)
	}
}

func TestTable_namesEveryResult(t *testing.T) {
	t.Parallel()
	d, rows := aDistribution(t, amd64)
	var out strings.Builder
	if err := table(&out, d.folder, rows); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"linux/amd64", rows[0].digest, "taskrun-operator-v1.2.3-linux-amd64.tar", "index", rows[1].digest, " image\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

// program writes the module of a small program that prints the version set by the linker.
func program(t *testing.T) source {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{
		"go.mod":                       "module github.com/taskrun-dev/taskrun-operator\n\ngo 1.26.0\n",
		"cmd/taskrun-operator/main.go": "package main\n\nimport \"github.com/taskrun-dev/taskrun-operator/internal/version\"\n\nfunc main() { println(version.Say()) }\n",
		"internal/version/version.go": "package version\n\nvar version, commit string\n\n" +
			"// Say says it.\nfunc Say() string { return version + commit }\n",
	}
	for file, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return operator(root)
}

func TestCompile_twoFoldersGiveTheSameImage(t *testing.T) {
	t.Parallel()
	silent := func(string, ...any) {}
	first, err := buildAll(t.Context(), program(t), aRelease(), []v1.Platform{amd64}, silent)
	if err != nil {
		t.Fatal(err)
	}
	second, err := buildAll(t.Context(), program(t), aRelease(), []v1.Platform{amd64}, silent)
	if err != nil {
		t.Fatal(err)
	}
	if !same(t, first, second) {
		t.Error("two builds of the same files differ")
	}
	third, err := buildAll(t.Context(), program(t), release{version: "v1.2.4", commit: aRelease().commit, created: aRelease().created}, []v1.Platform{amd64}, silent)
	if err != nil {
		t.Fatal(err)
	}
	if same(t, first, third) {
		t.Error("a program of another version is the same")
	}
	var bill struct {
		Metadata struct {
			Timestamp string
			Component struct{ Name, Version string }
		}
	}
	if err := json.Unmarshal(first[0].materials, &bill); err != nil {
		t.Fatal(err)
	}
	if got := bill.Metadata.Component.Name + " " + bill.Metadata.Component.Version; got != "github.com/taskrun-dev/taskrun-operator v1.2.3" {
		t.Errorf("the bill of materials is of %q", got)
	}
}

// same reports whether two builds of one platform have the same image and bill of materials.
func same(t *testing.T, a, b []platformBuild) bool {
	t.Helper()
	first, err := a[0].image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	second, err := b[0].image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return first == second && bytes.Equal(a[0].materials, b[0].materials)
}

func TestCompile_errorIsReported(t *testing.T) {
	t.Parallel()
	s := program(t)
	if err := os.WriteFile(filepath.Join(s.root, "cmd", "taskrun-operator", "broken.go"), []byte("package main\n\nvar x int = nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.compile(t.Context(), aRelease(), amd64)
	if err == nil || !strings.Contains(err.Error(), "linux/amd64") || !strings.Contains(err.Error(), "undefined: nothing") {
		t.Errorf("error = %v, want one with the platform and what the compiler said", err)
	}
	if errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v: no compiler was run", err)
	}
}
