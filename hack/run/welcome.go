package main

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// welcome prints the next commands, for another terminal.
func (s *stack) welcome(out io.Writer) error {
	path, err := s.searchPath()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `
taskrun-operator is running. REST: http://%[1]s/api

In another terminal:

  export KUBECONFIG=%[2]s
%[3]s
and try:

  kubectl apply -f config/samples/
  kubectl get trun
  make plugin && PATH=$PWD/bin:$PATH kubectl taskrun queue
  curl -s http://%[1]s/api/task_runs/filter -H 'content-type: application/json' -d '{"limit": 1}'

For Prefect (README.md, Quick start):

  export PREFECT_API_URL=http://%[1]s/api

Ctrl-C stops everything; the runs are there again at the next start.
To start without them, delete %[4]s.

`, s.options.restAddress, s.kubeconfig, path, s.options.data)
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// searchPath returns the line that puts our kubectl first in PATH, if one was built because PATH had none that
// is new enough.
func (s *stack) searchPath() (string, error) {
	root, err := controlplane.Repository()
	if err != nil {
		return "", err
	}
	built := filepath.Join(root, "bin", "k8s")
	if !controlplane.Complete(built, "kubectl") {
		return "", nil
	}
	if found, err := exec.LookPath("kubectl"); err == nil && filepath.Dir(found) == built {
		return "", nil
	}
	return "  export PATH=" + built + ":$PATH\n", nil
}
