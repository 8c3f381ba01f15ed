package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	// oldestKubectl is the oldest minor version of kubectl that supports all commands of the
	// README.
	oldestKubectl = 30
	// kubectlLimit is the timeout for reading its version.
	kubectlLimit = 5 * time.Second
)

// kubectlOnPath returns the kubectl in PATH, or "" if there is none that works and is new
// enough.
func kubectlOnPath(ctx context.Context) string {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, kubectlLimit)
	defer cancel()
	answer, err := exec.CommandContext(ctx, path, "version", "--client", "-o", "json").Output() //nolint:gosec // the user's own kubectl
	if err != nil || !newEnough(answer) {
		return ""
	}
	return path
}

// newEnough evaluates the output of `kubectl version --client -o json`.
func newEnough(answer []byte) bool {
	var v struct {
		ClientVersion struct{ Major, Minor string }
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		return false
	}
	// Some vendors append a plus to the minor version, as in "30+".
	number, err := strconv.Atoi(strings.TrimRight(v.ClientVersion.Minor, "+"))
	return err == nil && v.ClientVersion.Major == "1" && number >= oldestKubectl
}
