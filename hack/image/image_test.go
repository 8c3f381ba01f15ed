package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64"}
)

// aRelease is the release of the images in these tests.
func aRelease() release {
	return release{version: "v1.2.3", commit: "0123456789abcdef0123456789abcdef01234567", created: time.Unix(1795451316, 0).UTC()}
}

// anImage returns an image of a file that is not a program.
func anImage(t *testing.T, r release, p v1.Platform) v1.Image {
	t.Helper()
	made, err := image(r, p, []byte("a binary for "+p.String()))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func digestOf(t *testing.T, made interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	digest, err := made.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func TestImage_sameBinaryGivesTheSameImage(t *testing.T) {
	t.Parallel()
	first, second := anImage(t, aRelease(), amd64), anImage(t, aRelease(), amd64)
	if diff := cmp.Diff(digestOf(t, first), digestOf(t, second)); diff != "" {
		t.Errorf("digests of the same image (-first +second):\n%s", diff)
	}
	later := aRelease()
	later.created = later.created.Add(time.Second)
	if digestOf(t, first) == digestOf(t, anImage(t, later, amd64)) {
		t.Error("a commit of another time has the same digest: the time is not in the image")
	}
}

func TestImage_hasLabels(t *testing.T) {
	t.Parallel()
	config, err := anImage(t, aRelease(), arm64).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		User: "65532:65532", Entrypoint: []string{"/taskrun-operator"}, WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":       "taskrun-operator",
			"org.opencontainers.image.description": "Prefect task runs as Kubernetes objects",
			"org.opencontainers.image.version":     "v1.2.3",
			"org.opencontainers.image.revision":    "0123456789abcdef0123456789abcdef01234567",
			"org.opencontainers.image.licenses":    "Apache-2.0",
			"org.opencontainers.image.created":     "2026-11-23T16:28:36Z",
		},
	}
	if diff := cmp.Diff(want, config.Config); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if got := config.Platform().String(); got != "linux/arm64" {
		t.Errorf("platform = %s, want linux/arm64", got)
	}
	if !config.Created.Equal(aRelease().created) || !config.History[0].Created.Equal(aRelease().created) {
		t.Errorf("created %v, its layer %v, want both %v", config.Created, config.History[0].Created, aRelease().created)
	}
}

func TestImage_files(t *testing.T) {
	t.Parallel()
	type file struct {
		Mode     int64
		UID, GID int
		Time     time.Time
		Text     string
	}
	created := aRelease().created
	want := map[string]file{
		"etc/":             {Mode: 0o755, Time: created},
		"etc/group":        {Mode: 0o644, Time: created, Text: "root:x:0:\nnonroot:x:65532:\n"},
		"etc/passwd":       {Mode: 0o644, Time: created, Text: "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin\n"},
		"taskrun-operator": {Mode: 0o755, Time: created, Text: "a binary for linux/amd64"},
	}
	got := map[string]file{}
	eachFile(t, anImage(t, aRelease(), amd64), func(header *tar.Header, text string) {
		got[header.Name] = file{Mode: header.Mode, UID: header.Uid, GID: header.Gid, Time: header.ModTime.UTC(), Text: text}
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// eachFile visits the files in all layers of an image.
func eachFile(t *testing.T, made v1.Image, visit func(header *tar.Header, text string)) {
	t.Helper()
	layers, err := made.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		reader := tar.NewReader(content)
		for {
			header, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if _, err := text.ReadFrom(reader); err != nil {
				t.Fatal(err)
			}
			visit(header, text.String())
		}
		if err := content.Close(); err != nil {
			t.Error(err)
		}
	}
}
