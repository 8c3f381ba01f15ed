package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push sends the index that build wrote, and the bills of materials that refer to its images, with the credentials of
// `docker login`.
func push(ctx context.Context, o options, out io.Writer, say sayer) error {
	target, err := o.target()
	if err != nil {
		return err
	}
	folder := filepath.Join(o.out, layoutFolder)
	path, err := layout.FromPath(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: run make image first", folder)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", folder, err)
	}
	found, err := readLayout(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", folder, err)
	}
	say("pushing version %s, commit %s, to %s", found.version, found.commit, target)
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	if err := remote.WriteIndex(target, found.index, options...); err != nil {
		return fmt.Errorf("pushing the image: %w", err)
	}
	for _, bill := range found.bills {
		say("pushing the bill of materials %s", bill.digest)
		if err := remote.Write(target.Context().Digest(bill.digest), bill.image, options...); err != nil {
			return fmt.Errorf("pushing the bill of materials: %w", err)
		}
	}
	return pushed(out, target, found.index)
}

// pushed prints the name with the digest, for deployments.
func pushed(out io.Writer, target name.Tag, index v1.ImageIndex) error {
	digest, err := index.Digest()
	if err != nil {
		return fmt.Errorf("computing the digest of the index: %w", err)
	}
	if _, err := fmt.Fprintf(out, "%s@%s\n", target, digest); err != nil {
		return fmt.Errorf("printing the digest: %w", err)
	}
	return nil
}

// pushable is the content of a layout.
type pushable struct {
	index           v1.ImageIndex
	version, commit string
	bills           []referrer
}

// referrer is a bill of materials.
type referrer struct {
	digest string
	image  v1.Image
}

func readLayout(path layout.Path) (pushable, error) {
	found := pushable{}
	root, err := path.ImageIndex()
	if err != nil {
		return found, err
	}
	manifest, err := root.IndexManifest()
	if err != nil {
		return found, err
	}
	for _, entry := range manifest.Manifests {
		if entry.MediaType.IsImage() {
			bill, err := root.Image(entry.Digest)
			if err != nil {
				return found, err
			}
			found.bills = append(found.bills, referrer{digest: entry.Digest.String(), image: bill})
			continue
		}
		if found.index, err = root.ImageIndex(entry.Digest); err != nil {
			return found, err
		}
	}
	if found.index == nil {
		return found, errors.New("it holds no index: run make image again")
	}
	content, err := found.index.IndexManifest()
	if err != nil {
		return found, err
	}
	found.version = content.Annotations["org.opencontainers.image.version"]
	found.commit = content.Annotations["org.opencontainers.image.revision"]
	return found, nil
}
