package flows

import "context"

// Delete removes a run with its states, its inputs and its task runs. Subflows are kept
// (flows contract §0.22). When it fails halfway, the run is still there, and the call can
// be repeated. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) Delete(ctx context.Context, id string) error {
	if _, err := s.Store.Get(ctx, id); err != nil {
		return err
	}
	if err := s.TaskRuns.DeleteOfFlowRun(ctx, id); err != nil {
		return err
	}
	if err := s.Store.Delete(ctx, id, nil); err != nil {
		return err
	}
	// Task runs that were created since. No more can be: their flow run does not exist.
	return s.TaskRuns.DeleteOfFlowRun(ctx, id)
}

// DeleteFlow removes a flow with its runs (see Delete). When it fails halfway, the flow is
// still there, and the call can be repeated. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) DeleteFlow(ctx context.Context, id string) error {
	if _, err := s.Store.Flow(ctx, id); err != nil {
		return err
	}
	if err := s.deleteRunsOf(ctx, id); err != nil {
		return err
	}
	if err := s.Store.DeleteFlow(ctx, id); err != nil {
		return err
	}
	return s.deleteRunsOf(ctx, id) // runs that were created since
}

func (s *Service) deleteRunsOf(ctx context.Context, flowID string) error {
	snapshot, err := s.Store.Snapshot(ctx)
	if err != nil {
		return err
	}
	var ids []string
	for run := range snapshot.RunsOf(flowID) {
		ids = append(ids, run.ID)
	}
	for _, id := range ids {
		if err = ignoreNotFound(s.Delete(ctx, id)); err != nil {
			return err
		}
	}
	return nil
}
