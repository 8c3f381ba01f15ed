package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Rename sets the run's name in its spec.
func (s *Store) Rename(ctx context.Context, id, name string, at time.Time) error {
	run, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	updated := v1alpha1.NewMicroTime(at)
	patch, err := json.Marshal(map[string]any{
		// The uid makes the write fail when the object was made anew meanwhile.
		"metadata": map[string]any{"uid": run.Revision.Object},
		"spec":     map[string]any{"name": name, "updated": &updated},
	})
	if err != nil {
		return fmt.Errorf("renaming the run: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := s.named(run)
	err = translate("renaming the run", s.cluster.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch)))
	if err != nil {
		return s.gone(run, err)
	}
	s.shelf.put(object)
	return nil
}

// Delete removes the run's object.
func (s *Store) Delete(ctx context.Context, id string, ifUnchanged *taskrun.Revision) error {
	run, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	revision := run.Revision
	preconditions := metav1.Preconditions{UID: (*types.UID)(&revision.Object)}
	if ifUnchanged != nil {
		revision = *ifUnchanged
		preconditions.ResourceVersion = &revision.Version
	}
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	err = s.cluster.Client.Delete(ctx, s.named(run), &client.DeleteOptions{Preconditions: &preconditions})
	if err = translate("deleting the run", err); err != nil {
		return s.gone(run, err)
	}
	s.shelf.remove(types.UID(revision.Object))
	return nil
}

// named is an object to be filled by the answer to a call about the run.
func (s *Store) named(run *taskrun.Run) *v1alpha1.TaskRun {
	return &v1alpha1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: run.Revision.Key}}
}

// gone takes a run that turned out to be missing out of the view.
func (s *Store) gone(run *taskrun.Run, err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		s.shelf.remove(types.UID(run.Revision.Object))
	}
	return err
}
