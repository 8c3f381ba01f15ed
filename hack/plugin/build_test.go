//go:build apiserver

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// manifest has the required fields of the kind Plugin of Krew.
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string `json:"version"`
		Homepage         string `json:"homepage"`
		ShortDescription string `json:"shortDescription"`
		Description      string `json:"description"`
		Caveats          string `json:"caveats"`
		Platforms        []struct {
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
			URI    string `json:"uri"`
			SHA256 string `json:"sha256"`
			Bin    string `json:"bin"`
		} `json:"platforms"`
	} `json:"spec"`
}

// build builds for this machine only, and returns the manifest and its folder.
func build(t *testing.T) (manifest, string) {
	t.Helper()
	dist := t.TempDir()
	args := []string{"-version=v1.2.3-rc.1", "-commit=abc", "-epoch=1700000000", "-dist=" + dist, "-url=https://example.org/v1", "-platforms=" + runtime.GOOS + "/" + runtime.GOARCH}
	if err := run(t.Context(), args, io.Discard); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dist, "taskrun.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.UnmarshalStrict(text, &m); err != nil {
		t.Fatal(err)
	}
	return m, dist
}

// The steps of Krew: download the archive, compare its checksum, unpack it and link to the
// program.
func TestArchive_matchesTheManifest(t *testing.T) {
	t.Chdir("../..")
	m, dist := build(t)
	if m.Metadata.Name != "taskrun" || m.Spec.Version != "v1.2.3-rc.1" || len(m.Spec.Platforms) != 1 {
		t.Fatalf("the manifest is %+v", m)
	}
	platform := m.Spec.Platforms[0]
	name, ok := strings.CutPrefix(platform.URI, "https://example.org/v1/")
	if !ok || platform.Selector.MatchLabels["os"] != runtime.GOOS || platform.Selector.MatchLabels["arch"] != runtime.GOARCH {
		t.Errorf("the platform is %+v", platform)
	}
	packed, err := os.ReadFile(filepath.Join(dist, name))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(packed); hex.EncodeToString(sum[:]) != platform.SHA256 {
		t.Errorf("the archive has the sum %x, the manifest says %s", sum, platform.SHA256)
	}
	files := unpack(t, packed)
	if len(files["LICENSE"]) == 0 {
		t.Error("the license is missing")
	}
	path := filepath.Join(dist, "unpacked")
	if err := os.WriteFile(path, files[platform.Bin], 0o700); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), path, "--version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(said), "kubectl-taskrun v1.2.3-rc.1 (commit abc, go") {
		t.Errorf("%v: %s", err, said)
	}

	// kubectl runs a program with another name to complete arguments of `kubectl taskrun`.
	completes := filepath.Join(dist, "kubectl_complete-taskrun")
	if err := os.Symlink(path, completes); err != nil {
		t.Fatal(err)
	}
	said, err = exec.CommandContext(t.Context(), completes, "ca").Output()
	if err != nil || string(said) != "cancel\tCancel runs\n:4\n" {
		t.Errorf("%v: %q", err, said)
	}

	again, _ := build(t)
	if again.Spec.Platforms[0].SHA256 != platform.SHA256 {
		t.Error("the same source does not give the same bytes")
	}
}

func unpack(t *testing.T, packed []byte) map[string][]byte {
	t.Helper()
	uncompressed, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	archive := tar.NewReader(uncompressed)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}
