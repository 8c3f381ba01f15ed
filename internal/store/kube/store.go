package kube

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Store is the taskrun.Store of one namespace.
type Store struct {
	cluster   *Cluster
	namespace string
	index     *index.NamespaceIndex
}

var _ taskrun.Store = (*Store)(nil)

// Get returns the run with this id, from the index or, if it does not have it, from the
// API server: another replica may just have created it.
func (s *Store) Get(ctx context.Context, id string) (*taskrun.Run, error) {
	if run := s.index.ByID(id); run != nil {
		return run, nil
	}
	if err := s.undecodable(id); err != nil {
		return nil, err
	}
	run, err := s.read(ctx, id)
	if errors.Is(err, taskrun.ErrNotFound) || (err == nil && run.ID != id) {
		return nil, s.cluster.notFound() // the object with that name can have another id
	}
	return run, err
}

// undecodable returns an error if the object of the run with this id cannot be
// decoded. The object can have any name, so that the API server cannot be asked.
func (s *Store) undecodable(id string) error {
	return s.cluster.index.Undecodables().Run(s.namespace, id)
}

// Find returns the run with this natural key that the index has.
func (s *Store) Find(_ context.Context, key taskrun.NaturalKey) (*taskrun.Run, error) {
	if run := s.index.ByKey(key); run != nil {
		return run, nil
	}
	if err := s.cluster.index.Undecodables().RunByKey(s.namespace, key); err != nil {
		return nil, err
	}
	return nil, s.cluster.notFound()
}

// Reload reads the run again from the API server.
func (s *Store) Reload(ctx context.Context, stale *taskrun.Run) (*taskrun.Run, error) {
	run, err := s.read(ctx, stale.Ref.Name)
	if err == nil && run.Ref.UID != stale.Ref.UID {
		err = fmt.Errorf("reading the run again: deleted and created again: %w", taskrun.ErrNotFound)
	}
	if err != nil {
		return nil, s.forgetMissing(stale.Ref, err)
	}
	return run, nil
}

// read gets an object by name from the API server.
func (s *Store) read(ctx context.Context, name string) (*taskrun.Run, error) {
	const doing = "reading the run"
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := &v1alpha1.TaskRun{}
	err := s.cluster.Reader.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, object)
	if err != nil {
		return nil, s.cluster.translate(ctx, doing, err)
	}
	run := s.index.PutObject(object)
	if !object.DeletionTimestamp.IsZero() {
		return nil, fmt.Errorf("%s: being deleted: %w", doing, taskrun.ErrNotFound)
	}
	return run, nil
}

// UpdateProgress writes the status of the run's object, if that is still the
// version that was read.
func (s *Store) UpdateProgress(ctx context.Context, run *taskrun.Run) (*taskrun.Run, error) {
	return s.writeStatus(ctx, run, convert.StatusFromRun(run))
}

// writeStatus writes a status to the run's object, if that is still the version
// that was read.
func (s *Store) writeStatus(ctx context.Context, run *taskrun.Run, status v1alpha1.TaskRunStatus) (*taskrun.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	// A write of the status takes nothing else from the object that is sent, so
	// nothing else is.
	object := &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{
		Namespace:       s.namespace,
		Name:            run.Ref.Name,
		UID:             types.UID(run.Ref.UID),
		ResourceVersion: run.Ref.ResourceVersion,
	}}
	object.Status = status
	const doing = "writing the run's status"
	base := s.index.ByUID(object.UID)
	if base == nil || base.Ref != run.Ref {
		// The rest of the object is not known: the response has to have all of it.
		if err := s.cluster.translate(ctx, doing, s.cluster.Client.Status().Update(ctx, object)); err != nil {
			return nil, s.forgetMissing(run.Ref, err)
		}
		return s.index.PutObject(object), nil
	}
	if err := s.cluster.translate(ctx, doing, s.cluster.Direct.updateStatus(ctx, object)); err != nil {
		return nil, s.forgetMissing(run.Ref, err)
	}
	return s.index.PutRun(&object.ObjectMeta, convert.Written(base, run, object)), nil
}

// forgetMissing removes an object from the index if a call returned that it does not
// exist, and returns the error of the call.
func (s *Store) forgetMissing(revision taskrun.ObjectRef, err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		s.index.Remove(types.UID(revision.UID))
	}
	return err
}

// Query returns the matching runs.
func (s *Store) Query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	leave, err := enterDeepPage(ctx, &q)
	defer leave()
	if err != nil {
		return taskrun.Page{}, err
	}
	return s.query(ctx, q)
}

func (s *Store) query(ctx context.Context, q taskrun.Query) (taskrun.Page, error) {
	if err := s.cluster.complete(); err != nil {
		return taskrun.Page{}, err
	}
	return s.index.Query(ctx, q)
}

// Each calls visit for each matching run.
func (s *Store) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	if err := s.cluster.complete(); err != nil {
		return err
	}
	return s.index.Each(ctx, f, visit)
}

// Count returns the number of matching runs.
func (s *Store) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	if err := s.cluster.complete(); err != nil {
		return 0, err
	}
	return s.index.Count(ctx, f)
}

// State returns the state with this id and its run.
func (s *Store) State(_ context.Context, stateID string) (*orchestration.State, *taskrun.Run, error) {
	if state, run := s.index.State(stateID); state != nil {
		return state, run, nil
	}
	return nil, nil, s.cluster.notFound()
}

// CacheEntry returns the newest entry of the cache under this key. An entry that
// another replica has just written can be missing: then the task is executed again.
func (s *Store) CacheEntry(_ context.Context, key string, now time.Time) (*orchestration.State, error) {
	if state := s.index.CacheEntry(key, now); state != nil {
		return state, nil
	}
	return nil, s.cluster.notFound()
}

// Ready returns nil if the index is complete and up to date, and the API server
// responds.
func (s *Store) Ready(ctx context.Context) error { return s.cluster.ready(ctx, s.namespace) }

// Follow calls change for each change of the runs that this replica knows. It returns
// the runs before the first of these changes.
func (s *Store) Follow(change func(before, after *taskrun.Run)) (now iter.Seq[*taskrun.Run], stop func()) {
	return s.index.Follow(change)
}

// ChangedSince returns the runs that changed at or after a time.
func (s *Store) ChangedSince(since time.Time) []*taskrun.Run { return s.index.ChangedSince(since) }

// DeletedAt returns the time at which this replica learned that a run of this id was
// deleted. The result is false if that is not known.
func (s *Store) DeletedAt(id string) (time.Time, bool) { return s.index.DeletedAt(id) }
