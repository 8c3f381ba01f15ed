package convert

import (
	"cmp"
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// FlowRun is a flow run with what only its object says.
type FlowRun struct {
	// Run lacks the parts that are stored apart (Unloaded). Its FlowID is empty if the
	// object has only the name of the RegisteredFlow.
	Run *flowrun.Run
	// FlowName is the RegisteredFlow object that spec names; empty if spec has the id.
	FlowName string

	spec flowRunSpec
}

// flowRunSpec has the values of spec of those fields in which a run can differ from it.
type flowRunSpec struct {
	flowrun.Editable // without Parameters and JobVariables

	labels                   map[string]json.RawMessage
	parameters, jobVariables Part
}

// FlowRunFromObject returns the flow run that an object stands for. It is defined for
// every object and depends on nothing else. Texts and times are shared with the object,
// which must not be changed afterwards.
func FlowRunFromObject(o *v1alpha1.FlowRun) *FlowRun {
	spec, origin := &o.Spec, flowRunOriginOf(o)
	exact := flowRunWireFromText(origin.Wire)
	context := partFromObject(spec.Context, spec.ContextJSON, spec.ContextDataName)
	run := &flowrun.Run{
		ID:                o.UUID(),
		Created:           timeOr(origin.CreatedTime, within(o.CreationTimestamp.Time)),
		FlowID:            cmp.Or(spec.FlowID, origin.FlowID, o.Status.FlowID),
		IdempotencyKey:    spec.IdempotencyKey,
		ParentTaskRunID:   spec.ParentTaskRunID,
		DeploymentID:      spec.DeploymentID,
		DeploymentVersion: spec.DeploymentVersion,
		WorkQueueName:     spec.WorkQueueName,
		AutoScheduled:     spec.AutoScheduled,
		Context:           context.orEmpty(),
		CreatedBy:         creatorFromObject(spec.CreatedBy),
		TTL:               ttlFromObject(spec.TTLSecondsAfterFinished),
		CreatedViaREST:    flowRunFromCreate(o),
		Unloaded:          flowrun.Parts{Context: context.Ref},
	}
	f := &FlowRun{FlowName: spec.FlowName, spec: flowRunSpec{
		Editable: flowrun.Editable{
			Name:              cmp.Or(spec.Name, o.Name),
			FlowVersion:       spec.FlowVersion,
			Policy:            flowPolicyFromObject(spec.EmpiricalPolicy, exact.flowPolicyWire),
			Tags:              spec.Tags,
			InfrastructurePID: spec.InfrastructurePID,
		},
		labels:       labelsFromObject(spec.Labels, exact.Labels),
		parameters:   partFromObject(spec.Parameters, spec.ParametersJSON, spec.ParametersDataName),
		jobVariables: partFromObject(spec.JobVariables, spec.JobVariablesJSON, spec.JobVariablesDataName),
	}}
	f.spec.parameters.Text = f.spec.parameters.orEmpty()
	f.Run = f.observed(run, o, exact.marks())
	return f
}

// FlowRunWritten returns the flow run of an object after its status was written to the
// version of base. It equals FlowRunFromObject of the object, but reads only metadata and
// status of it.
func FlowRunWritten(base *FlowRun, o *v1alpha1.FlowRun) *FlowRun {
	after := *base
	after.Run = after.observed(base.Run, o, orchestration.FlowRunMarks{})
	return &after
}

// observed returns the run of a spec with what the status says. The initial state of an
// object without a status has the marks.
func (f *FlowRun) observed(spec *flowrun.Run, o *v1alpha1.FlowRun, marks orchestration.FlowRunMarks) *flowrun.Run {
	run, status := *spec, &o.Status
	run.FlowID = cmp.Or(run.FlowID, status.FlowID)
	run.Updated = latest(run.Created, timePointer(status.UpdatedTime))
	run.Decisions, run.Answers = decisionsFromObject(status.Decisions), answersFromObject(status.Answers)
	run.ExpirationTime = timePointer(status.ExpirationTime)
	run.StatusStale = flowRunIsStale(o)
	run.Ref = taskrun.ObjectRef{UID: string(o.UID), ResourceVersion: o.ResourceVersion, Name: o.Name, Generation: o.Generation}
	f.applyEffective(&run, status)
	if status.State != nil {
		fillFlowRunProgress(&run, status)
		return &run
	}
	run.PauseKeys, run.Resuming, run.RetryType = marks.PauseKeys, marks.Resuming, marks.RetryType
	origin := flowRunOriginOf(o)
	first := requestedState(o.Spec.InitialState, cmp.Or(origin.StateID, firstStateID(string(o.UID))), timeOr(origin.StateTime, run.Created))
	started := flowrun.Begin(run, first)
	if started.Finished() { // for any times in spec
		started.EndRecorded = endRecorded(o.CreationTimestamp, origin.CreatedTime)
	}
	return &started
}

// flowRunIsStale reports whether the status is missing, is of an earlier spec, lacks the
// time of the end, or has the condition Stalled, which does not apply to an object that is
// a run.
func flowRunIsStale(o *v1alpha1.FlowRun) bool {
	s := &o.Status
	return s.State == nil || s.ObservedGeneration != o.Generation ||
		(terminal(s.State) && endRecordedIn(s.State, s.Conditions, s.UpdatedTime).IsZero()) ||
		meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionStalled)
}

