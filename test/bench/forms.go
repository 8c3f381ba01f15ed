package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/test/bench/load"
	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
)

// forms are the forms of an object during its life. They are copied from an object
// that REST requests created and changed, so objects created directly are like it.
type forms struct {
	spec                        v1alpha1.TaskRunSpec
	pending, running, completed v1alpha1.TaskRunStatus
}

// settleLimit is the timeout for the controller to write a run's first state.
const settleLimit = 10 * time.Second

// takeForms creates and changes one run over REST, and returns its forms.
func takeForms(ctx context.Context, s *stack.Stack, client *load.Client, namespace string) (forms, error) {
	var f forms
	rest, err := newBareClient(s.Config())
	if err != nil {
		return f, err
	}
	objects := &bareLoop{client: rest, namespace: namespace}
	id, err := client.Create(ctx, load.Run{Group: load.GroupOf(0)})
	if err != nil {
		return f, fmt.Errorf("making the run that others are like: %w", err)
	}
	run, err := objects.awaitStatus(ctx, id)
	if err != nil {
		return f, err
	}
	f.spec, f.pending = run.Spec, run.Status
	for _, step := range []struct {
		state  load.State
		status *v1alpha1.TaskRunStatus
	}{{load.Running, &f.running}, {load.Completed, &f.completed}} {
		if err := client.SetState(ctx, id, step.state); err != nil {
			return f, fmt.Errorf("moving the run that others are like: %w", err)
		}
		if run, err = objects.get(ctx, id); err != nil {
			return f, err
		}
		*step.status = run.Status
	}
	return f, nil
}

// awaitStatus returns the object when the controller has written its first state.
func (b *bareLoop) awaitStatus(ctx context.Context, name string) (*v1alpha1.TaskRun, error) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		run, err := b.get(ctx, name)
		if err != nil || run.Status.State != nil {
			return run, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.New("the controller does not write the first state of a run")
		}
	}
}

// specOf returns the spec of the run with this number, with its own name, keys,
// group and flow run.
func (f *forms) specOf(number int) *v1alpha1.TaskRunSpec {
	spec := f.spec.DeepCopy()
	spec.Name = fmt.Sprintf("add-%06d", number)
	key := "add-1a2b3c4d-" + uuid.NewString()
	spec.DynamicKey = &key
	spec.FlowRunID = load.FlowRunOf(number)
	spec.Tags = []v1alpha1.Tag{"bench", load.GroupOf(number)}
	return spec
}

// statusOf returns the status of the run with this number. Half of the runs are
// RUNNING with a history of two states; a quarter each are PENDING and COMPLETED.
// States have their own ids. The times of consecutive runs are a second apart.
func (f *forms) statusOf(number int) *v1alpha1.TaskRunStatus {
	from := map[load.State]*v1alpha1.TaskRunStatus{
		load.Pending: &f.pending, load.Running: &f.running, load.Completed: &f.completed,
	}
	status := from[load.StateOf(number)].DeepCopy()
	shift := time.Duration(number) * time.Second
	for _, at := range []*v1alpha1.MicroTime{
		status.ExpectedStartTime, status.StartTime, status.EndTime, status.UpdatedTime, status.NextScheduledStartTime,
	} {
		if at != nil {
			at.Time = at.Add(-shift)
		}
	}
	ids := map[string]string{}
	for i := range status.History {
		renew(&status.History[i], ids, shift)
	}
	if status.State != nil {
		renew(status.State, ids, shift)
	}
	return status
}

// renew gives a state a new id wherever the status refers to it.
func renew(state *v1alpha1.State, ids map[string]string, shift time.Duration) {
	if ids[state.ID] == "" {
		ids[state.ID] = uuid.NewString()
	}
	state.ID = ids[state.ID]
	state.Timestamp.Time = state.Timestamp.Add(-shift)
}
