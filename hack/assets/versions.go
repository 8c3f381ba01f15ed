package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The oldest, middle and newest supported Kubernetes release.
const (
	newest = "newest"
	middle = "middle"
	oldest = "oldest"
)

// moduleFiles are the files in hack/cluster, by release, with the modules of kube-apiserver. Versions are specified
// only there.
var moduleFiles = map[string]string{
	newest: "go.mod",
	middle: filepath.Join("versions", "middle.mod"),
	oldest: filepath.Join("versions", "oldest.mod"),
}

// versions holds the versions of the programs. etcd and kubectl always have the newest release, which works with an
// older kube-apiserver.
type versions struct{ kubernetes, kubectl, etcd string }

func (v versions) of(program string) string {
	switch program {
	case "etcd":
		return v.etcd
	case "kubectl":
		return v.kubectl
	default:
		return v.kubernetes
	}
}

// readVersions reads the versions of a release from the module files in a folder.
func readVersions(folder, release string) (versions, error) {
	file, ok := moduleFiles[release]
	if !ok {
		return versions{}, fmt.Errorf("-kubernetes is %s, %s or %s, not %q", oldest, middle, newest, release)
	}
	var v versions
	var errs [3]error
	v.kubernetes, errs[0] = required(filepath.Join(folder, file), "k8s.io/kubernetes")
	v.kubectl, errs[1] = required(filepath.Join(folder, moduleFiles[newest]), "k8s.io/kubernetes")
	v.etcd, errs[2] = required(filepath.Join(folder, moduleFiles[newest]), "go.etcd.io/etcd/server/v3")
	return v, errors.Join(errs[:]...)
}

// required reads the version of a module that a module file requires.
func required(file, module string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
	if err != nil {
		return "", fmt.Errorf("reading the versions: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(f) > 1 && f[0] == module && f[1] != "=>" {
			return f[1], nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", file, module)
}

// minor returns a version without its patch number: 1.37 for v1.37.2.
func minor(version string) (majorPart, minorPart string) {
	majorPart, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minorPart, _, _ = strings.Cut(rest, ".")
	return majorPart, minorPart
}
