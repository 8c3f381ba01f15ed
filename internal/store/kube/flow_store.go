package kube

import (
	"context"
	"errors"
	"fmt"
	"iter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Flows is the flowrun.Store of one namespace, on FlowRun, RegisteredFlow and RunData
// objects.
type Flows struct {
	cluster   *Cluster
	namespace string
}

var _ flowrun.Store = (*Flows)(nil)

// Flows returns the flows of one namespace, which the cache must watch.
func (c *Cluster) Flows(namespace string) *Flows {
	return &Flows{cluster: c, namespace: namespace}
}

// known returns the flows that this replica knows, for reads.
func (s *Flows) known() *flowNamespace { return s.cluster.flows.known(s.namespace) }

// writable returns the flows that this replica knows, for changes and subscriptions.
func (s *Flows) writable() *flowNamespace { return s.cluster.flows.namespace(s.namespace) }

// Get returns the run with this id, from the index or, if it does not have it, from the
// API server: another replica may just have created it.
func (s *Flows) Get(ctx context.Context, id string) (*flowrun.Run, error) {
	run, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.loaded(ctx, run)
}

// find is Get without the parts that are stored apart.
func (s *Flows) find(ctx context.Context, id string) (*flowrun.Run, error) {
	if run := s.known().index.Run(id); run != nil {
		return run, nil
	}
	if err := s.known().undecodables.WithID(v1alpha1.KindFlowRun, s.namespace, id); err != nil {
		return nil, err
	}
	run, err := s.read(ctx, id)
	switch {
	case errors.Is(err, taskrun.ErrNotFound), err == nil && (run.Run.ID != id || run.Run.FlowID == ""):
		return nil, s.notFound() // the object of that name can have another id
	case err != nil:
		return nil, err
	}
	return run.Run, nil
}

// loadTries is the maximum number of attempts to read a run whose parts are replaced
// meanwhile.
const loadTries = 5

// loaded is Load. It reads the run again if its parts were replaced.
func (s *Flows) loaded(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	for range loadTries {
		loaded, err := s.Load(ctx, run)
		if !errors.Is(err, taskrun.ErrConflict) {
			return loaded, err
		}
		now, err := s.reload(ctx, run)
		if err != nil {
			return nil, err
		}
		run = now.Run
	}
	return nil, fmt.Errorf("%w: the parts of the run were replaced at each read", taskrun.ErrUnavailable)
}

// Reload reads the run again from the API server.
func (s *Flows) Reload(ctx context.Context, stale *flowrun.Run) (*flowrun.Run, error) {
	run, err := s.reload(ctx, stale)
	if err != nil {
		return nil, err
	}
	return s.loaded(ctx, run.Run)
}

// reload is Reload without the parts that are stored apart.
func (s *Flows) reload(ctx context.Context, stale *flowrun.Run) (*convert.FlowRun, error) {
	run, err := s.read(ctx, stale.Ref.Name)
	if err == nil && run.Run.Ref.UID != stale.Ref.UID {
		err = fmt.Errorf("reading the run again: deleted and created again: %w", taskrun.ErrNotFound)
	}
	if err != nil {
		return nil, s.forgetMissing(stale.Ref, err)
	}
	return run, nil
}

// readLoaded is read with the parts that are stored apart.
func (s *Flows) readLoaded(ctx context.Context, name string) (*flowrun.Run, error) {
	run, err := s.read(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.loaded(ctx, run.Run)
}

// read gets a run by the name of its object from the API server.
func (s *Flows) read(ctx context.Context, name string) (*convert.FlowRun, error) {
	const doing = "reading the flow run"
	object := &v1alpha1.FlowRun{}
	if err := s.get(ctx, doing, name, object); err != nil {
		return nil, err
	}
	if !object.DeletionTimestamp.IsZero() {
		s.writable().remove(object.UID)
		return nil, fmt.Errorf("%s: being deleted: %w", doing, taskrun.ErrNotFound)
	}
	return s.writable().putRun(convert.FlowRunFromObject(object)), nil
}

// Delete removes the object of the run. The garbage collector deletes its RunData.
func (s *Flows) Delete(ctx context.Context, id string, ifUnchanged *taskrun.ObjectRef) error {
	const doing = "deleting the flow run"
	if ifUnchanged != nil {
		return s.delete(ctx, doing, &v1alpha1.FlowRun{}, *ifUnchanged, &ifUnchanged.ResourceVersion)
	}
	run, err := s.find(ctx, id)
	for tried := 1; err == nil; tried++ {
		err = s.delete(ctx, doing, &v1alpha1.FlowRun{}, run.Ref, nil)
		if !errors.Is(err, taskrun.ErrConflict) || tried == changeTries {
			return err
		}
		// Another replica deleted the run and created it again.
		if _, err = s.reload(ctx, run); err == nil || errors.Is(err, taskrun.ErrNotFound) {
			run, err = s.find(ctx, id)
		}
	}
	return err
}

// delete deletes an object, with a version only if that is its current one, and removes it
// from the index.
func (s *Flows) delete(ctx context.Context, doing string, object client.Object, ref taskrun.ObjectRef, version *string) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	object.SetNamespace(s.namespace)
	object.SetName(ref.Name)
	uid := types.UID(ref.UID)
	only := &client.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: version}}
	err := s.translate(ctx, doing, s.cluster.Client.Delete(ctx, object, only))
	if err == nil {
		s.writable().remove(uid)
	}
	return s.forgetMissing(ref, err)
}

// State returns the state with this id and its run.
func (s *Flows) State(_ context.Context, stateID string) (*orchestration.State, *flowrun.Run, error) {
	if state, run := s.known().index.State(stateID); state != nil {
		return state, run, nil
	}
	return nil, nil, s.notFound()
}

// Snapshot returns all flows and runs of one moment.
func (s *Flows) Snapshot(context.Context) (flowrun.Snapshot, error) {
	if err := s.cluster.flows.complete(); err != nil {
		return nil, err
	}
	return s.known().index.Snapshot(), nil
}

// Follow calls change for each change of the runs that this replica knows.
func (s *Flows) Follow(change func(before, after *flowrun.Run)) (now iter.Seq[*flowrun.Run], stop func()) {
	return s.writable().index.Follow(change)
}

// notFound is the error about a flow or a run that the index does not have.
func (s *Flows) notFound() error {
	if err := s.cluster.flows.complete(); err != nil {
		return err
	}
	return taskrun.ErrNotFound
}

// forgetMissing removes an object from the index if a call returned that it does not
// exist, and returns the error of the call.
func (s *Flows) forgetMissing(ref taskrun.ObjectRef, err error) error {
	if errors.Is(err, taskrun.ErrNotFound) {
		s.writable().remove(types.UID(ref.UID))
	}
	return err
}

// translate is Cluster.translate for errors about flow runs.
func (s *Flows) translate(ctx context.Context, doing string, err error) error {
	return asFlowRun(s.cluster.translate(ctx, doing, err))
}

// wholeFlowRun stands for the field if no single one is invalid.
const wholeFlowRun = "flow_run"

// asFlowRun returns an error about a whole task run as one about a flow run.
func asFlowRun(err error) error {
	if invalid, ok := errors.AsType[*taskrun.InvalidError](err); ok && invalid.Field == wholeRun {
		return &taskrun.InvalidError{Field: wholeFlowRun, Reason: invalid.Reason}
	}
	return err
}

func isUnavailable(err error) bool { return errors.Is(err, taskrun.ErrUnavailable) }
