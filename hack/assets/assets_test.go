package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadVersions_ofModuleFiles(t *testing.T) {
	t.Parallel()
	const both = "module x\n\nrequire (\n\tgo.etcd.io/etcd/server/v3 v3.7.3\n\tk8s.io/kubernetes v1.37.2\n)\n"
	const old = "module x\n\nrequire k8s.io/kubernetes v1.32.13\n\nreplace k8s.io/kubernetes => ./x\n"
	tests := map[string]struct {
		newest, oldest, release string

		want    versions
		wantErr bool
	}{
		"the newest":          {both, "", newest, versions{kubernetes: "v1.37.2", kubectl: "v1.37.2", etcd: "v3.7.3"}, false},
		"the oldest":          {both, old, oldest, versions{kubernetes: "v1.32.13", kubectl: "v1.37.2", etcd: "v3.7.3"}, false},
		"a file without etcd": {old, old, newest, versions{kubernetes: "v1.32.13", kubectl: "v1.32.13"}, true},
		"no file of etcd":     {both, old, middle, versions{kubectl: "v1.37.2", etcd: "v3.7.3"}, true},
		"an unknown release":  {both, old, "1.32", versions{}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.Mkdir(filepath.Join(folder, "versions"), 0o700); err != nil {
				t.Fatal(err)
			}
			for release, text := range map[string]string{newest: tt.newest, oldest: tt.oldest} {
				if err := os.WriteFile(filepath.Join(folder, moduleFiles[release]), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := readVersions(folder, tt.release)
			if (err != nil) != tt.wantErr {
				t.Fatalf("error %v, want one: %t", err, tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(versions{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFolderName_ofAnOlderRelease(t *testing.T) {
	t.Parallel()
	for release, want := range map[string]string{newest: "k8s", oldest: "k8s-1.32"} {
		g := &getter{release: release, versions: versions{kubernetes: "v1.32.13"}}
		if got := g.folderName(); got != want {
			t.Errorf("the %s release is kept in %s, want %s", release, got, want)
		}
	}
}

// etcd and kubectl are built from the newest modules, regardless of the release of
// kube-apiserver.
func TestModuleFile_ofAProgram(t *testing.T) {
	t.Parallel()
	g := &getter{release: oldest}
	for program, want := range map[string]string{"etcd": "go.mod", "kubectl": "go.mod", "kube-apiserver": moduleFiles[oldest]} {
		if got := g.moduleFile(program); got != want {
			t.Errorf("%s is built from %s, want %s", program, got, want)
		}
	}
}

func TestNewEnough(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer string
		want   bool
	}{
		"the oldest accepted version": {answer: `{"clientVersion":{"major":"1","minor":"30"}}`, want: true},
		"a vendor's plus sign":        {answer: `{"clientVersion":{"major":"1","minor":"31+"}}`, want: true},
		"too old":                     {answer: `{"clientVersion":{"major":"1","minor":"29"}}`},
		"no version":                  {answer: `{}`},
		"a text that is not JSON":     {answer: `kubectl is not installed`},
		"an invalid version":          {answer: `{"clientVersion":{"major":"1","minor":"x"}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newEnough([]byte(tt.answer)); got != tt.want {
				t.Errorf("newEnough(%s) = %t, want %t", tt.answer, got, tt.want)
			}
		})
	}
}

func TestPrograms_ofAnotherVersionAreNotUsed(t *testing.T) {
	t.Parallel()
	g := &getter{folder: t.TempDir(), versions: versions{kubernetes: "v1.2.3", etcd: "v4.5.6"}, progress: &bytes.Buffer{}}
	if err := os.WriteFile(filepath.Join(g.folder, "etcd"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if g.have("etcd") {
		t.Error("a program of an unknown version is taken for the right one")
	}
	if err := g.stamp("etcd"); err != nil {
		t.Fatal(err)
	}
	if !g.have("etcd") {
		t.Error("a stamped program is not found")
	}
	g.versions.etcd = "v4.5.7"
	if g.have("etcd") {
		t.Error("a program of an older version is taken for the right one")
	}
}

func TestLinkerFlags_haveTheVersion(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"gitVersion=v1.37.2", "gitMajor=1", "gitMinor=37"} {
		if flags := linkerFlags("v1.37.2"); !strings.Contains(flags, "-X k8s.io/component-base/version."+want) {
			t.Errorf("%q does not set %s", flags, want)
		}
	}
}
