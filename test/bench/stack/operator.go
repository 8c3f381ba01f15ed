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

// operatorReadyLimit is the timeout of a cold start, long enough to read 100,000 runs.
const operatorReadyLimit = 5 * time.Minute

// Operator is a running operator and its addresses.
type Operator struct {
	*controlplane.Process
	// Base is the URL of the REST endpoint and ends in /api. Metrics is the URL of the metrics.
	Base, Metrics string
	ColdStart     ColdStart
	apiServer     Source
}

// ColdStart is the cost from the start of the process until GET /api/ready returned success.
type ColdStart struct {
	Time, CPU time.Duration
	Peak      float64 // maximum resident memory, in bytes
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
	o.ColdStart.Time = time.Since(begin)
	if o.ColdStart.CPU, o.ColdStart.Peak, err = o.taken(); err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return o, nil
}

// taken returns the CPU time and the maximum resident memory of the process so far.
func (o *Operator) taken() (cpu time.Duration, peak float64, err error) {
	times, err := CPUTimes(map[string]int{"operator": o.PID()})
	if err != nil {
		return 0, 0, err
	}
	peak, err = PeakBytes(o.PID())
	return times["operator"], peak, err
}

const (
	// reconciledPoll is the interval between checks of the controller's queue.
	reconciledPoll = 100 * time.Millisecond
	// reconciledLimit is the timeout, long enough for 100,000 runs.
	reconciledLimit = 5 * time.Minute
)

// AwaitReconciled returns when the controller has reconciled each run that existed at the start. It returns the CPU
// time and the maximum resident memory of the operator until then.
func (o *Operator) AwaitReconciled(ctx context.Context, runs int) (cpu time.Duration, peak float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, reconciledLimit)
	defer cancel()
	tick := time.NewTicker(reconciledPoll)
	defer tick.Stop()
	for {
		metrics, err := o.ReadMetrics(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("waiting for the controller: %w", err)
		}
		controller := Label{"controller", "taskrun-controller"}
		done, waiting := metrics.Sum("controller_runtime_reconcile_total", controller), metrics.Sum("workqueue_depth", controller)
		if done >= float64(runs) && waiting == 0 {
			return o.taken()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("the controller has reconciled %.0f of %d runs within %s: %w", done, runs, reconciledLimit, ctx.Err())
		}
	}
}

// FreeAddresses returns different loopback addresses that no process listens on at the time of the call.
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
