package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// The kind Plugin of krew.googlecontainertools.github.com/v1alpha2, as far as it is
// needed: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest.
type (
	manifest struct {
		APIVersion string       `json:"apiVersion"`
		Kind       string       `json:"kind"`
		Metadata   manifestMeta `json:"metadata"`
		Spec       manifestSpec `json:"spec"`
	}
	manifestMeta struct {
		Name string `json:"name"`
	}
	manifestSpec struct {
		Version          string             `json:"version"`
		Homepage         string             `json:"homepage"`
		ShortDescription string             `json:"shortDescription"`
		Description      string             `json:"description"`
		Caveats          string             `json:"caveats"`
		Platforms        []manifestPlatform `json:"platforms"`
	}
	manifestPlatform struct {
		Selector manifestSelector `json:"selector"`
		URI      string           `json:"uri"`
		SHA256   string           `json:"sha256"`
		Bin      string           `json:"bin"`
	}
	manifestSelector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	}
)

const (
	short       = "See, cancel and retry Prefect task runs"
	description = `Lists task runs that are TaskRun objects, shows all states of one as a timeline,
cancels and retries them, and tells what waits for what: a worker, its time, a
slot of a concurrency limit.
`
	caveats = `The cluster needs the operator that TaskRuns belong to. Reading needs the role
view in a namespace, moving runs the role edit.
`
)

// writeManifest writes what Krew needs to install the archives.
func (r *release) writeManifest(built []archive, out io.Writer) error {
	m := manifest{
		APIVersion: "krew.googlecontainertools.github.com/v1alpha2", Kind: "Plugin", Metadata: manifestMeta{Name: "taskrun"},
		Spec: manifestSpec{
			Version: r.version, Homepage: "https://" + r.module,
			ShortDescription: short, Description: description, Caveats: caveats,
		},
	}
	for _, a := range built {
		m.Spec.Platforms = append(m.Spec.Platforms, manifestPlatform{
			Selector: manifestSelector{MatchLabels: map[string]string{"os": a.system, "arch": a.machine}},
			URI:      r.url + "/" + r.fileName(a), SHA256: a.sha256, Bin: a.program(),
		})
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	path := filepath.Join(r.dist, "taskrun.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // it is for everybody
		return err
	}
	_, _ = fmt.Fprintf(out, "Krew's manifest: %s\n", path)
	return nil
}
