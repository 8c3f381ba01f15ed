package flows

import (
	"context"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// copyState gives the task run that stands for a subflow the state that the subflow's run
// has entered (flows contract §4.7). The state of the run is stored already, so an error is
// none of its caller's: RepairCopy makes up for it.
func (s *Service) copyState(ctx context.Context, run *flowrun.Run) {
	if run.ParentTaskRunID != "" {
		_ = s.copyCurrent(ctx, run, false)
	}
}

// RepairCopy gives the task run that stands for a subflow the state of its run, if the call
// that stored the state did not get to it. Errors: ErrUnavailable.
func (s *Service) RepairCopy(ctx context.Context, run *flowrun.Run) error {
	if run.ParentTaskRunID == "" || run.State == nil || s.TaskRuns.Cached(run.ParentTaskRunID) == nil {
		return nil // not a subflow, or its task run was deleted
	}
	return hideConflict(ignoreNotFound(s.copyCurrent(ctx, run, true)))
}

// copyCurrent copies the state of the run as it is known now.
func (s *Service) copyCurrent(ctx context.Context, run *flowrun.Run, repair bool) error {
	first := run
	return s.TaskRuns.CopySubflowState(ctx, run.ParentTaskRunID, repair, func(ctx context.Context) (*flowrun.Run, error) {
		if first != nil {
			known := first
			first = nil
			return known, nil
		}
		return s.Store.Get(ctx, run.ID)
	})
}
