package kube

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// Create stores a new run in an object whose name is its id: so of equal creates, on any
// replicas, only one can succeed.
func (s *Flows) Create(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	existing, err := s.existing(ctx, run)
	switch {
	case err != nil:
		return nil, err
	case existing != nil:
		return existing, taskrun.ErrExists
	}
	return createOnce("flow run",
		func() (*flowrun.Run, error) { return s.post(ctx, run) },
		func() (*flowrun.Run, error) { return s.readLoaded(ctx, run.ID) },
	)
}

// existing returns the run of this id or key, nil if there is none. The index can be
// behind: a run that it has is read from the API server, and about one that it does not
// have the create of the object decides.
func (s *Flows) existing(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	if err := s.cluster.flows.complete(); err != nil {
		return nil, err
	}
	known := s.known().index.Run(run.ID)
	if key, keyed := run.Key(); keyed && known == nil {
		known = s.known().index.RunByKey(key)
	}
	if known == nil {
		return nil, s.known().undecodables.WithID(v1alpha1.KindFlowRun, s.namespace, run.ID) //nolint:nilnil // there is none
	}
	existing, err := s.Reload(ctx, known)
	if errors.Is(err, taskrun.ErrNotFound) {
		return nil, nil //nolint:nilnil // it was deleted
	}
	return existing, err
}

// post creates the object, after the parts that do not fit into it.
func (s *Flows) post(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	parts := partWrite{store: s, run: run}
	apart, err := s.newParts(ctx, &parts)
	if err != nil {
		parts.undo(ctx, nil)
		return nil, err
	}
	object := convert.FlowRunToObject(run, s.namespace, s.flowObject(run.FlowID), apart)
	if caller := taskrun.Caller(ctx); caller != "" {
		object.Annotations = map[string]string{v1alpha1.AnnotationCreatedBy: caller}
	}
	if err := s.postObject(ctx, object); err != nil {
		parts.undo(ctx, err)
		return nil, err
	}
	created := s.writable().putRun(convert.FlowRunFromObject(object)).Run
	parts.own(ctx, created.Ref)
	return s.loaded(ctx, created)
}

func (s *Flows) postObject(ctx context.Context, object *v1alpha1.FlowRun) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	return asFlowRun(s.cluster.translateCreate(ctx, "creating the flow run", s.cluster.Direct.create(ctx, object)))
}

// newParts stores those parts of a new run that do not fit into its object.
func (s *Flows) newParts(ctx context.Context, write *partWrite) (apart flowrun.Parts, err error) {
	run := write.run
	parameters, contextPart, jobVariables := convert.PartsApart(run)
	if parameters {
		if apart.Parameters, err = write.add(ctx, v1alpha1.DataParameters, run.Parameters); err != nil {
			return apart, err
		}
	}
	if contextPart {
		if apart.Context, err = write.add(ctx, v1alpha1.DataContext, run.Context); err != nil {
			return apart, err
		}
	}
	if jobVariables {
		apart.JobVariables, err = write.add(ctx, v1alpha1.DataJobVariables, run.JobVariables)
	}
	return apart, err
}

// flowObject returns the name of the object of a flow, empty if it is not known.
func (s *Flows) flowObject(flowID string) string {
	if flow := s.known().index.Flow(flowID); flow != nil {
		return flow.Ref.Name
	}
	return ""
}

// Update writes the status of the object of the run, if that is still the version that was
// read.
func (s *Flows) Update(ctx context.Context, run *flowrun.Run) (*flowrun.Run, error) {
	base, err := s.base(ctx, run.Ref)
	if err != nil {
		return nil, err
	}
	parameters, jobVariables, err := s.editedParts(ctx, base, run)
	if err != nil {
		return nil, err
	}
	parts := partWrite{store: s, run: run}
	if err := s.storeParts(ctx, &parts, base, &parameters, &jobVariables); err != nil {
		parts.undo(ctx, nil)
		return nil, err
	}
	object := &v1alpha1.FlowRun{ObjectMeta: metav1.ObjectMeta{
		Namespace: s.namespace, Name: run.Ref.Name, UID: types.UID(run.Ref.UID), ResourceVersion: run.Ref.ResourceVersion,
	}}
	object.Status = convert.FlowRunStatus(run, base, parameters, jobVariables)
	if err := s.putStatus(ctx, object); err != nil {
		parts.undo(ctx, err)
		return nil, s.forgetMissing(run.Ref, err)
	}
	after := s.writable().putRun(convert.FlowRunWritten(base, object))
	s.deleteReplaced(ctx, base, after)
	return withPartsOf(after.Run, run), nil
}

