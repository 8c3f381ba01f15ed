package flows

import (
	"context"
	"errors"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// UnknownFlowRuns selects what holds for flow runs that are not stored.
type UnknownFlowRuns string

// The values of UnknownFlowRuns.
const (
	// UnknownNotFound: task runs of unknown flow runs are rejected, as Prefect does.
	UnknownNotFound UnknownFlowRuns = "not-found"
	// UnknownRunning: unknown flow runs count as running. It is for users whose flow runs
	// are on another server.
	UnknownRunning UnknownFlowRuns = "running"
)

// FlowRuns are the usecase.FlowRuns of a store.
type FlowRuns struct {
	Store   flowrun.Store
	Unknown UnknownFlowRuns // empty: UnknownNotFound
}

var _ usecase.FlowRuns = FlowRuns{}

// Facts returns the state and the run count of a flow run. A flow run that does not run
// is read past the cache: what is cached can be older than what the client knows, and a
// rejected start ends the program of the client.
func (f FlowRuns) Facts(ctx context.Context, id string) (*orchestration.FlowRun, error) {
	run, err := f.Store.Get(ctx, id)
	if err == nil && (run.State == nil || run.State.Type != orchestration.Running) {
		run, err = f.Store.Reload(ctx, run)
	}
	if err != nil {
		return nil, f.unknown(err)
	}
	return &orchestration.FlowRun{State: run.State, RunCount: run.RunCount}, nil
}

// Describe returns the name and the labels of a flow run.
func (f FlowRuns) Describe(ctx context.Context, id string) (*usecase.FlowRun, error) {
	run, err := f.Store.Get(ctx, id)
	if err != nil {
		return nil, f.unknown(err)
	}
	return &usecase.FlowRun{Name: run.Name, Labels: run.Labels}, nil
}

// unknown returns the error of a read, nil if an unknown flow run counts as running.
func (f FlowRuns) unknown(err error) error {
	if f.Unknown == UnknownRunning && errors.Is(err, taskrun.ErrNotFound) {
		return nil
	}
	return err
}
