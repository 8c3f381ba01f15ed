package main

import (
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// materialsType is the media type of the bills of materials.
	materialsType types.MediaType = "application/vnd.cyclonedx+json"
	// emptyType and emptyText are the configuration of an artifact without one, as in the OCI image format.
	emptyType types.MediaType = "application/vnd.oci.empty.v1+json"
	emptyText string          = "{}"
)

// artifact is a manifest with one blob that refers to an image, its subject. Registries list it as a referrer of the
// image.
type artifact struct {
	manifest []byte
	config   v1.Layer
	blob     v1.Layer
}

// attach returns the artifact with the bill of materials of an image.
func attach(subject v1.Image, r release, text []byte) (v1.Image, error) {
	a := artifact{config: static.NewLayer([]byte(emptyText), emptyType), blob: static.NewLayer(text, materialsType)}
	about, err := partial.Descriptor(subject)
	if err != nil {
		return nil, fmt.Errorf("describing the image that the bill of materials is of: %w", err)
	}
	config, err := partial.Descriptor(a.config)
	if err != nil {
		return nil, fmt.Errorf("describing the empty configuration: %w", err)
	}
	blob, err := partial.Descriptor(a.blob)
	if err != nil {
		return nil, fmt.Errorf("describing the bill of materials: %w", err)
	}
	a.manifest, err = json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: string(materialsType),
		Config: *config, Layers: []v1.Descriptor{*blob},
		Subject:     &v1.Descriptor{MediaType: about.MediaType, Size: about.Size, Digest: about.Digest},
		Annotations: map[string]string{"org.opencontainers.image.created": r.labels()["org.opencontainers.image.created"]},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the manifest of the bill of materials: %w", err)
	}
	made, err := partial.CompressedToImage(a)
	if err != nil {
		return nil, fmt.Errorf("making the artifact of the bill of materials: %w", err)
	}
	return made, nil
}

// MediaType is the type of the manifest.
func (artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawConfigFile is the empty configuration.
func (artifact) RawConfigFile() ([]byte, error) { return []byte(emptyText), nil }

// RawManifest is the manifest.
func (a artifact) RawManifest() ([]byte, error) { return a.manifest, nil }

// LayerByDigest is one of the two blobs.
func (a artifact) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	for _, layer := range []v1.Layer{a.config, a.blob} {
		if own, err := layer.Digest(); err == nil && own == digest {
			return layer, nil
		}
	}
	return nil, fmt.Errorf("the artifact has no blob %s", digest)
}