// base returns the version of a run that a write replaces, or ErrConflict if the API
// server has another one.
func (s *Flows) base(ctx context.Context, ref taskrun.ObjectRef) (*convert.FlowRun, error) {
	if base := s.known().version(types.UID(ref.UID), ref.ResourceVersion); base != nil {
		return base, nil
	}
	base, err := s.read(ctx, ref.Name)
	switch {
	case err != nil:
		return nil, s.forgetMissing(ref, err)
	case base.Run.Ref.UID != ref.UID:
		return nil, s.forgetMissing(ref, fmt.Errorf("writing the flow run: deleted and created again: %w", taskrun.ErrNotFound))
	case base.Run.Ref.ResourceVersion != ref.ResourceVersion:
		return nil, fmt.Errorf("writing the flow run: %w", taskrun.ErrConflict)
	}
	return base, nil
}

// editedParts returns the parts of the run as they are stored, or their new texts.
func (s *Flows) editedParts(ctx context.Context, base *convert.FlowRun, run *flowrun.Run) (parameters, jobVariables convert.Part, err error) {
	before := base.Run
	stored := convert.Part{Text: before.Parameters, Ref: before.Unloaded.Parameters}
	parameters, err = s.editedPart(ctx, before, v1alpha1.DataParameters, stored, run.Unloaded.Parameters, run.Parameters)
	if err != nil {
		return parameters, jobVariables, err
	}
	stored = convert.Part{Text: before.JobVariables, Ref: before.Unloaded.JobVariables}
	jobVariables, err = s.editedPart(ctx, before, v1alpha1.DataJobVariables, stored, run.Unloaded.JobVariables, run.JobVariables)
	return parameters, jobVariables, err
}

// storeParts stores those parts that do not fit into the status.
func (s *Flows) storeParts(ctx context.Context, write *partWrite, base *convert.FlowRun, parameters, jobVariables *convert.Part) error {
	parametersApart, jobVariablesApart := convert.EditedPartsApart(write.run, base, *parameters, *jobVariables)
	for _, part := range []struct {
		apart bool
		kind  string
		part  *convert.Part
	}{{parametersApart, v1alpha1.DataParameters, parameters}, {jobVariablesApart, v1alpha1.DataJobVariables, jobVariables}} {
		if !part.apart {
			continue
		}
		name, err := write.add(ctx, part.kind, part.part.Text)
		if err != nil {
			return err
		}
		*part.part = convert.Part{Ref: name}
	}
	return nil
}

func (s *Flows) putStatus(ctx context.Context, object *v1alpha1.FlowRun) error {
	ctx, cancel := context.WithTimeout(ctx, s.cluster.Timeout)
	defer cancel()
	return s.translate(ctx, "writing the flow run", s.cluster.Direct.updateStatus(ctx, object))
}

// deleteReplaced deletes the RunData that an earlier Update created and this one replaced.
// Those of spec stay as long as the run: spec still refers to them.
func (s *Flows) deleteReplaced(ctx context.Context, base, after *convert.FlowRun) {
	requested := base.Requested()
	for _, part := range []struct{ before, now, spec string }{
		{base.Run.Unloaded.Parameters, after.Run.Unloaded.Parameters, requested.Parameters},
		{base.Run.Unloaded.JobVariables, after.Run.Unloaded.JobVariables, requested.JobVariables},
	} {
		if part.before != part.now && part.before != part.spec && convert.RunOfData(part.before) == base.Run.ID {
			s.deleteData(ctx, part.before, nil)
		}
	}
}

// withPartsOf returns a run with the parts that another one has loaded: those that were
// just written.
func withPartsOf(run, written *flowrun.Run) *flowrun.Run {
	with := *run
	with.Unloaded = written.Unloaded
	with.Parameters, with.Context, with.JobVariables = written.Parameters, written.Context, written.JobVariables
	return &with
}
