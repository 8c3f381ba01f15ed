package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

const (
	// operatorName is the name of the operator's process in messages and of its pid file.
	operatorName = "taskrun-operator"
	// operatorLimit is the timeout for the operator to become ready.
	operatorLimit = time.Minute
	// stopLimit is the timeout for another `make run` on the same data to stop: three programs, at most 20 s each.
	stopLimit = 70 * time.Second
	// look is the interval of repeated checks.
	look = 100 * time.Millisecond
	// parentLook is the interval between checks whether make still runs.
	parentLook = time.Second
	// apiServerGOGC makes kube-apiserver collect garbage less often, for fewer slow responses at the cost of memory
	// (docs/benchmarks.md).
	apiServerGOGC = 400
)

// errParentGone means that make was killed, so nothing else would stop the processes.
var errParentGone = errors.New("make is gone")

// stack holds all running processes.
type stack struct {
	options    options
	kubeconfig string
	unlock     func() error
	plane      *controlplane.ControlPlane
	operator   *controlplane.Process
}

// start starts everything. After an error, no process is left running.
func start(ctx context.Context, o options, stdout, stderr io.Writer) (*stack, error) {
	unlock, err := controlplane.AwaitLock(ctx, o.data, stopLimit, func(locked *controlplane.LockedError) {
		_, _ = fmt.Fprintf(stdout, "waiting for another `make run` (process %s), which is stopping\n", locked.Holder)
	})
	if err != nil {
		return nil, err
	}
	s := &stack{options: o, unlock: unlock, kubeconfig: filepath.Join(o.data, "kubeconfig")}
	if err := s.up(ctx, stdout, stderr); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *stack) up(ctx context.Context, stdout, stderr io.Writer) error {
	ended, err := controlplane.EndStale(ctx, s.options.data)
	if err != nil {
		return err
	}
	for _, one := range ended {
		_, _ = fmt.Fprintln(stdout, "ended a process that a killed run had left behind:", one)
	}
	// Check the port first, so that a busy one does not cost the wait for the API server.
	port, err := s.options.restPort()
	if err != nil {
		return err
	}
	if err := controlplane.CheckPort(rest, port); err != nil {
		return err
	}
	if err := s.startPlane(ctx, stdout); err != nil {
		return err
	}
	return s.startOperator(ctx, stderr)
}

func (s *stack) startPlane(ctx context.Context, stdout io.Writer) error {
	root, err := controlplane.Repository()
	if err != nil {
		return err
	}
	assets, err := controlplane.Assets(root)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(stdout, "starting etcd and kube-apiserver; their data and logs are in", s.options.data)
	s.plane, err = controlplane.Start(ctx, controlplane.Options{
		Assets: assets, Data: s.options.data, Durable: true,
		EtcdPort: s.options.etcdPort, APIServerPort: s.options.apiServerPort, APIServerGOGC: apiServerGOGC,
	})
	if err != nil {
		return err
	}
	if err := s.plane.WriteKubeconfig(s.kubeconfig); err != nil {
		return err
	}
	return controlplane.ApplyCRDs(ctx, s.plane.Config(), filepath.Join(root, "config", "crd", "bases"))
}

func (s *stack) startOperator(ctx context.Context, stderr io.Writer) error {
	// Other servers of the operator are off by default, because each port could be busy.
	args := append([]string{
		"--kubeconfig=" + s.kubeconfig, "--rest-bind-address=" + s.options.restAddress,
		"--metrics-bind-address=0", "--health-bind-address=0",
	}, s.options.operatorArgs...)
	var err error
	s.operator, err = controlplane.StartProcess(controlplane.Command{
		Name: operatorName, Path: s.options.operator, Args: args, PIDFolder: s.options.data, Output: stderr,
	})
	if err != nil {
		return err
	}
	return s.awaitOperator(ctx)
}

// awaitOperator waits until REST is ready.
func (s *stack) awaitOperator(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, operatorLimit)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if ready(ctx, "http://"+s.options.restAddress+"/api/ready") {
			return nil
		}
		select {
		case <-s.operator.Done():
			return errors.New("the operator ended before it was ready; its last lines above say why")
		case <-ctx.Done():
			return fmt.Errorf("the operator was not ready within %s", operatorLimit)
		case <-tick.C:
		}
	}
}

func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// wait returns nil when it is told to stop, or an error if a process has ended by itself.
func (s *stack) wait(ctx context.Context) error {
	processes := s.plane.Processes()
	select {
	case <-ctx.Done():
		if cause := context.Cause(ctx); errors.Is(cause, errParentGone) {
			return cause
		}
		return nil
	case <-s.operator.Done():
		return errors.New("the operator has ended by itself; its last lines above say why")
	case <-processes["etcd"].Done():
		return fmt.Errorf("etcd has ended by itself; see %s", filepath.Join(s.options.data, "logs", "etcd.log"))
	case <-processes["kube-apiserver"].Done():
		return fmt.Errorf("kube-apiserver has ended by itself; see %s", filepath.Join(s.options.data, "logs", "kube-apiserver.log"))
	}
}

// stop stops the processes, the operator first.
func (s *stack) stop() error {
	err := errors.Join(controlplane.MarkStopping(s.options.data), s.operator.Stop())
	if s.plane != nil {
		err = errors.Join(err, s.plane.Stop())
	}
	return errors.Join(err, s.unlock())
}

// watchParent stops everything after make was killed, because Ctrl-C would no longer reach this process.
func watchParent(ctx context.Context, cancel context.CancelCauseFunc) {
	parent := os.Getppid()
	tick := time.NewTicker(parentLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				cancel(errParentGone)
				return
			}
		}
	}
}
