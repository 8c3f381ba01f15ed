package kube

import (
	"context"
	"errors"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Flow returns the flow with this id, from the index or, if it does not have it, from the
// API server. The name of the object of a flow does not follow from its id, so all flows
// are read then. There are few of them.
func (s *Flows) Flow(ctx context.Context, id string) (*flowrun.Flow, error) {
	if flow := s.known().index.Flow(id); flow != nil {
		return flow, nil
	}
	if err := s.known().undecodables.WithID(v1alpha1.KindRegisteredFlow, s.namespace, id); err != nil {
		return nil, err
	}
	if err := s.readFlows(ctx); err != nil {
		return nil, err
	}
	if flow := s.known().index.Flow(id); flow != nil {
		return flow, nil
	}
	return nil, s.notFound()
}

// readFlows reads all flows from the API server.
func (s *Flows) readFlows(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	var list v1alpha1.RegisteredFlowList
	if err := s.cluster.Reader.List(ctx, &list, client.InNamespace(s.namespace)); err != nil {
		return s.translate(ctx, "reading the flows", err)
	}
	for i := range list.Items {
		if o := &list.Items[i]; o.DeletionTimestamp.IsZero() {
			s.writable().putFlow(convert.FlowFromObject(o))
		}
	}
	return nil
}

// FlowNamed returns the flow with this name, from the index or, if it does not have it,
// from the API server.
func (s *Flows) FlowNamed(ctx context.Context, name string) (*flowrun.Flow, error) {
	if flow := s.known().index.FlowNamed(name); flow != nil {
		return flow, nil
	}
	if err := s.known().undecodables.WithName(v1alpha1.KindRegisteredFlow, s.namespace, name); err != nil {
		return nil, err
	}
	flow, err := s.readFlow(ctx, convert.FlowObjectName(name))
	if errors.Is(err, taskrun.ErrNotFound) || (err == nil && flow.Name != name) {
		return nil, s.notFound()
	}
	return flow, err
}

// readFlow gets a flow by the name of its object from the API server.
func (s *Flows) readFlow(ctx context.Context, object string) (*flowrun.Flow, error) {
	const doing = "reading the flow"
	o := &v1alpha1.RegisteredFlow{}
	if err := s.get(ctx, doing, object, o); err != nil {
		return nil, err
	}
	if !o.DeletionTimestamp.IsZero() {
		s.writable().remove(o.UID)
		return nil, fmt.Errorf("%s: being deleted: %w", doing, taskrun.ErrNotFound)
	}
	flow := convert.FlowFromObject(o)
	s.writable().putFlow(flow)
	return flow, nil
}

// CreateFlow stores a flow in an object whose name follows from its name: so of equal
// creates, on any replicas, only one can succeed.
func (s *Flows) CreateFlow(ctx context.Context, flow *flowrun.Flow) (*flowrun.Flow, error) {
	if err := s.cluster.flows.complete(); err != nil {
		return nil, err
	}
	if known := s.known().index.FlowNamed(flow.Name); known != nil {
		existing, err := s.existingFlow(ctx, known.Ref.Name, flow.Name)
		if !errors.Is(err, taskrun.ErrNotFound) {
			return existing, err
		}
		_ = s.forgetMissing(known.Ref, err)
	}
	for range createTries {
		object := convert.FlowToObject(flow, s.namespace)
		err := s.create(ctx, "creating the flow", object)
		if err == nil {
			created := convert.FlowFromObject(object)
			s.writable().putFlow(created)
			return created, nil
		}
		if !errors.Is(err, taskrun.ErrExists) {
			return nil, err
		}
		existing, err := s.existingFlow(ctx, object.Name, flow.Name)
		if !errors.Is(err, taskrun.ErrNotFound) {
			return existing, err
		}
	}
	return nil, fmt.Errorf("creating the flow: one of its name is still being deleted: %w", taskrun.ErrUnavailable)
}

// existingFlow returns the flow of an object, which must have this name, and ErrExists.
func (s *Flows) existingFlow(ctx context.Context, object, name string) (*flowrun.Flow, error) {
	existing, err := s.readFlow(ctx, object)
	switch {
	case err != nil:
		return nil, err
	case existing.Name != name:
		return nil, &taskrun.InvalidError{Field: "name", Reason: "the RegisteredFlow " + object + " has another name"}
	default:
		return existing, taskrun.ErrExists
	}
}

// UpdateFlow writes the status of the object of the flow, if that is still the version that
// was read.
func (s *Flows) UpdateFlow(ctx context.Context, flow *flowrun.Flow) (*flowrun.Flow, error) {
	const doing = "writing the flow"
	o := &v1alpha1.RegisteredFlow{}
	err := s.get(ctx, doing, flow.Ref.Name, o)
	switch {
	case err == nil && string(o.UID) != flow.Ref.UID:
		err = fmt.Errorf("%s: deleted and created again: %w", doing, taskrun.ErrNotFound)
	case err == nil && o.ResourceVersion != flow.Ref.ResourceVersion:
		s.writable().putFlow(convert.FlowFromObject(o))
		return nil, fmt.Errorf("%s: %w", doing, taskrun.ErrConflict)
	}
	if err != nil {
		return nil, s.forgetMissing(flow.Ref, err)
	}
	convert.FlowToStatus(flow, o)
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	if err := s.translate(ctx, doing, s.cluster.Client.Status().Update(ctx, o)); err != nil {
		return nil, s.forgetMissing(flow.Ref, err)
	}
	updated := convert.FlowFromObject(o)
	s.writable().putFlow(updated)
	return updated, nil
}

// DeleteFlow removes the object of the flow.
func (s *Flows) DeleteFlow(ctx context.Context, id string) error {
	flow, err := s.Flow(ctx, id)
	if err != nil {
		return err
	}
	return s.delete(ctx, "deleting the flow", &v1alpha1.RegisteredFlow{}, flow.Ref, nil)
}
