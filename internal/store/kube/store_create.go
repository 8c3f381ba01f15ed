package kube

import (
	"context"
	"errors"
	"fmt"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// createTries bounds how often a create is tried whose object is there when it
// is made and gone when it is read.
const createTries = 3

// Create stores a new run in an object that has its id for a name: so of equal
// creates, on any replicas, only one can succeed. If an object of that name was
// made by hand for a run of another id, that run is returned with ErrExists:
// the id is not taken, but there is no place for a run that has it.
func (s *Store) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	existing, err := s.existing(ctx, run.ID)
	switch {
	case err != nil:
		return nil, err
	case existing != nil:
		return existing, taskrun.ErrExists
	}
	for range createTries {
		created, err := s.post(ctx, run)
		if !errors.Is(err, taskrun.ErrExists) {
			return created, err
		}
		existing, err := s.read(ctx, run.ID)
		if err == nil {
			return existing, taskrun.ErrExists
		}
		if !errors.Is(err, taskrun.ErrNotFound) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("creating the run: one of its id is still being deleted: %w", taskrun.ErrUnavailable)
}

// existing returns the run of this id, nil when there is none. The view may be a
// moment behind, so the API server is asked about what it holds; about a run that
// it does not hold, the API server decides when the object is made.
func (s *Store) existing(ctx context.Context, id string) (*taskrun.Run, error) {
	if err := s.cluster.complete(); err != nil {
		return nil, err
	}
	known := s.shelf.current().byID(id)
	if known == nil {
		if err := s.undecodable(id); err != nil {
			return nil, err
		}
		return nil, nil //nolint:nilnil // there is none
	}
	existing, err := s.Reload(ctx, known)
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none any more
	}
	return existing, err
}

// post makes the object.
func (s *Store) post(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := convert.ObjectFromRun(run, s.namespace)
	if caller := taskrun.Caller(ctx); caller != "" {
		object.Annotations = map[string]string{v1alpha1.AnnotationCreatedBy: caller}
	}
	if err := s.cluster.Direct.create(ctx, object); err != nil {
		return nil, s.cluster.translateCreate(ctx, "creating the run", err)
	}
	return s.shelf.current().put(object), nil
}
