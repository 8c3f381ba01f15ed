package controlplane

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// versionLimit is the timeout for reading a program's version.
const versionLimit = 30 * time.Second

// release is a Kubernetes release without its patch number: 1.32 is {1, 32}.
type release struct{ major, minor int }

// atLeast reports whether the release is 1.minor or newer.
func (r release) atLeast(minor int) bool { return r.major > 1 || r.major == 1 && r.minor >= minor }

// releaseOf returns the release of a kube-apiserver. Releases have different flags.
func releaseOf(ctx context.Context, program string) (release, error) {
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	text, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return release{}, fmt.Errorf("read the version of %s: %w", program, err)
	}
	return parseRelease(string(text))
}

// parseRelease parses the output of `kube-apiserver --version`.
func parseRelease(text string) (release, error) {
	var r release
	if _, err := fmt.Sscanf(text, "Kubernetes v%d.%d", &r.major, &r.minor); err != nil || r.major == 0 {
		return release{}, fmt.Errorf("read the version of kube-apiserver: %q is no version of a release", text)
	}
	return r, nil
}
