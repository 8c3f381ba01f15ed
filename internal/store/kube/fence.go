package kube

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Known returns the run with this id that the index has, nil if there is none.
func (s *Store) Known(id string) *taskrun.Run { return s.index.ByID(id) }

// Fence gives the run's object a new version, and returns its run. After it, every
// compare-and-swap of an older version fails.
func (s *Store) Fence(ctx context.Context, id string) (*taskrun.Run, error) {
	run, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object := &v1alpha1.TaskRun{}
	object.Namespace, object.Name = s.namespace, run.Ref.Name
	patch := fmt.Sprintf(`{"metadata":{"uid":%q,"annotations":{%q:%q}}}`, run.Ref.UID, v1alpha1.AnnotationFenced, uuid.NewString())
	err = s.cluster.translate(ctx, "fencing the run", s.cluster.Client.Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(patch))))
	if errors.Is(err, taskrun.ErrConflict) { // the new run has none of the old one's states
		err = fmt.Errorf("fencing the run: deleted and created again: %w", taskrun.ErrNotFound)
	}
	if err != nil {
		return nil, s.forgetMissing(run.Ref, err)
	}
	return s.index.PutObject(object), nil
}
