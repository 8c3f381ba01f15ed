package kube

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// createTries bounds how often a create is tried whose object is there when it
// is made and gone when it is read.
const createTries = 3

// Store is the taskrun.Store of one namespace.
type Store struct {
	cluster   *Cluster
	namespace string
	shelf     *shelf
}

var _ taskrun.Store = (*Store)(nil)

// Get returns the run with this id: from the view, or, if it is not there, from
// the API server, where a run made by another replica may just have come.
func (s *Store) Get(ctx context.Context, id string) (*taskrun.Run, error) {
	if run := s.shelf.byID(id); run != nil {
		return run, nil
	}
	run, err := s.read(ctx, id)
	if err == nil && run.ID != id {
		return nil, taskrun.ErrNotFound // an object of that name with another id
	}
	return run, err
}

// Find returns the run with this natural key that the view holds.
func (s *Store) Find(_ context.Context, key taskrun.NaturalKey) (*taskrun.Run, error) {
	if run := s.shelf.byKey(key); run != nil {
		return run, nil
	}
	return nil, taskrun.ErrNotFound
}

// Reload reads the run again from the API server.
func (s *Store) Reload(ctx context.Context, stale *taskrun.Run) (*taskrun.Run, error) {
	run, err := s.read(ctx, stale.Revision.Key)
	switch {
	case errors.Is(err, taskrun.ErrNotFound):
		s.shelf.remove(types.UID(stale.Revision.Object))
		return nil, err
	case err != nil:
		return nil, err
	case run.Revision.Object != stale.Revision.Object:
		return nil, fmt.Errorf("reading the run again: made anew meanwhile: %w", taskrun.ErrNotFound)
	}
	return run, nil
}

// read gets an object by name from the API server, past the view.
func (s *Store) read(ctx context.Context, name string) (*taskrun.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := &v1alpha1.TaskRun{}
	err := s.cluster.Reader.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, object)
	if err != nil {
		return nil, translate("reading the run", err)
	}
	return s.shelf.put(object), nil
}

// Create stores a new run in an object that has its id for a name: so of equal
// creates, on any replicas, only one can succeed.
func (s *Store) Create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	if existing := s.shelf.byID(run.ID); existing != nil {
		return existing, taskrun.ErrExists
	}
	var err error
	for range createTries {
		var created *taskrun.Run
		created, err = s.create(ctx, run)
		if !errors.Is(err, taskrun.ErrExists) {
			return created, err
		}
		existing, readErr := s.read(ctx, run.ID)
		if readErr == nil {
			return existing, taskrun.ErrExists
		}
		if !errors.Is(readErr, taskrun.ErrNotFound) {
			return nil, readErr
		}
	}
	return nil, fmt.Errorf("creating the run: made and deleted again and again: %w: %w", taskrun.ErrUnavailable, err)
}

func (s *Store) create(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := objectFromRun(run, s.namespace)
	err := s.cluster.Client.Create(ctx, object)
	if apierrors.IsNotFound(err) { // of the namespace, for the run is not to be there
		return nil, fmt.Errorf("creating the run: %w: %w", taskrun.ErrUnavailable, err)
	}
	if err != nil {
		return nil, translate("creating the run", err)
	}
	return s.shelf.put(object), nil
}

// UpdateProgress writes the status of the run's object, if that is still the
// version that was read.
func (s *Store) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	// A write of the status takes nothing else from the object that is sent, so
	// nothing else is.
	object := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{
		Namespace:       s.namespace,
		Name:            run.Revision.Key,
		UID:             types.UID(run.Revision.Object),
		ResourceVersion: run.Revision.Version,
	}}
	object.Status = statusFromRun(run)
	err := translate("writing the run's status", s.cluster.Client.Status().Update(ctx, object))
	if errors.Is(err, taskrun.ErrNotFound) {
		s.shelf.remove(types.UID(run.Revision.Object))
	}
	if err != nil {
		return nil, err
	}
	return s.shelf.put(object), nil
}

// Query returns the runs that match.
func (s *Store) Query(_ context.Context, q taskrun.Query) ([]*taskrun.Run, error) {
	return q.Page(s.matching(q.Filter)), nil
}

// Count returns how many runs match.
func (s *Store) Count(_ context.Context, f taskrun.Filter) (int, error) {
	return len(s.matching(f)), nil
}

func (s *Store) matching(f taskrun.Filter) []*taskrun.Run {
	all := s.shelf.all()
	runs := all[:0]
	for _, run := range all {
		if f.Match(run) {
			runs = append(runs, run)
		}
	}
	return runs
}

// State returns the state with this id and its run.
func (s *Store) State(_ context.Context, stateID string) (*orchestration.State, *taskrun.Run, error) {
	if state, run := s.shelf.byState(stateID); state != nil {
		return state, run, nil
	}
	return nil, nil, taskrun.ErrNotFound
}

// Ready tells whether the view is complete and the API server answers.
func (s *Store) Ready(ctx context.Context) error { return s.cluster.ready(ctx, s.namespace) }
