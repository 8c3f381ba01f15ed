package kube

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// changeTries is the maximum number of attempts of a change to a run that conflicts
// with other writers, or whose object was replaced.
const changeTries = 5

// Rename sets the run's name, in the status. The operator does not write spec.
func (s *Store) Rename(ctx context.Context, id, name string, at time.Time) error {
	return s.change(ctx, id, func(run *taskrun.Run) error {
		next := run.Renamed(name, at)
		if run.OnHold {
			clearProgress(next)
		}
		status := convert.StatusFromRun(next)
		if run.OnHold {
			status.ObservedGeneration = 0
		}
		_, err := s.writeStatus(ctx, next, status)
		return err
	})
}

// clearProgress clears what the status of a run on hold must not have: a state would
// end the hold.
func clearProgress(run *taskrun.Run) {
	run.Progress, run.History, run.HistoryDropped = orchestration.Progress{}, nil, 0
	run.Decisions, run.Delivery, run.ExpirationTime = nil, nil, nil
}

// Delete removes the run's object.
func (s *Store) Delete(ctx context.Context, id string, ifUnchanged *taskrun.ObjectRef) error {
	if ifUnchanged != nil {
		return s.delete(ctx, *ifUnchanged, metav1.Preconditions{
			UID: new(types.UID(ifUnchanged.UID)), ResourceVersion: &ifUnchanged.ResourceVersion,
		})
	}
	return s.change(ctx, id, func(run *taskrun.Run) error {
		return s.delete(ctx, run.Ref, metav1.Preconditions{UID: new(types.UID(run.Ref.UID))})
	})
}

func (s *Store) delete(ctx context.Context, revision taskrun.ObjectRef, only metav1.Preconditions) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	err := s.cluster.Client.Delete(ctx, s.named(revision), &client.DeleteOptions{Preconditions: &only})
	if err = s.cluster.translate(ctx, "deleting the run", err); err != nil {
		return s.forgetMissing(revision, err)
	}
	s.index.Remove(types.UID(revision.UID))
	return nil
}

// change calls do with the run of the id. If another replica deleted the run and
// created it again, which the index may not have yet, it calls do with the new one.
func (s *Store) change(ctx context.Context, id string, do func(*taskrun.Run) error) error {
	run, err := s.Get(ctx, id)
	for tried := 1; err == nil; tried++ {
		err = do(run)
		if !errors.Is(err, taskrun.ErrConflict) || tried == changeTries {
			return s.forgetMissing(run.Ref, err)
		}
		if _, err = s.Reload(ctx, run); err == nil || errors.Is(err, taskrun.ErrNotFound) {
			run, err = s.Get(ctx, id)
		}
	}
	return err
}

// named returns an object with the name for a call.
func (s *Store) named(revision taskrun.ObjectRef) *v1alpha1.TaskRun {
	return &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: revision.Name}}
}
