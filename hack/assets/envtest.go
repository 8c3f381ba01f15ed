package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// downloadLimit is the timeout of a download, so that a machine without access to the release page does not wait for
// long.
const downloadLimit = 20 * time.Second

// fromEnvtest downloads the programs with setup-envtest. The error is short, because it only explains why they are
// built.
func (g *getter) fromEnvtest(ctx context.Context) error {
	major, minorPart := minor(g.versions.kubernetes)
	release := major + "." + minorPart + ".x"
	g.say("asking setup-envtest for Kubernetes %s (at most %s)", release, downloadLimit)
	// The build of the tool can download its module. This does not count towards the timeout.
	tool, err := g.toolPath(ctx, "setup-envtest")
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, downloadLimit)
	defer cancel()
	command := exec.CommandContext(limited, tool, "use", release, //nolint:gosec // our own tool
		"--bin-dir", filepath.Join(g.root, "bin", "envtest"), "-p", "path")
	command.WaitDelay = time.Second
	downloaded, err := output(command)
	if limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s", downloadLimit)
	}
	if err != nil {
		return err
	}
	if !controlplane.Complete(downloaded, "etcd", "kube-apiserver") {
		return fmt.Errorf("it left no etcd and kube-apiserver in %s", downloaded)
	}
	return g.adopt(downloaded)
}

// toolPath returns the path of a tool that hack/cluster pins.
func (g *getter) toolPath(ctx context.Context, tool string) (string, error) {
	command := exec.CommandContext(ctx, "go", "tool", "-n", tool) //nolint:gosec // fixed words
	command.Dir = filepath.Join(g.root, "hack", "cluster")
	command.Env = append(os.Environ(), "GOWORK=off")
	return output(command)
}

// adopt copies the downloaded programs into the folder, so that all programs are in one place.
func (g *getter) adopt(downloaded string) error {
	if err := os.MkdirAll(g.folder, 0o750); err != nil {
		return fmt.Errorf("creating %s: %w", g.folder, err)
	}
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if !controlplane.Complete(downloaded, program) {
			continue
		}
		if err := copyProgram(filepath.Join(downloaded, program), filepath.Join(g.folder, program)); err != nil {
			return err
		}
		if err := g.stamp(program); err != nil {
			return err
		}
	}
	return nil
}

// copyProgram copies to a new name first, because a running program can be replaced but not overwritten.
func copyProgram(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // a program we downloaded
	if err != nil {
		return fmt.Errorf("copying a program: %w", err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755) //nolint:gosec // a program is executable
	if err != nil {
		return fmt.Errorf("copying a program: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying a program: %w", err)
	}
	return os.Rename(to+".new", to)
}

// output runs a command and returns its output. The error ends with the end of its error output, which is usually
// the most useful part.
func output(command *exec.Cmd) (string, error) {
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		parts := strings.Split(lines[len(lines)-1], ": ")
		return "", fmt.Errorf("%w: %s", err, strings.Join(parts[max(0, len(parts)-2):], ": "))
	}
	return strings.TrimSpace(string(out)), nil
}
