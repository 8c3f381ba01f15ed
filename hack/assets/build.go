package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// reportEvery is the interval between progress messages of a build.
const reportEvery = 20 * time.Second

// firstBuild is the expected duration of a build with cold caches on two cores. Later builds take seconds.
var firstBuild = map[string]string{
	"etcd":           "about 20 seconds",
	"kube-apiserver": "about 4 minutes",
	"kubectl":        "about 20 seconds",

	"kube-controller-manager": "about 4 minutes",
	"kube-scheduler":          "about 1 minute",
	"kubelet":                 "about 1 minute",
	"kube-proxy":              "about 1 minute",
}

// build builds a program from its Go module. It renames the result into the folder, so that an interrupted build
// leaves no incomplete program.
func (g *getter) build(ctx context.Context, program string) error {
	version := g.versions.of(program)
	g.say("building %s %s from its Go module: %s on two cores the first time, seconds when built before",
		program, version, firstBuild[program])
	if err := os.MkdirAll(g.folder, 0o750); err != nil {
		return fmt.Errorf("creating %s: %w", g.folder, err)
	}
	target := filepath.Join(g.folder, program)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", //nolint:gosec // fixed words and versions of ours
		"-modfile="+g.moduleFile(program), "-ldflags", linkerFlags(version), "-o", target+".new", "./cmd/"+program)
	command.Dir = filepath.Join(g.root, "hack", "cluster")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	command.Stdout, command.Stderr = g.progress, g.progress
	if err := g.runReporting(command, program); err != nil {
		return fmt.Errorf("building %s: %w", program, err)
	}
	if err := os.Rename(target+".new", target); err != nil {
		return fmt.Errorf("putting %s in place: %w", program, err)
	}
	return g.stamp(program)
}

// moduleFile returns the file in hack/cluster with the modules that the program is built from.
func (g *getter) moduleFile(program string) string {
	if program == "etcd" || program == "kubectl" {
		return moduleFiles[newest]
	}
	return moduleFiles[g.release]
}

// linkerFlags set the version of the Kubernetes programs. Without them, clients see an empty version.
func linkerFlags(version string) string {
	major, minorPart := minor(version)
	flags := []string{"-s", "-w"}
	for _, set := range []string{
		"gitVersion=" + version, "gitMajor=" + major, "gitMinor=" + minorPart, "gitTreeState=clean",
	} {
		flags = append(flags, "-X", "k8s.io/component-base/version."+set)
	}
	return strings.Join(flags, " ")
}

// runReporting runs a command and periodically reports that it is running.
func (g *getter) runReporting(command *exec.Cmd, program string) error {
	started := time.Now()
	finished := make(chan struct{})
	defer func() { <-finished }()
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(finished)
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				g.say("  … %s: %s so far", program, time.Since(started).Round(time.Second))
			}
		}
	}()
	if err := command.Run(); err != nil {
		return err
	}
	g.say("  %s is ready after %s", program, time.Since(started).Round(time.Second))
	return nil
}
