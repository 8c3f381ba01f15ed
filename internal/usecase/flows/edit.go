package flows

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
)

// Update changes the fields of a run that the edit has (flows contract §2.2). Errors:
// ErrNotFound, *flowrun.EditError, *InvalidError, ErrUnavailable.
func (s *Service) Update(ctx context.Context, id string, edit flowrun.Edit) error {
	newName := s.NewName()
	return s.change(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) { return edit.Apply(run, newName) })
}

// MergeLabels sets labels of a run, and leaves its others as they are. Errors:
// ErrNotFound, ErrUnavailable.
func (s *Service) MergeLabels(ctx context.Context, id string, labels map[string]json.RawMessage) error {
	return s.change(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) {
		next := *run
		next.Labels = make(map[string]json.RawMessage, len(run.Labels)+len(labels))
		maps.Copy(next.Labels, run.Labels)
		maps.Copy(next.Labels, labels)
		next.FitLabels()
		return &next, nil
	})
}

// change is update for what is no transition.
func (s *Service) change(ctx context.Context, id string, change func(*flowrun.Run) (*flowrun.Run, error)) error {
	return s.update(ctx, id, func(run *flowrun.Run) (*flowrun.Run, error) {
		next, err := change(run)
		if err != nil {
			return nil, err
		}
		next.Touch(s.now())
		return next, nil
	}, func(_, _ *flowrun.Run) {})
}
