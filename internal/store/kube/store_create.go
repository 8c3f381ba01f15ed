package kube

import (
	"context"
	"errors"
	"fmt"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// createTries is the maximum number of attempts of a create whose object exists when it
// is created and does not exist when it is read.
const createTries = 3

// Create stores a new run in an object whose name is its id, so that only one of several
// equal creates, on any replicas, can succeed. If a user created an object with that
// name for a run with another id, Create returns that run with ErrExists: the id is
// free, but the name of its object is not.
func (s *Store) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	existing, err := s.existing(ctx, run.ID)
	switch {
	case err != nil:
		return nil, err
	case existing != nil:
		return existing, taskrun.ErrExists
	}
	return createOnce("run",
		func() (*taskrun.Run, error) { return s.post(ctx, run) },
		func() (*taskrun.Run, error) { return s.read(ctx, run.ID) },
	)
}

// createOnce creates a run of a kind. One that exists is read and returned with ErrExists.
func createOnce[T any](kind string, create, read func() (*T, error)) (*T, error) {
	for range createTries {
		created, err := create()
		if !errors.Is(err, taskrun.ErrExists) {
			return created, err
		}
		existing, err := read()
		if err == nil {
			return existing, taskrun.ErrExists
		}
		if !errors.Is(err, taskrun.ErrNotFound) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("creating the %s: one of its id is still being deleted: %w", kind, taskrun.ErrUnavailable)
}

// existing returns the run with this id, nil if there is none. The index can be stale: a
// run that it has is read from the API server, and for a run that it does not have, the
// create of the object decides.
func (s *Store) existing(ctx context.Context, id string) (*taskrun.Run, error) {
	if err := s.cluster.complete(); err != nil {
		return nil, err
	}
	known := s.index.ByID(id)
	if known == nil {
		if err := s.undecodable(id); err != nil {
			return nil, err
		}
		return nil, nil //nolint:nilnil // it does not exist
	}
	existing, err := s.Reload(ctx, known)
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil, nil //nolint:nilnil // it was deleted
	}
	return existing, err
}

// post creates the object.
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
	return s.index.PutRun(&object.ObjectMeta, convert.Created(run, object)), nil
}
