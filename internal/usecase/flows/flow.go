package flows

import (
	"context"
	"errors"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/internal/usecase"
)

// CreateFlow registers a flow, or returns the flow with this name as it is. created is
// true for a new flow (flows contract §2.1). Its id follows from its name. Equal calls, at
// the same time on any replicas, create one flow. Errors: *InvalidError if the name is too long, ErrUnavailable.
func (s *Service) CreateFlow(ctx context.Context, in flowrun.NewFlow) (flow *flowrun.Flow, created bool, err error) {
	first := &flowrun.Flow{ID: flowrun.FlowID(s.Namespace, in.Name), Created: s.now(), Name: in.Name, Tags: in.Tags, Labels: in.Labels}
	first.Updated = first.Created
	if err = first.CheckIdentity(); err != nil {
		return nil, false, err
	}
	first.Fit()
	existing, err := s.Store.FlowNamed(ctx, in.Name)
	switch {
	case err == nil:
		return existing, false, nil
	case !errors.Is(err, taskrun.ErrNotFound):
		return nil, false, err
	}
	kept, err := s.Store.CreateFlow(ctx, first)
	switch {
	case errors.Is(err, taskrun.ErrExists):
		return kept, false, nil
	case err != nil:
		return nil, false, err
	}
	first.Ref = kept.Ref // the labels of the response are null if the client sent null
	return first, true, nil
}

// Flow returns the flow with this id, or ErrNotFound.
func (s *Service) Flow(ctx context.Context, id string) (*flowrun.Flow, error) {
	return s.Store.Flow(ctx, id)
}

// FlowNamed returns the flow with this name, or ErrNotFound.
func (s *Service) FlowNamed(ctx context.Context, name string) (*flowrun.Flow, error) {
	return s.Store.FlowNamed(ctx, name)
}

// SetFlowTags replaces the tags of a flow. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) SetFlowTags(ctx context.Context, id string, tags []string) error {
	return s.updateFlow(ctx, id, func(flow *flowrun.Flow) {
		flow.Tags = tags
		flow.Fit()
	})
}

// TouchFlow records that a flow was changed, as a PATCH without tags does in Prefect.
// Errors: ErrNotFound, ErrUnavailable.
func (s *Service) TouchFlow(ctx context.Context, id string) error {
	return s.updateFlow(ctx, id, func(*flowrun.Flow) {})
}

func (s *Service) updateFlow(ctx context.Context, id string, change func(*flowrun.Flow)) error {
	load := func(ctx context.Context) (*flowrun.Flow, error) { return s.Store.Flow(ctx, id) }
	swap := usecase.Swap[flowrun.Flow]{
		Load:   load,
		Reload: func(ctx context.Context, _ *flowrun.Flow) (*flowrun.Flow, error) { return load(ctx) },
		Write:  s.Store.UpdateFlow,
		Wrote:  func(_, _, _ *flowrun.Flow) bool { return false }, // the same change is stored again
	}
	return hideConflict(swap.Do(ctx, func(flow *flowrun.Flow) (*flowrun.Flow, error) {
		next := *flow
		next.Updated = taskrun.Latest(flow.Updated, s.now())
		change(&next)
		return &next, nil
	}, func(_, _ *flowrun.Flow) {}))
}
