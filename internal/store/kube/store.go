package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

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
	if run := s.shelf.current().byID(id); run != nil {
		return run, nil
	}
	if err := s.undecodable(id); err != nil {
		return nil, err
	}
	run, err := s.read(ctx, id)
	if errors.Is(err, taskrun.ErrNotFound) || (err == nil && run.ID != id) {
		return nil, s.cluster.missing() // an object of that name can have another id
	}
	return run, err
}

// undecodable returns an error if the object of the run with this id cannot be
// decoded. The object can have any name, so that the API server cannot be asked.
func (s *Store) undecodable(id string) error { return s.shelf.undecodable.run(s.namespace, id) }

// Find returns the run with this natural key that the view holds.
func (s *Store) Find(_ context.Context, key taskrun.NaturalKey) (*taskrun.Run, error) {
	if run := s.shelf.current().byKey(key); run != nil {
		return run, nil
	}
	if err := s.shelf.undecodable.runOfKey(s.namespace, key); err != nil {
		return nil, err
	}
	return nil, s.cluster.missing()
}

// Reload reads the run again from the API server.
func (s *Store) Reload(ctx context.Context, stale *taskrun.Run) (*taskrun.Run, error) {
	run, err := s.read(ctx, stale.Ref.Name)
	if err == nil && run.Ref.UID != stale.Ref.UID {
		err = fmt.Errorf("reading the run again: made anew meanwhile: %w", taskrun.ErrNotFound)
	}
	if err != nil {
		return nil, s.gone(stale.Ref, err)
	}
	return run, nil
}

// read gets an object by name from the API server, past the view.
func (s *Store) read(ctx context.Context, name string) (*taskrun.Run, error) {
	const doing = "reading the run"
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := &v1alpha1.TaskRun{}
	err := s.cluster.Reader.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, object)
	if err != nil {
		return nil, s.cluster.translate(ctx, doing, err)
	}
	run := s.shelf.current().put(object)
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
	base := s.shelf.current().run(object.UID)
	if base == nil || base.Ref != run.Ref {
		// What the write does not tell of is not known either.
		if err := s.cluster.translate(ctx, doing, s.cluster.Client.Status().Update(ctx, object)); err != nil {
			return nil, s.gone(run.Ref, err)
		}
		return s.shelf.current().put(object), nil
	}
	if err := s.cluster.translate(ctx, doing, s.cluster.Direct.updateStatus(ctx, object)); err != nil {
		return nil, s.gone(run.Ref, err)
	}
	return s.shelf.current().keep(&object.ObjectMeta, convert.Progressed(base, object), false), nil
}

// gone takes an object that a call found missing out of the view.
func (s *Store) gone(revision taskrun.ObjectRef, err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		s.shelf.current().remove(types.UID(revision.UID))
	}
	return err
}

// Query returns the runs that match.
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
	if runs, few := s.candidates(q.Filter); few {
		return q.Page(runs), nil
	}
	return s.shelf.current().moment().page(ctx, q)
}

// Each visits the runs that match.
func (s *Store) Each(ctx context.Context, f taskrun.Filter, visit func(*taskrun.Run)) error {
	if err := s.cluster.complete(); err != nil {
		return err
	}
	runs, few := s.candidates(f)
	if !few {
		return s.shelf.current().moment().each(ctx, f, visit)
	}
	for i, run := range runs {
		if i%perBlock == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		visit(run)
	}
	return nil
}

// Count returns how many runs match.
func (s *Store) Count(ctx context.Context, f taskrun.Filter) (int, error) {
	if err := s.cluster.complete(); err != nil {
		return 0, err
	}
	if runs, few := s.candidates(f); few {
		return len(runs), nil
	}
	return s.shelf.current().moment().count(ctx, f)
}

// candidates returns the runs that match if the filter names the few that can.
func (s *Store) candidates(f taskrun.Filter) ([]*taskrun.Run, bool) {
	if f.ID == nil || f.ID.Any == nil || f.Or {
		return nil, false
	}
	named := s.shelf.current().some(f.ID.Any)
	f.ID = nil
	match, runs := f.Matcher(), named[:0]
	for _, run := range named {
		if match(run) {
			runs = append(runs, run)
		}
	}
	return runs, true
}

// State returns the state with this id and its run.
func (s *Store) State(_ context.Context, stateID string) (*orchestration.State, *taskrun.Run, error) {
	if state, run := s.shelf.current().byState(stateID); state != nil {
		return state, run, nil
	}
	return nil, nil, s.cluster.missing()
}

// CacheEntry returns the newest entry of the cache under this key. What another
// replica wrote a moment ago may be missing: then the run is simply done again.
func (s *Store) CacheEntry(_ context.Context, key string, now time.Time) (*orchestration.State, error) {
	if state := s.shelf.current().cacheEntry(key, now); state != nil {
		return state, nil
	}
	return nil, s.cluster.missing()
}

// Ready tells whether the view is complete and the API server answers.
func (s *Store) Ready(ctx context.Context) error { return s.cluster.ready(ctx, s.namespace) }
