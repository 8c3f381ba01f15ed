package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadVersions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text    string
		want    versions
		wantErr bool
	}{
		"both are named": {
			text: "module x\n\nrequire (\n\tgo.etcd.io/etcd/server/v3 v3.7.3\n\tk8s.io/kubernetes v1.37.2\n)\n",
			want: versions{kubernetes: "v1.37.2", etcd: "v3.7.3"},
		},
		"one is missing": {text: "module x\nrequire (\n\tk8s.io/kubernetes v1.37.2\n)\n", wantErr: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "go.mod")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readVersions(file)
			if (err != nil) != tt.wantErr {
				t.Fatalf("error %v, want one: %t", err, tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(versions{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewEnough(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer string
		want   bool
	}{
		"the oldest that will do":     {answer: `{"clientVersion":{"major":"1","minor":"30"}}`, want: true},
		"a vendor's plus sign":        {answer: `{"clientVersion":{"major":"1","minor":"31+"}}`, want: true},
		"too old":                     {answer: `{"clientVersion":{"major":"1","minor":"29"}}`},
		"no version in it":            {answer: `{}`},
		"a script that prints prose":  {answer: `kubectl is not installed`},
		"a version that is no number": {answer: `{"clientVersion":{"major":"1","minor":"x"}}`},
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

func TestProgramsOfAnotherVersionAreNotUsed(t *testing.T) {
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

func TestLinkerFlagsNameTheVersion(t *testing.T) {
	t.Parallel()
	g := &getter{versions: versions{kubernetes: "v1.37.2"}}
	for _, want := range []string{"gitVersion=v1.37.2", "gitMajor=1", "gitMinor=37"} {
		if flags := g.linkerFlags(); !strings.Contains(flags, "-X k8s.io/component-base/version."+want) {
			t.Errorf("%q does not set %s", flags, want)
		}
	}
}
