package flows

import (
	"context"
	"errors"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// BulkDelete deletes the runs that a query selects (see Delete), and returns their ids.
// Runs that are gone already are left out. It ends at the first error.
func (s *Service) BulkDelete(ctx context.Context, q flowrun.Query) (deleted []string, err error) {
	page, err := s.page(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(page.Runs))
	for _, run := range page.Runs {
		ids = append(ids, run.ID)
	}
	return deleteEach(ctx, ids, s.Delete)
}

// BulkDeleteFlows deletes the flows that a query selects (see DeleteFlow), as BulkDelete
// does with runs.
func (s *Service) BulkDeleteFlows(ctx context.Context, q flowrun.FlowQuery) (deleted []string, err error) {
	page, err := s.QueryFlows(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(page.Flows))
	for _, flow := range page.Flows {
		ids = append(ids, flow.ID)
	}
	return deleteEach(ctx, ids, s.DeleteFlow)
}

func deleteEach(ctx context.Context, ids []string, deleteOne func(context.Context, string) error) (deleted []string, err error) {
	for _, id := range ids {
		switch err = deleteOne(ctx, id); {
		case errors.Is(err, taskrun.ErrNotFound):
		case err != nil:
			return deleted, err
		default:
			deleted = append(deleted, id)
		}
	}
	return deleted, nil
}

// BulkSetState proposes a state for each run that a query selects, one after the other, and
// returns the outcomes. An error with one of them is an ABORT without a state (flows
// contract §2.2).
func (s *Service) BulkSetState(ctx context.Context, q flowrun.Query, p taskrun.Proposal) ([]flowrun.Outcome, error) {
	page, err := s.page(ctx, q)
	if err != nil {
		return nil, err
	}
	outcomes := make([]flowrun.Outcome, 0, len(page.Runs))
	for _, run := range page.Runs {
		outcome, err := s.SetState(ctx, run.ID, p)
		if err != nil {
			outcome = flowrun.Outcome{Run: run, Status: orchestration.Abort, Reason: err.Error()}
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}
