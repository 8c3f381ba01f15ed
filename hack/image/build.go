package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// platformBuild is the image of one platform, with the modules of its binary.
type platformBuild struct {
	platform  v1.Platform
	image     v1.Image
	materials []byte
}

// build compiles the operator for each platform and writes the image, the archives and the bills of materials.
func build(ctx context.Context, o options, out io.Writer, say sayer) error {
	r, err := o.release()
	if err != nil {
		return err
	}
	tag, err := o.archiveName(r)
	if err != nil {
		return err
	}
	platforms, err := o.allPlatforms()
	if err != nil {
		return err
	}
	built, err := buildAll(ctx, operator(o.root), r, platforms, say)
	if err != nil {
		return err
	}
	say("writing to %s", o.out)
	d := distribution{folder: o.out, release: r, tag: tag}
	rows, err := d.write(built)
	if err != nil {
		return err
	}
	return table(out, o.root, rows)
}

func buildAll(ctx context.Context, s source, r release, platforms []v1.Platform, say sayer) ([]platformBuild, error) {
	var built []platformBuild
	for _, p := range platforms {
		say("%s: compiling %s %s (minutes, if nothing of it is in the build cache)", p, title, r.version)
		began := time.Now()
		binary, err := s.compile(ctx, r, p)
		if err != nil {
			return nil, err
		}
		say("%s: compiled in %.0f s; packing %.1f MB", p, time.Since(began).Seconds(), megabytes(int64(len(binary))))
		b, err := pack(r, p, binary)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		built = append(built, b)
	}
	return built, nil
}

// pack builds an image of a binary.
func pack(r release, p v1.Platform, binary []byte) (platformBuild, error) {
	made, err := image(r, p, binary)
	if err != nil {
		return platformBuild{}, err
	}
	text, err := materials(r, binary)
	if err != nil {
		return platformBuild{}, err
	}
	return platformBuild{platform: p, image: made, materials: text}, nil
}

// distribution is a folder of results.
type distribution struct {
	folder  string
	release release
	tag     name.Tag
}

// layoutFolder is the folder of the OCI layout within the results.
const layoutFolder = "image"

// write writes all results and reports each file.
func (d distribution) write(built []platformBuild) ([]row, error) {
	if err := os.MkdirAll(d.folder, 0o755); err != nil { //nolint:gosec // readable by all users
		return nil, fmt.Errorf("making the folder of results: %w", err)
	}
	all, err := index(d.release, built)
	if err != nil {
		return nil, err
	}
	if err := d.writeLayout(all, built); err != nil {
		return nil, err
	}
	var rows []row
	for _, b := range built {
		row, err := d.writePlatform(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.platform, err)
		}
		rows = append(rows, row)
	}
	digest, err := all.Digest()
	if err != nil {
		return nil, fmt.Errorf("computing the digest of the index: %w", err)
	}
	return append(rows, row{platform: "index", digest: digest.String(), file: filepath.Join(d.folder, layoutFolder)}), nil
}

// writePlatform writes the archive and the bill of materials of one platform.
func (d distribution) writePlatform(b platformBuild) (row, error) {
	base := filepath.Join(d.folder, fmt.Sprintf("%s-%s-%s-%s", title, d.release.version, b.platform.OS, b.platform.Architecture))
	if err := tarball.WriteToFile(base+".tar", d.tag, b.image); err != nil {
		return row{}, fmt.Errorf("writing the archive: %w", err)
	}
	if err := os.WriteFile(base+".cdx.json", b.materials, 0o644); err != nil { //nolint:gosec // readable by all users
		return row{}, fmt.Errorf("writing the bill of materials: %w", err)
	}
	digest, err := b.image.Digest()
	if err != nil {
		return row{}, fmt.Errorf("computing the digest: %w", err)
	}
	return row{platform: b.platform.String(), digest: digest.String(), file: base + ".tar"}, nil
}

// writeLayout replaces the OCI layout: the index, and the bills of materials that refer to its images.
func (d distribution) writeLayout(all v1.ImageIndex, built []platformBuild) error {
	next, err := os.MkdirTemp(d.folder, ".image-")
	if err != nil {
		return fmt.Errorf("making the folder of the layout: %w", err)
	}
	defer func() { _ = os.RemoveAll(next) }()
	if err := fillLayout(next, d, all, built); err != nil {
		return err
	}
	if err := os.Chmod(next, 0o755); err != nil { //nolint:gosec // readable by all users
		return fmt.Errorf("opening the folder of the layout: %w", err)
	}
	folder := filepath.Join(d.folder, layoutFolder)
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("removing the layout before: %w", err)
	}
	if err := os.Rename(next, folder); err != nil {
		return fmt.Errorf("putting the layout in its place: %w", err)
	}
	return nil
}

func fillLayout(folder string, d distribution, all v1.ImageIndex, built []platformBuild) error {
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return fmt.Errorf("beginning the layout: %w", err)
	}
	tag := map[string]string{"org.opencontainers.image.ref.name": d.tag.TagStr()}
	if err := path.AppendIndex(all, layout.WithAnnotations(tag)); err != nil {
		return fmt.Errorf("writing the index: %w", err)
	}
	for _, b := range built {
		bill, err := attach(b.image, d.release, b.materials)
		if err != nil {
			return err
		}
		if err := path.AppendImage(bill); err != nil {
			return fmt.Errorf("writing the bill of materials of %s: %w", b.platform, err)
		}
	}
	return nil
}
