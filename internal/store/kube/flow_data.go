package kube

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// RunData before the run, its owner after it: docs/decisions/0037-run-data.md.

// partWrite is the RunData of one write of a run. They are deleted if the run is not
// written.
type partWrite struct {
	store   *Flows
	run     *flowrun.Run
	created []*v1alpha1.RunData
}

// add stores a part in an object of its own, and returns the name of the object. Without
// an owner, it is marked for the sweep.
func (w *partWrite) add(ctx context.Context, kind string, text json.RawMessage) (name string, err error) {
	key, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("creating a key: %w", err)
	}
	object := convert.PartToData(kind, w.run.ID, key.String(), text, w.run.Updated)
	object.Namespace = w.store.namespace
	if w.run.Ref.UID == "" {
		object.Labels = map[string]string{v1alpha1.LabelUnowned: ""}
	} else {
		object.OwnerReferences = []metav1.OwnerReference{ownerOf(w.run.Ref)}
	}
	if err := w.store.create(ctx, "storing a part of the run", object); err != nil {
		return "", err
	}
	w.created = append(w.created, object)
	w.store.cluster.flows.data.add(dataKey(object.Namespace, object.Name), text)
	return object.Name, nil
}

// undo deletes the objects, unless the write of the run can have succeeded: then the sweep
// or the owner deletes them. An object that stays because this fails, too.
func (w *partWrite) undo(ctx context.Context, failed error) {
	if isUnavailable(failed) {
		return
	}
	for _, object := range w.created {
		w.store.deleteData(ctx, object.Name, &metav1.Preconditions{UID: &object.UID})
	}
}

// own makes the run the owner of the objects. The sweep repeats what fails.
func (w *partWrite) own(ctx context.Context, owner taskrun.ObjectRef) {
	for _, object := range w.created {
		_ = w.store.setOwner(ctx, object, owner)
	}
}

func ownerOf(run taskrun.ObjectRef) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindFlowRun, Name: run.Name, UID: types.UID(run.UID),
	}
}

// setOwner sets the owner of an object, and removes the mark for the sweep.
func (s *Flows) setOwner(ctx context.Context, object metav1.Object, owner taskrun.ObjectRef) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": object.GetUID(), "ownerReferences": []metav1.OwnerReference{ownerOf(owner)},
		"labels": map[string]any{v1alpha1.LabelUnowned: nil},
	}})
	if err != nil {
		return fmt.Errorf("encoding the owner: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	data := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: object.GetName()}}
	data.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.KindRunData))
	err = s.cluster.Client.Patch(ctx, data, client.RawPatch(types.MergePatchType, patch))
	return s.translate(ctx, "setting the owner of a part", err)
}

// deleteData deletes a RunData that is not needed any more. What stays because this fails
// is deleted with its owner, or by the sweep.
func (s *Flows) deleteData(ctx context.Context, name string, only *metav1.Preconditions) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cluster.Timeout)
	defer cancel()
	object := &v1alpha1.RunData{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
	_ = s.cluster.Client.Delete(ctx, object, &client.DeleteOptions{Preconditions: only})
}

// create creates an object that is not a run.
func (s *Flows) create(ctx context.Context, doing string, object client.Object) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	return asFlowRun(s.cluster.translateCreate(ctx, doing, s.cluster.Client.Create(ctx, object)))
}