// fillFlowRunProgress sets the state, the history and the counts from the status.
func fillFlowRunProgress(run *flowrun.Run, status *v1alpha1.FlowRunStatus) {
	run.FlowRunProgress = orchestration.FlowRunProgress{
		Progress: orchestration.Progress{
			State:                  new(stateFromObject(status.State)),
			RunCount:               status.RunCount,
			ExpectedStartTime:      timePointer(status.ExpectedStartTime),
			NextScheduledStartTime: timePointer(status.NextScheduledStartTime),
			StartTime:              timePointer(status.StartTime),
			EndTime:                timePointer(status.EndTime),
			TotalRunTime:           secondsFromObject(status.TotalRunTimeSeconds),
		},
		PauseKeys:           status.PauseKeys,
		Resuming:            status.Resuming,
		RetryType:           orchestration.RetryType(status.RetryType),
		NonCountingAttempts: status.NonCountingAttempts,
	}
	run.HistoryDropped = status.HistoryDropped
	run.EndRecorded = endRecordedIn(status.State, status.Conditions, status.UpdatedTime)
	run.History = nil
	for i := range status.History {
		run.History = append(run.History, stateFromObject(&status.History[i]))
	}
}

// FlowRunToObject returns the object that Create stores. flowName is the RegisteredFlow
// object of the run; empty if it is not known. apart refers to the RunData of those parts
// that are stored apart, see PartsApart. Of the progress of the run the object has only the
// current state, which must be the initial one, and the marks that clients can set: the
// rest is derived from these.
func FlowRunToObject(run *flowrun.Run, namespace, flowName string, apart flowrun.Parts) *v1alpha1.FlowRun {
	o := flowRunWithoutParts(run, namespace)
	spec := &o.Spec
	if flowName != "" {
		spec.FlowName, spec.Origin.FlowID = flowName, run.FlowID
	} else {
		spec.FlowID = run.FlowID
	}
	spec.ParametersDataName, spec.ContextDataName, spec.JobVariablesDataName = apart.Parameters, apart.Context, apart.JobVariables
	if apart.Parameters == "" {
		spec.ParametersJSON = inlined(run.Parameters, noMembers)
	}
	if apart.Context == "" {
		spec.ContextJSON = inlined(run.Context, noMembers)
	}
	if apart.JobVariables == "" {
		spec.JobVariablesJSON = inlined(run.JobVariables, "")
	}
	return o
}

