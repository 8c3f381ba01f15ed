package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
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

// writeManifest writes the manifest for Krew: an object of the kind Plugin, see
// https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest.
func (r *release) writeManifest(built []archive, out io.Writer) error {
	platforms := make([]any, 0, len(built))
	for _, a := range built {
		platforms = append(platforms, map[string]any{
			"selector": map[string]any{"matchLabels": map[string]string{"os": a.system, "arch": a.machine}},
			"uri":      r.url + "/" + r.fileName(a), "sha256": a.sha256, "bin": a.program(),
		})
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "krew.googlecontainertools.github.com/v1alpha2", "kind": "Plugin",
		"metadata": map[string]string{"name": "taskrun"},
		"spec": map[string]any{
			"version": r.version, "homepage": "https://" + r.module,
			"shortDescription": short, "description": description, "caveats": caveats, "platforms": platforms,
		},
	})
	if err != nil {
		return err
	}
	path := filepath.Join(r.dist, "taskrun.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // readable by all users
		return err
	}
	_, _ = fmt.Fprintf(out, "Krew's manifest: %s\n", path)
	return nil
}
