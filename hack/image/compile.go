package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// source is a program to compile.
type source struct {
	// root is the folder of the module.
	root string
	// target is the main package, relative to the root.
	target string
}

// operator returns the program of the image, in a copy of the repository.
func operator(root string) source { return source{root: root, target: "./cmd/taskrun-operator"} }

// versionPackage is the package with the variables that the linker sets.
const versionPackage = "github.com/taskrun-dev/taskrun-operator/internal/version"

// compile builds the program for a platform and returns the binary. The bytes do not depend on the machine and time.
func (s source) compile(ctx context.Context, r release, p v1.Platform) ([]byte, error) {
	folder, err := os.MkdirTemp("", "taskrun-image-")
	if err != nil {
		return nil, fmt.Errorf("making a folder to compile into: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	file := filepath.Join(folder, title)
	flags := fmt.Sprintf("-s -w -buildid= -X %[1]s.version=%[2]s -X %[1]s.commit=%[3]s", versionPackage, r.version, r.commit)
	//nolint:gosec // the arguments are those of the caller
	command := exec.CommandContext(ctx, "go", "build", "-C", s.root, "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", file, s.target)
	command.Env = append(os.Environ(), environment(p)...)
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling %s for %s: %w\n%s", s.target, p, err, output)
	}
	binary, err := os.ReadFile(file) //nolint:gosec // the file just made
	if err != nil {
		return nil, fmt.Errorf("reading what was compiled: %w", err)
	}
	return binary, nil
}

// environment returns all variables that affect the binary, so that settings of the machine have no effect.
func environment(p v1.Platform) []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=" + p.OS, "GOARCH=" + p.Architecture, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GOFIPS140=off", "GODEBUG=",
	}
}