// flowRunWithoutParts is FlowRunToObject without the flow and the parts that can be large.
func flowRunWithoutParts(run *flowrun.Run, namespace string) *v1alpha1.FlowRun {
	var labelWire wire
	exact := flowRunWire{flowMarksWire: marksToWire(&run.FlowRunProgress)}
	policy := flowPolicyToObject(run.Policy, &exact.flowPolicyWire)
	labels := labelsToObject(run.Labels, &labelWire)
	if len(labelWire.Labels) > 0 {
		exact.Labels = labelWire.Labels
	}
	o := &v1alpha1.FlowRun{ObjectMeta: metav1.ObjectMeta{Name: run.ID, Namespace: namespace}, Spec: v1alpha1.FlowRunSpec{
		ID:                      run.ID,
		Name:                    run.Name,
		FlowVersion:             clone(run.FlowVersion),
		EmpiricalPolicy:         policy,
		Tags:                    slices.Clone(run.Tags),
		Labels:                  labels,
		IdempotencyKey:          clone(run.IdempotencyKey),
		ParentTaskRunID:         run.ParentTaskRunID,
		DeploymentID:            run.DeploymentID,
		DeploymentVersion:       clone(run.DeploymentVersion),
		WorkQueueName:           clone(run.WorkQueueName),
		InfrastructurePID:       clone(run.InfrastructurePID),
		AutoScheduled:           run.AutoScheduled,
		CreatedBy:               creatorToObject(run.CreatedBy),
		InitialState:            initialToObject(run.State),
		TTLSecondsAfterFinished: ttlToObject(run.TTL),
		Origin:                  &v1alpha1.FlowRunOrigin{CreatedTime: microTimePointer(&run.Created), Wire: exact.text()},
	}}
	if first := run.State; first != nil {
		o.Spec.Origin.StateID, o.Spec.Origin.StateTime = first.ID, microTimePointer(&first.Timestamp)
	}
	return o
}

// FlowRunStatus returns the whole status that Update stores. base is the version that the
// run was read from. parameters and jobVariables are those of the run as they are stored.
func FlowRunStatus(run *flowrun.Run, base *FlowRun, parameters, jobVariables Part) v1alpha1.FlowRunStatus {
	status := v1alpha1.FlowRunStatus{
		ObservedGeneration:     run.Ref.Generation,
		Name:                   run.Name,
		Conditions:             flowRunConditions(run),
		HistoryDropped:         counted(run.HistoryDropped),
		RunCount:               counted(run.RunCount),
		NonCountingAttempts:    counted(run.NonCountingAttempts),
		ExpectedStartTime:      microTimePointer(run.ExpectedStartTime),
		NextScheduledStartTime: microTimePointer(run.NextScheduledStartTime),
		StartTime:              microTimePointer(run.StartTime),
		EndTime:                microTimePointer(run.EndTime),
		TotalRunTimeSeconds:    secondsToObject(run.TotalRunTime),
		PauseKeys:              slices.Clone(run.PauseKeys),
		Resuming:               run.Resuming,
		RetryType:              string(run.RetryType),
		Answers:                answersToObject(run.Answers),
		Decisions:              decisionsToObject(run.Decisions),
		Effective:              base.effective(run, parameters, jobVariables),
		ExpirationTime:         microTimePointer(run.ExpirationTime),
		UpdatedTime:            microTimePointer(&run.Updated),
	}
	if isUUID(base.Run.ID) { // a uid need not be one
		status.ID = base.Run.ID
	}
	if isUUID(base.Run.FlowID) {
		status.FlowID = base.Run.FlowID
	}
	if run.State != nil {
		status.State = new(stateToObject(run.State))
	}
	for i := range run.History {
		status.History = append(status.History, stateToObject(&run.History[i]))
	}
	return status
}

func flowRunConditions(run *flowrun.Run) []metav1.Condition {
	return lifecycle{
		state: run.State, history: run.History, dropped: run.HistoryDropped,
		created: run.Created, endRecorded: run.EndRecorded, generation: run.Ref.Generation,
	}.conditions()
}

// flowRunOriginOf returns the origin of an object, an empty one if it has none.
func flowRunOriginOf(o *v1alpha1.FlowRun) *v1alpha1.FlowRunOrigin {
	if o.Spec.Origin == nil {
		return &v1alpha1.FlowRunOrigin{}
	}
	return o.Spec.Origin
}

// flowRunFromCreate reports whether the object has all fields that FlowRunToObject writes,
// including those of the initial state.
func flowRunFromCreate(o *v1alpha1.FlowRun) bool {
	spec, origin := &o.Spec, flowRunOriginOf(o)
	return spec.ID == o.Name && spec.Name != "" && spec.InitialState != nil &&
		origin.CreatedTime != nil && origin.StateID != "" && origin.StateTime != nil
}
