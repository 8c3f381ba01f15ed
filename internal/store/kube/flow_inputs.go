package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Input returns the value of an input.
func (s *Flows) Input(ctx context.Context, runID, key string) (*flowrun.Input, error) {
	object, err := s.input(ctx, runID, key)
	if err != nil {
		return nil, err
	}
	return convert.InputFromData(object), nil
}

// input returns the object of an input.
func (s *Flows) input(ctx context.Context, runID, key string) (*v1alpha1.RunData, error) {
	run, err := s.find(ctx, runID)
	if err != nil {
		return nil, err
	}
	object := &v1alpha1.RunData{}
	const doing = "reading the input"
	if err := s.get(ctx, doing, convert.RunDataName(runID, v1alpha1.DataInput, key), object); err != nil {
		return nil, err
	}
	if !isInputOf(object, run) {
		return nil, fmt.Errorf("%s: of a deleted run: %w", doing, taskrun.ErrNotFound)
	}
	return object, nil
}

// isInputOf reports whether an object is an input of a run, and not of an earlier one of
// the same id, which the garbage collector has not deleted yet.
func isInputOf(object *v1alpha1.RunData, run *flowrun.Run) bool {
	return object.Type == v1alpha1.DataInput && slices.ContainsFunc(object.OwnerReferences, func(owner metav1.OwnerReference) bool {
		return string(owner.UID) == run.Ref.UID
	})
}

// CreateInput stores an input in an object whose name follows from its run and key: so of
// equal creates, on any replicas, only one can succeed.
func (s *Flows) CreateInput(ctx context.Context, input *flowrun.Input) error {
	run, err := s.find(ctx, input.RunID)
	if err != nil {
		return err
	}
	for range createTries {
		object := convert.InputToData(input)
		object.Namespace, object.OwnerReferences = s.namespace, []metav1.OwnerReference{ownerOf(run.Ref)}
		err := s.create(ctx, "creating the input", object)
		if !errors.Is(err, taskrun.ErrExists) {
			return err
		}
		_, err = s.input(ctx, input.RunID, input.Key)
		switch {
		case err == nil:
			return taskrun.ErrExists
		case !errors.Is(err, taskrun.ErrNotFound):
			return err
		}
		if err := s.deleteForeign(ctx, object.Name, run); err != nil {
			return err
		}
	}
	return fmt.Errorf("creating the input: one of its key is still being deleted: %w", taskrun.ErrUnavailable)
}

// deleteForeign deletes the input of an earlier run of the same id.
func (s *Flows) deleteForeign(ctx context.Context, name string, run *flowrun.Run) error {
	object := &v1alpha1.RunData{}
	err := s.get(ctx, "reading the input", name, object)
	if err != nil || isInputOf(object, run) {
		return ignoreNotFound(err)
	}
	s.deleteData(ctx, name, &metav1.Preconditions{UID: &object.UID})
	return nil
}

func ignoreNotFound(err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil
	}
	return err
}

// inputsPerPage is how many inputs are read at once. Each has up to 768 KiB.
const inputsPerPage = 16

// ListInputs returns the inputs of a run, oldest first.
func (s *Flows) ListInputs(ctx context.Context, runID string) ([]*flowrun.Input, error) {
	run, err := s.find(ctx, runID)
	if err != nil {
		return nil, err
	}
	var all []*flowrun.Input
	of := client.MatchingFields{"type": v1alpha1.DataInput, "runID": runID}
	for next := ""; ; {
		list, err := s.inputPage(ctx, of, next)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			if isInputOf(&list.Items[i], run) {
				all = append(all, convert.InputFromData(&list.Items[i]))
			}
		}
		if next = list.Continue; next == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b *flowrun.Input) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Key, b.Key)) })
	return all, nil
}

func (s *Flows) inputPage(ctx context.Context, of client.MatchingFields, next string) (*v1alpha1.RunDataList, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	list := &v1alpha1.RunDataList{}
	err := s.cluster.Reader.List(ctx, list, client.InNamespace(s.namespace), of, client.Limit(inputsPerPage), client.Continue(next))
	return list, s.translate(ctx, "reading the inputs", err)
}

// DeleteInput removes an input.
func (s *Flows) DeleteInput(ctx context.Context, runID, key string) error {
	object, err := s.input(ctx, runID, key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	err = s.cluster.Client.Delete(ctx, object, &client.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &object.UID}})
	if err = s.translate(ctx, "deleting the input", err); errors.Is(err, taskrun.ErrConflict) {
		return fmt.Errorf("deleting the input: deleted and created again: %w", taskrun.ErrNotFound)
	}
	return err
}
