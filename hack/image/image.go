package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	entrypoint  = "/" + title
	description = "Prefect task runs as Kubernetes objects"
	licence     = "Apache-2.0"
	// user is the conventional id of images without a root user. It is numeric, because a kubelet with
	// runAsNonRoot does not resolve names.
	user = "65532:65532"
)

// The files in /etc with the name of the user.
const (
	users  = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin\n"
	groups = "root:x:0:\nnonroot:x:65532:\n"
)

// release describes the build in an image and its bill of materials.
type release struct {
	version string
	commit  string
	// created is every time in the image.
	created time.Time
}

// labels returns the labels of the image, and the annotations of the index.
func (r release) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       title,
		"org.opencontainers.image.description": description,
		"org.opencontainers.image.version":     r.version,
		"org.opencontainers.image.revision":    r.commit,
		"org.opencontainers.image.licenses":    licence,
		"org.opencontainers.image.created":     r.created.Format(time.RFC3339),
	}
}

// image is the image of one platform.
func image(r release, p v1.Platform, binary []byte) (v1.Image, error) {
	layer, err := layer(r, binary)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	base, err = mutate.ConfigFile(base, &v1.ConfigFile{
		Architecture: p.Architecture, OS: p.OS, Created: v1.Time{Time: r.created},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
		Config: v1.Config{User: user, Entrypoint: []string{entrypoint}, WorkingDir: "/", Labels: r.labels()},
	})
	if err != nil {
		return nil, fmt.Errorf("describing the image: %w", err)
	}
	made, err := mutate.Append(base, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: r.created}, CreatedBy: "hack/image", Comment: title + " " + r.version},
	})
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	return made, nil
}

// layer returns a layer with all files of the image.
func layer(r release, binary []byte) (v1.Layer, error) {
	files := []struct {
		name string
		mode int64
		text []byte
	}{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, []byte(groups)},
		{"etc/passwd", 0o644, []byte(users)},
		{title, 0o755, binary},
	}
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	for _, file := range files {
		kind := byte(tar.TypeReg)
		if file.text == nil {
			kind = tar.TypeDir
		}
		header := &tar.Header{
			Typeflag: kind, Name: file.name, Mode: file.mode, Size: int64(len(file.text)), ModTime: r.created, Format: tar.FormatUSTAR,
		}
		if err := writer.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", file.name, err)
		}
		if _, err := writer.Write(file.text); err != nil {
			return nil, fmt.Errorf("packing %s: %w", file.name, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("packing the files: %w", err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	made, err := tarball.LayerFromOpener(open,
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("compressing the files: %w", err)
	}
	return made, nil
}

// index returns the image of all platforms.
func index(r release, built []platformBuild) (v1.ImageIndex, error) {
	made := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, b := range built {
		made = mutate.AppendManifests(made, mutate.IndexAddendum{
			Add: b.image, Descriptor: v1.Descriptor{Platform: &b.platform},
		})
	}
	annotated, ok := mutate.Annotations(made, r.labels()).(v1.ImageIndex)
	if !ok {
		return nil, errors.New("annotating the index: what came out is no index")
	}
	return annotated, nil
}
