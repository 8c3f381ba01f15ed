package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// title is the name of the program, its image and its file in it.
const title = "taskrun-operator"

// options are the flags. Each has a variable of the Makefile, which hints name.
type options struct {
	root string
	// out is the folder for all results.
	out string
	// platforms are the selected platforms; empty for the default ones.
	platforms []v1.Platform
	// image is the name with registry and tag. push requires it; otherwise it is the name of the image in the
	// archives.
	image  string
	commit string
	// version is the version of the release, or a pseudo-version of time and commit.
	version string
	// created is the time of the commit.
	created time.Time
}

func parse(args []string, usage io.Writer) (options, error) {
	o := options{}
	var platforms, epoch string
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&o.root, "root", ".", "folder of the repository")
	flags.StringVar(&o.out, "out", "dist", "folder to write to, below the root unless absolute")
	flags.StringVar(&platforms, "platforms", "", "such as linux/amd64,linux/arm64 (PLATFORMS)")
	flags.StringVar(&o.image, "image", "", "registry/name:tag (IMAGE)")
	flags.StringVar(&o.version, "version", "", "version of the release; empty where there is none (VERSION)")
	flags.StringVar(&o.commit, "commit", "", "full hash of the commit, -dirty appended if the tree has changes (COMMIT)")
	flags.StringVar(&epoch, "epoch", "", "time of the commit in seconds since 1970 (SOURCE_DATE_EPOCH)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.root, err = filepath.Abs(o.root); err != nil {
		return o, fmt.Errorf("finding the root: %w", err)
	}
	if !filepath.IsAbs(o.out) {
		o.out = filepath.Join(o.root, o.out)
	}
	if o.platforms, err = parsePlatforms(platforms); err != nil {
		return o, err
	}
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 {
			return o, fmt.Errorf("SOURCE_DATE_EPOCH %q (-epoch) is no count of seconds since 1970", epoch)
		}
		o.created = time.Unix(seconds, 0).UTC()
	}
	return o, nil
}

// supported are the supported platforms.
var supported = []string{"linux/amd64", "linux/arm64"}

func parsePlatforms(text string) ([]v1.Platform, error) {
	var parsed []v1.Platform
	seen := map[string]bool{}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if seen[word] {
			return nil, fmt.Errorf("PLATFORMS (-platforms) names %s twice", word)
		}
		seen[word] = true
		system, architecture, _ := strings.Cut(word, "/")
		if system != "linux" || (architecture != "amd64" && architecture != "arm64") {
			return nil, fmt.Errorf("PLATFORMS (-platforms) has %q: the operator is built for %s", word, strings.Join(supported, " and "))
		}
		parsed = append(parsed, v1.Platform{OS: system, Architecture: architecture})
	}
	return parsed, nil
}

// allPlatforms returns the selected platforms, or all supported ones.
func (o options) allPlatforms() ([]v1.Platform, error) {
	if len(o.platforms) > 0 {
		return o.platforms, nil
	}
	return parsePlatforms(strings.Join(supported, ","))
}

// tagged matches a version that can be the tag of an image.
var tagged = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// release returns the description for the image.
func (o options) release() (release, error) {
	if o.commit == "" || o.created.IsZero() {
		return release{}, errors.New("no commit or no time of it (git told none): give COMMIT=<hash> and SOURCE_DATE_EPOCH=<seconds since 1970>")
	}
	r := release{version: o.version, commit: o.commit, created: o.created}
	if r.version == "" {
		r.version = pseudoVersion(o.commit, o.created)
	}
	if !tagged.MatchString(r.version) {
		return release{}, fmt.Errorf("VERSION %q (-version) cannot be the tag of an image: up to 128 letters, digits, _ . and -", r.version)
	}
	return r, nil
}

// pseudoVersion returns the version of a commit without an earlier release, in the format of Go.
func pseudoVersion(commit string, created time.Time) string {
	hash, changed := strings.CutSuffix(commit, "-dirty")
	version := "v0.0.0-" + created.UTC().Format("20060102150405") + "-" + hash[:min(12, len(hash))]
	if changed {
		version += "-dirty"
	}
	return version
}

// archiveName returns the name of the image in the archives.
func (o options) archiveName(r release) (name.Tag, error) {
	text := o.image
	if text == "" {
		text = title + ":" + r.version
	}
	tag, err := name.NewTag(text)
	if err != nil {
		return name.Tag{}, fmt.Errorf("IMAGE (-image): %w", err)
	}
	return tag, nil
}

// target returns the registry, name and tag to push to.
func (o options) target() (name.Tag, error) {
	const form = "IMAGE=registry/name:tag"
	if o.image == "" {
		return name.Tag{}, errors.New("no IMAGE (-image): say where to push to with " + form)
	}
	host, _, found := strings.Cut(o.image, "/")
	if !found || (!strings.ContainsAny(host, ".:") && host != "localhost") {
		return name.Tag{}, fmt.Errorf("IMAGE %q (-image) names no registry: %s", o.image, form)
	}
	tag, err := name.NewTag(o.image, name.StrictValidation)
	if err != nil {
		return name.Tag{}, fmt.Errorf("IMAGE %q (-image) must be registry/name:tag: %w", o.image, err)
	}
	return tag, nil
}
