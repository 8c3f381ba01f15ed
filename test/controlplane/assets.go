package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// AssetsVariable is the environment variable with the folder of etcd and kube-apiserver.
const AssetsVariable = "KUBEBUILDER_ASSETS"

// Assets returns the folder of etcd and kube-apiserver: the one in KUBEBUILDER_ASSETS, otherwise bin/k8s below the
// root of the repository. The error is one line with the fix.
func Assets(repository string) (string, error) {
	folders := []string{filepath.Join(repository, "bin", "k8s")}
	if named := os.Getenv(AssetsVariable); named != "" {
		folders = append([]string{named}, folders...)
	}
	for _, folder := range folders {
		if Complete(folder, "etcd", apiServerProgram) {
			return folder, nil
		}
	}
	return "", fmt.Errorf("no etcd and kube-apiserver in %s: run `make test` (or `make assets`), which gets them",
		strings.Join(folders, " or "))
}

// Complete reports whether the folder holds each of the programs.
func Complete(folder string, programs ...string) bool {
	for _, program := range programs {
		info, err := os.Stat(filepath.Join(folder, program)) //nolint:gosec // the caller names the folder
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// Repository returns the root of this repository: the folder of its go.mod, at or above the working directory.
// Tests run in the folder of their package, programs anywhere below the root.
func Repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if b, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil && strings.HasPrefix(string(b), "module "+module+"\n") { //nolint:gosec // a fixed name
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not in a checkout of %s", dir, module)
		}
	}
}

const module = "github.com/taskrun-dev/taskrun-operator"
