package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// operatorReadyLimit bounds a cold start: 100,000 runs have to be read in it.
const operatorReadyLimit = 5 * time.Minute

// Operator is a running operator and its doors.
type Operator struct {
	*controlplane.Process
	// Base is the REST endpoint's address, which ends in /api; Metrics is the full
	// address of the metrics.
	Base, Metrics string
	// ColdStart is how long it took from the start of the process until
	// GET /api/ready said yes.
	ColdStart time.Duration
	apiServer Source
}

// StartOperator starts the operator for one namespace, and returns when it is ready.
func (s *Stack) StartOperator(ctx context.Context, binary, namespace string) (*Operator, error) {
	kubeconfig := filepath.Join(s.data, "kubeconfig")
	if err := s.WriteKubeconfig(kubeconfig); err != nil {
		return nil, fmt.Errorf("preparing the operator: %w", err)
	}
	apiServer, err := s.APIServerMetrics()
	if err != nil {
		return nil, err
	}
	addresses, err := FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	output, err := os.Create(filepath.Join(s.data, "logs", "taskrun-operator.log"))
	if err != nil {
		return nil, fmt.Errorf("creating the log of the operator: %w", err)
	}
	defer output.Close()
	begin := time.Now()
	process, err := controlplane.StartProcess(controlplane.Command{
		Name: "taskrun-operator", Path: binary, PIDFolder: s.data, Output: output,
		Args: []string{
			"--kubeconfig=" + kubeconfig, "--rest-bind-address=" + addresses[0],
			"--namespace=" + namespace, "--watch-namespaces=" + namespace,
			"--metrics-bind-address=" + addresses[1], "--health-bind-address=" + addresses[2],
		},
	})
	if err != nil {
		return nil, fmt.Errorf("starting the operator: %w", err)
	}
	o := &Operator{Process: process, Base: "http://" + addresses[0] + "/api", Metrics: "http://" + addresses[1] + "/metrics", apiServer: apiServer}
	if err := AwaitReady(ctx, process, o.Base+"/ready", operatorReadyLimit); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (log %s)", err, output.Name()), process.Stop())
	}
	o.ColdStart = time.Since(begin)
	return o, nil
}

// FreeAddresses are loopback addresses that nobody listened on a moment ago, each
// another.
func FreeAddresses(n int) ([]string, error) {
	addresses := make([]string, n)
	for i := range addresses {
		port, err := controlplane.FreePort()
		if err != nil {
			return nil, fmt.Errorf("choosing an address: %w", err)
		}
		addresses[i] = "127.0.0.1:" + strconv.Itoa(port)
	}
	return addresses, nil
}
