package main

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

//go:embed constraints.txt
var constraints []byte

// installLimit bounds the installation, downloads included.
const installLimit = 15 * time.Minute

// install makes a Python environment with Prefect in it, and returns the path of its
// program. An environment that was made before for the same versions is used again.
func (b *bench) install(ctx context.Context) (string, error) {
	folder, err := filepath.Abs(filepath.Join(b.data, "venv"))
	if err != nil {
		return "", fmt.Errorf("finding the data folder: %w", err)
	}
	program := filepath.Join(folder, "bin", "prefect")
	mark := filepath.Join(folder, "installed")
	if got, err := os.ReadFile(mark); err == nil && bytes.Equal(got, constraints) { //nolint:gosec // in this benchmark's own folder
		return program, nil
	}
	python, err := exec.LookPath(b.python)
	if err != nil {
		return "", fmt.Errorf("a real Prefect server needs Python 3.10 or newer: %w (-python names another)", err)
	}
	if err := os.RemoveAll(folder); err != nil { //nolint:gosec // whoever runs this names the folder
		return "", fmt.Errorf("clearing an old environment: %w", err)
	}
	b.progress("installing Prefect into %s", folder)
	ctx, cancel := context.WithTimeout(ctx, installLimit)
	defer cancel()
	if err := command(ctx, python, "-m", "venv", folder); err != nil {
		return "", fmt.Errorf("making a Python environment (the module venv is needed, which some systems package apart): %w", err)
	}
	versions := filepath.Join(folder, "constraints.txt")
	if err := os.WriteFile(versions, constraints, 0o600); err != nil { //nolint:gosec // see above
		return "", fmt.Errorf("writing the versions to be installed: %w", err)
	}
	err = command(ctx, filepath.Join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check",
		"--constraint", versions, "prefect")
	if err != nil {
		return "", fmt.Errorf("installing Prefect (a Python package index has to be reached): %w", err)
	}
	if err := os.WriteFile(mark, constraints, 0o600); err != nil { //nolint:gosec // see above
		return "", fmt.Errorf("marking the environment as made: %w", err)
	}
	return program, nil
}

// command runs a program to its end. The error has the end of what it printed.
func command(ctx context.Context, name string, args ...string) error {
	printed, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // programs of this benchmark
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, tail(printed))
	}
	return nil
}

// tail is the end of what a program printed, a few lines.
func tail(printed []byte) string {
	const lines = 5
	all := strings.Split(strings.TrimSpace(string(printed)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
