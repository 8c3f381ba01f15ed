package flows

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// TaskRuns are the task runs of the namespace.
type TaskRuns interface {
	// Exists reports whether there is a task run with this id.
	Exists(ctx context.Context, id string) (bool, error)
	// Cached returns the task run with this id, nil if it is not cached. It may miss recent
	// writes of other replicas.
	Cached(id string) *taskrun.Run
	// Each calls visit with every task run that matches (see taskrun.Lister).
	Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error
	// CopySubflowState gives a task run the state of the subflow that it stands for (see
	// usecase.Service).
	CopySubflowState(ctx context.Context, id string, repair bool, subflow func(context.Context) (*flowrun.Run, error)) error
	// Cancel makes a task run CANCELLED that has not ended, by force. A task run that does
	// not exist counts as ended.
	Cancel(ctx context.Context, id, message string) error
	// DeleteOfFlowRun deletes the task runs of a flow run. It may miss those that are
	// created during the call.
	DeleteOfFlowRun(ctx context.Context, flowRunID string) error
}

// NewTaskRuns returns the task runs of a namespace. store and service have the same runs.
func NewTaskRuns(store taskrun.Store, service *usecase.Service) TaskRuns {
	return taskRuns{service: service, store: store}
}

type taskRuns struct {
	service *usecase.Service
	store   taskrun.Store
}

func (t taskRuns) CopySubflowState(
	ctx context.Context, id string, repair bool, subflow func(context.Context) (*flowrun.Run, error),
) error {
	return t.service.CopySubflowState(ctx, id, repair, subflow)
}

func (t taskRuns) Cancel(ctx context.Context, id, message string) error {
	return ignoreNotFound(t.service.Cancel(ctx, id, message))
}

func (t taskRuns) Cached(id string) *taskrun.Run { return t.store.Known(id) }

func (t taskRuns) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	return t.store.Each(ctx, f, visit)
}

func (t taskRuns) Exists(ctx context.Context, id string) (bool, error) {
	if t.Cached(id) != nil {
		return true, nil
	}
	_, err := t.store.Get(ctx, id)
	return err == nil, ignoreNotFound(err)
}

// parallelDeletes is how many task runs one call deletes at a time.
const parallelDeletes = 8

func (t taskRuns) DeleteOfFlowRun(ctx context.Context, flowRunID string) error {
	var ids []string
	filter := taskrun.Filter{FlowRunID: &taskrun.FlowRunIDFilter{Any: []string{flowRunID}}}
	if err := t.Each(ctx, filter, func(run *taskrun.Run) { ids = append(ids, run.ID) }); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelDeletes)
	for _, id := range ids {
		group.Go(func() error { return ignoreNotFound(t.store.Delete(ctx, id, nil)) })
	}
	return group.Wait()
}

func ignoreNotFound(err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil
	}
	return err
}
