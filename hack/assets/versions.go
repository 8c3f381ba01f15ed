package main

import (
	"fmt"
	"os"
	"strings"
)

// versions are those of the programs; hack/cluster/go.mod is the one place that names them.
type versions struct{ kubernetes, etcd string }

func (v versions) of(program string) string {
	if program == "etcd" {
		return v.etcd
	}
	return v.kubernetes
}

// readVersions reads the two requirements from a go.mod.
func readVersions(file string) (versions, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
	if err != nil {
		return versions{}, fmt.Errorf("reading the versions: %w", err)
	}
	v := versions{}
	for line := range strings.Lines(string(text)) {
		switch f := strings.Fields(line); {
		case len(f) < 2:
		case f[0] == "k8s.io/kubernetes":
			v.kubernetes = f[1]
		case f[0] == "go.etcd.io/etcd/server/v3":
			v.etcd = f[1]
		}
	}
	if v.kubernetes == "" || v.etcd == "" {
		return versions{}, fmt.Errorf("%s does not require k8s.io/kubernetes and go.etcd.io/etcd/server/v3", file)
	}
	return v, nil
}

// minor is a version without its patch number: v1.37.2 is 1 and 37.
func minor(version string) (majorPart, minorPart string) {
	majorPart, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minorPart, _, _ = strings.Cut(rest, ".")
	return majorPart, minorPart
}
