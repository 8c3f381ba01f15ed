package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/taskrun-dev/taskrun-operator/internal/controlplane"
)

// Each side has a namespace, and the operator watches only its own: so neither
// sees the other's objects.
const (
	oursNamespace = "ours"
	bareNamespace = "bare"
)

// operatorProcess is a running operator and its doors.
type operatorProcess struct {
	process       *controlplane.Process
	base, metrics string
}

func startOperator(
	ctx context.Context, cluster *controlplane.ControlPlane, binary, data string,
) (*operatorProcess, error) {
	kubeconfig := filepath.Join(data, "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig); err != nil {
		return nil, err
	}
	addresses := make([]string, 3)
	for i := range addresses {
		port, err := controlplane.FreePort()
		if err != nil {
			return nil, err
		}
		addresses[i] = "127.0.0.1:" + strconv.Itoa(port)
	}
	output, err := os.Create(filepath.Join(data, "operator.log")) //nolint:gosec // in this run's own folder
	if err != nil {
		return nil, err
	}
	defer output.Close()
	process, err := controlplane.StartProcess(controlplane.Command{
		Name: "taskrun-operator", Path: binary, PIDFolder: data, Output: output,
		Args: []string{
			"--kubeconfig=" + kubeconfig, "--rest-bind-address=" + addresses[0],
			"--namespace=" + oursNamespace, "--watch-namespaces=" + oursNamespace,
			"--metrics-bind-address=" + addresses[1], "--health-bind-address=" + addresses[2],
		},
	})
	if err != nil {
		return nil, err
	}
	o := &operatorProcess{process: process, base: "http://" + addresses[0] + "/api", metrics: "http://" + addresses[1] + "/metrics"}
	if err := awaitReady(ctx, o.base+"/ready"); err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return o, nil
}

func awaitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer 200: %w", url, ctx.Err())
		}
	}
}

// apiWrites reads from the operator's own metrics how many writes its clients
// have sent to the API server so far.
func apiWrites(ctx context.Context, url string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, metric := range families["rest_client_requests_total"].GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "method" && label.GetValue() != http.MethodGet {
				total += metric.GetCounter().GetValue()
			}
		}
	}
	return total, nil
}
