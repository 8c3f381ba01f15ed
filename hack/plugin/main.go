// Command plugin builds the kubectl plugin for all platforms: an archive for each,
// and the manifest by which Krew installs them.
//
// The same source gives the same bytes: the binaries contain no paths, and every
// time in an archive is that of the commit.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	source = "./cmd/kubectl-taskrun"
	// everywhere lists the platforms of kubectl.
	everywhere = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"
)

// release describes the build.
type release struct {
	version string // v1.2.3, as Krew requires it
	commit  string
	made    time.Time
	url     string // URL of the folder of the archives
	dist    string // output folder
	module  string
}

var versions = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "plugin:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("plugin", flag.ContinueOnError)
	r := release{module: "github.com/taskrun-dev/taskrun-operator"}
	flags.StringVar(&r.version, "version", "", "version of the release, such as v1.2.3; empty: v0.0.0")
	flags.StringVar(&r.commit, "commit", "", "commit that is built")
	flags.StringVar(&r.url, "url", "", "where the archives will be downloaded from")
	flags.StringVar(&r.dist, "dist", "dist", "folder to write to")
	platforms := flags.String("platforms", "", "such as linux/amd64,darwin/arm64; empty: all")
	epoch := flags.Int64("epoch", 0, "time in the archives, in seconds since 1970")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.made = time.Unix(*epoch, 0).UTC()
	if r.version == "" {
		r.version = "v0.0.0"
	}
	if !versions.MatchString(r.version) {
		return fmt.Errorf("-version %s: it is a semantic version with a leading v, such as v1.2.3", r.version)
	}
	if r.url == "" {
		r.url = "https://" + r.module + "/releases/download/" + r.version
	}
	if *platforms == "" {
		*platforms = everywhere
	}
	return r.build(ctx, strings.Split(*platforms, ","), out)
}

// build writes the archives, and then the manifest that refers to them.
func (r *release) build(ctx context.Context, platforms []string, out io.Writer) error {
	if err := os.MkdirAll(r.dist, 0o750); err != nil {
		return err
	}
	var built []archive
	for _, platform := range platforms {
		system, machine, ok := strings.Cut(platform, "/")
		if !ok || system == "" || machine == "" {
			return fmt.Errorf("-platforms: %q is not SYSTEM/MACHINE, such as linux/amd64", platform)
		}
		one := archive{system: system, machine: machine}
		binary, err := r.compile(ctx, one)
		if err != nil {
			return fmt.Errorf("building for %s: %w", platform, err)
		}
		packed, err := r.pack(binary, one)
		if err != nil {
			return fmt.Errorf("packing for %s: %w", platform, err)
		}
		sum := sha256.Sum256(packed)
		one.sha256 = hex.EncodeToString(sum[:])
		path := filepath.Join(r.dist, r.fileName(one))
		if err := os.WriteFile(path, packed, 0o644); err != nil { //nolint:gosec // readable by all users
			return err
		}
		_, _ = fmt.Fprintf(out, "%s  %s\n", one.sha256, path)
		built = append(built, one)
	}
	return r.writeManifest(built, out)
}

// compile builds the plugin for a platform and returns the binary.
func (r *release) compile(ctx context.Context, a archive) ([]byte, error) {
	folder, err := os.MkdirTemp("", "plugin")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, a.program())
	variables := r.module + "/internal/version"
	//nolint:gosec // the arguments are the maintainer's own
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags",
		"-s -w -buildid= -X "+variables+".version="+r.version+" -X "+variables+".commit="+r.commit, "-o", path, source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+a.system, "GOARCH="+a.machine)
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return os.ReadFile(path) //nolint:gosec // our own folder
}
