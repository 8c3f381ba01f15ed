package flows

import (
	"cmp"
	"context"
	"errors"
	"regexp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// inputKey matches the keys that an input can have (flows contract §2.2).
var inputKey = regexp.MustCompile(`^[a-zA-Z0-9-]+$`)

// CreateInput stores an input of a run. An empty ID and a zero Created are set. Errors:
// ErrNotFound, ErrExists if the run has an input with this key, *InvalidError,
// ErrUnavailable.
func (s *Service) CreateInput(ctx context.Context, in flowrun.Input) error {
	if err := checkInput(&in); err != nil {
		return err
	}
	in.ID = cmp.Or(in.ID, s.NewID())
	if in.Created.IsZero() {
		in.Created = s.now()
	}
	return s.Store.CreateInput(ctx, &in)
}

func checkInput(in *flowrun.Input) error {
	if !inputKey.MatchString(in.Key) {
		return &taskrun.InvalidError{Field: "key", Reason: "only letters, digits and dashes are allowed"}
	}
	return cmp.Or(
		taskrun.CheckText("key", in.Key, flowrun.MaxInputKey),
		taskrun.CheckBytes("value", in.Value, flowrun.MaxInput),
	)
}

// Input returns an input, or ErrNotFound.
func (s *Service) Input(ctx context.Context, runID, key string) (*flowrun.Input, error) {
	return s.Store.Input(ctx, runID, key)
}

// ListInputs returns the inputs that match, oldest first. A run that does not exist has
// none.
func (s *Service) ListInputs(ctx context.Context, runID string, f flowrun.InputFilter) ([]*flowrun.Input, error) {
	inputs, err := s.Store.ListInputs(ctx, runID)
	if err != nil {
		return nil, ignoreNotFound(err)
	}
	excluded := taskrun.SetOf(f.Exclude)
	matching := make([]*flowrun.Input, 0, min(len(inputs), max(f.Limit, 0)))
	for _, in := range inputs {
		if len(matching) >= f.Limit {
			break
		}
		if taskrun.LikePrefix(in.Key, f.Prefix) && !excluded[in.Key] {
			matching = append(matching, in)
		}
	}
	return matching, nil
}

// DeleteInput removes an input. Errors: ErrNotFound, ErrUnavailable.
func (s *Service) DeleteInput(ctx context.Context, runID, key string) error {
	return s.Store.DeleteInput(ctx, runID, key)
}

// putInput stores an input in place of an earlier one.
func (s *Service) putInput(ctx context.Context, in flowrun.Input) error {
	err := s.CreateInput(ctx, in)
	if !errors.Is(err, taskrun.ErrExists) {
		return err
	}
	if err = s.DeleteInput(ctx, in.RunID, in.Key); ignoreNotFound(err) != nil {
		return err
	}
	return s.CreateInput(ctx, in)
}
