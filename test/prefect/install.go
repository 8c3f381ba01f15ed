// Package prefect installs Prefect, for tests and benchmarks that need the real one.
package prefect

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Version is a version of Prefect, as constraints for pip.
type Version []byte

// The versions.
var (
	//go:embed newest.txt
	Newest Version
	//go:embed older.txt
	Older Version
)

// installLimit is the timeout of the installation, including downloads.
const installLimit = 15 * time.Minute

// Install creates a Python environment with Prefect in a folder, and returns the folder
// of its programs. An environment with the same versions is used again. python is a
// program, 3.10 or newer. before is called before an installation, which takes a while.
func Install(ctx context.Context, folder, python string, version Version, before func()) (programs string, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return "", fmt.Errorf("finding the folder of Prefect: %w", err)
	}
	programs = filepath.Join(folder, "bin")
	mark := filepath.Join(folder, "installed")
	if got, err := os.ReadFile(mark); err == nil && bytes.Equal(got, version) { //nolint:gosec // in this environment's own folder
		return programs, nil
	}
	python, err = exec.LookPath(python)
	if err != nil {
		return "", fmt.Errorf("the real Prefect needs Python 3.10 or newer: %w", err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return "", fmt.Errorf("clearing an old environment: %w", err)
	}
	before()
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	if err := Run(ctx, python, "-m", "venv", folder); err != nil {
		return "", fmt.Errorf("making a Python environment (the module venv is needed, which some systems package apart): %w", err)
	}
	constraints := filepath.Join(folder, "constraints.txt")
	if err := os.WriteFile(constraints, version, 0o600); err != nil {
		return "", fmt.Errorf("writing the versions to be installed: %w", err)
	}
	err = Run(ctx, filepath.Join(programs, "pip"), "install", "--quiet", "--disable-pip-version-check",
		"--constraint", constraints, "prefect")
	if err != nil {
		return "", fmt.Errorf("installing Prefect (a Python package index has to be reached): %w", err)
	}
	if err := os.WriteFile(mark, version, 0o600); err != nil {
		return "", fmt.Errorf("marking the environment as made: %w", err)
	}
	return programs, nil
}

// Run runs a program to its end. The error has the end of its output.
func Run(ctx context.Context, name string, args ...string) error {
	printed, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // programs of this environment
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, Tail(printed))
	}
	return nil
}

// Tail returns the last lines of the output of a program.
func Tail(printed []byte) string {
	const lines = 5
	all := strings.Split(strings.TrimSpace(string(printed)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
