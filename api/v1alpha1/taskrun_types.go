package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The rules on immutable fields and on all texts together are too long for a
// marker: hack/tools/crdschema makes them from lists of fields.

// TaskRun is one run of a Prefect task. spec is the requested run, status is the
// observed state. To change the state, create a StateProposal.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=taskruns,singular=taskrun,shortName=trun,categories=prefect,scope=Namespaced
// +kubebuilder:selectablefield:JSONPath=`.spec.flowRunID`
// +kubebuilder:selectablefield:JSONPath=`.spec.taskKey`
// +kubebuilder:selectablefield:JSONPath=`.status.id`
// +kubebuilder:selectablefield:JSONPath=`.status.state.type`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state.type`,description="Type of the current state"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.state.name`,description="Name of the current state"
// +kubebuilder:printcolumn:name="Task",type=string,JSONPath=`.spec.taskKey`,description="Key of the task"
// +kubebuilder:printcolumn:name="Runs",type=integer,JSONPath=`.status.runCount`,description="How often the run was started"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Run-Name",type=string,priority=1,JSONPath=`.status.name`,description="Name of the run"
// +kubebuilder:printcolumn:name="ID",type=string,priority=1,JSONPath=`.status.id`,description="ID of the run over REST"
// +kubebuilder:printcolumn:name="Flow-Run",type=string,priority=1,JSONPath=`.spec.flowRunID`,description="Flow run the run belongs to"
// +kubebuilder:printcolumn:name="Next-Start",type=string,priority=1,JSONPath=`.status.state.stateDetails.scheduledTime`,description="Scheduled start of the current state"
// +kubebuilder:printcolumn:name="Worker",type=string,priority=1,JSONPath=`.status.delivery.holder`,description="Worker that holds a background run"
// +kubebuilder:printcolumn:name="Sent",type=date,priority=1,JSONPath=`.status.delivery.deliveredTime`,description="Time since a background run was sent to a worker"
// +kubebuilder:printcolumn:name="Duration",type=string,priority=1,JSONPath=`.status.totalRunTimeSeconds`,description="Seconds in RUNNING, without the current attempt"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.state.message`,description="Message of the current state"
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || size(dyn(self.spec).?labels.orValue({})) == 0 || dyn(self.spec).labels.all(k, size(k) <= 128)`,message="the keys of labels have at most 128 characters",fieldPath=".spec.labels",optionalOldSelf=true
type TaskRun struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata. The name of a run created over REST
	// is its id.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the requested run. name, tags and ttlSecondsAfterFinished can be
	// changed later. The other fields are immutable.
	//
	// +required
	Spec TaskRunSpec `json:"spec,omitzero"`

	// status is the observed state of the run. Until it is set, the run is in the
	// state of spec.initialState, or PENDING. The operator sets it within a second;
	// for a run created over REST it waits until client traffic is idle.
	//
	// +optional
	Status TaskRunStatus `json:"status,omitzero"` //nolint:kubeapilinter // a status is never written empty
}

// TaskRunList is a list of TaskRuns.
//
// +kubebuilder:object:root=true
type TaskRunList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	//
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the TaskRuns.
	Items []TaskRun `json:"items"`
}

// TaskRunSpec is the requested run. All its texts together have at most 12288
// characters.
type TaskRunSpec struct {
	// id is the id of the run over REST, a UUID. Immutable. Default: metadata.uid.
	// Example: 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// name is the display name of the run, at most 1024 characters. Can be changed.
	// Default: metadata.name. Example: load-users-7.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// flowRunID is the flow run that the run belongs to, a UUID. Immutable.
	// Default: none.
	//
	// +optional
	FlowRunID UUID `json:"flowRunID,omitempty"`

	// taskKey is the key of the task, at most 512 characters. It is required, but can
	// be empty. Workers receive background runs by task key. Immutable.
	// Example: etl.load_users-8c1f.
	//
	// +required
	// +kubebuilder:validation:MaxLength=512
	TaskKey *string `json:"taskKey,omitempty"`

	// dynamicKey distinguishes the runs of a task, at most 512 characters. flowRunID,
	// taskKey and dynamicKey together are the natural key of a run. Immutable. Default: metadata.name. Example: "7".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	DynamicKey *string `json:"dynamicKey,omitempty"`

	// cacheKey is stored for clients only, at most 2000 characters. The rules use the
	// cacheKey of stateDetails. Immutable.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2000
	CacheKey *string `json:"cacheKey,omitempty"`

	// cacheExpiration is stored for clients only, to the microsecond. The rules use
	// the cacheExpiration of stateDetails. Immutable.
	//
	// +optional
	CacheExpiration *MicroTime `json:"cacheExpiration,omitempty"`

	// taskVersion is the version of the task, at most 256 characters. Immutable.
	// Example: "1.4".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	TaskVersion *string `json:"taskVersion,omitempty"`

	// empiricalPolicy has the number of retries after failures, and their delays.
	// Immutable. Default: no retries.
	//
	// +optional
	EmpiricalPolicy *EmpiricalPolicy `json:"empiricalPolicy,omitempty"`

	// tags are labels of the run for filters and concurrency limits. At most 128, with
	// at most 256 characters each. Order and duplicates are kept. Can be changed.
	// Example: [nightly, team-a].
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Tags []Tag `json:"tags,omitempty"`

	// labels are Prefect labels, by keys, with texts, numbers or booleans as values;
	// they are not metadata.labels. At most 64; a key has at most 128 characters, a
	// text at most 64. Immutable. Example: {team: data, shard: 3, nightly: true}.
	//
	// +optional
	// +mapType=atomic
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]LabelValue `json:"labels,omitzero"` //nolint:kubeapilinter // the documented map; an empty one and none differ over REST

	// taskInputs are the arguments of the task and the sources of their values. At
	// most 64 arguments, with at most 256 sources in total, at most 32 of them with
	// taskRunName. Immutable.
	// Example: [{name: users, sources: [{inputType: task_run, taskRunName: extract-users}]}].
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	TaskInputs []TaskArgument `json:"taskInputs,omitempty"`

	// initialState is the first state of the run. Every type is allowed.
	// Immutable: to change the state, create a StateProposal. Defaults to PENDING.
	// Example: {type: SCHEDULED, stateDetails: {scheduledTime: "2031-02-03T04:05:06Z"}}.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="initialState is immutable. To change the state, create a StateProposal."
	InitialState *ProposedState `json:"initialState,omitempty"`

	// ttlSecondsAfterFinished is the lifetime of the run after it has finished, in
	// seconds. 0 deletes it at once. Can be changed. Default: the annotation
	// taskrun.dev/finished-ttl of the namespace, or else the flag --finished-ttl of
	// the operator. Without either, finished runs are kept.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`

	// origin has data about the creation of the run over REST. Set by the
	// REST API. Immutable.
	//
	// +optional
	Origin *Origin `json:"origin,omitempty"`
}

// TaskRunStatus is the observed state of a run. All texts of the current and the
// past states together have at most 12288 characters: the oldest states lose
// message and data first, and then are dropped.
//
// +structType=atomic
type TaskRunStatus struct {
	// observedGeneration is the metadata.generation of this status.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// id is the id of the run over REST: spec.id, or metadata.uid without one.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// name is the name of the run over REST, at most 1024 characters: spec.name, or
	// metadata.name without one, unless the run was renamed over REST or by its
	// worker.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// conditions are Succeeded (True when COMPLETED; False when FAILED, CANCELLED
	// or CRASHED; else Unknown) and Finished (True in each of these four). Their
	// reason is the name of the state, or its type if the name is not one word.
	// Stalled is there and True if the object is not a run, because spec.id belongs
	// to another TaskRun.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=4
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// state is the current state.
	//
	// +optional
	State *State `json:"state,omitempty"`

	// history holds the states before the current one, oldest first, at most 64.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	History []State `json:"history,omitempty"`

	// historyDropped counts the oldest states that history no longer holds.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	HistoryDropped int64 `json:"historyDropped,omitempty"`

	// runCount is how often the run became RUNNING. A run that is started again
	// after it had finished counts from 0.
	//
	// +optional
	// +default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	RunCount int64 `json:"runCount,omitempty"`

	// flowRunRunCount is the run count of the flow run when this run last became
	// RUNNING.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	FlowRunRunCount int64 `json:"flowRunRunCount,omitempty"`

	// expectedStartTime is when the run was first to start, to the microsecond.
	//
	// +optional
	ExpectedStartTime *MicroTime `json:"expectedStartTime,omitempty"`

	// nextScheduledStartTime is the scheduled start of a SCHEDULED run, to the
	// microsecond. A proposed state that is not SCHEDULED removes it. A state that a
	// worker's event reports keeps it, as in Prefect. Set by the operator.
	//
	// +optional
	NextScheduledStartTime *MicroTime `json:"nextScheduledStartTime,omitempty"`

	// startTime is when the run first became RUNNING, to the microsecond.
	//
	// +optional
	StartTime *MicroTime `json:"startTime,omitempty"`

	// endTime is when the run finished, to the microsecond; missing before.
	//
	// +optional
	EndTime *MicroTime `json:"endTime,omitempty"`

	// totalRunTimeSeconds is the time that the run spent in RUNNING, in seconds,
	// without the current attempt: a decimal text. Example: "90.5".
	//
	// +optional
	TotalRunTimeSeconds Seconds `json:"totalRunTimeSeconds,omitempty"`

	// updatedTime is the time of the last change of the status, with microseconds.
	//
	// +optional
	UpdatedTime *MicroTime `json:"updatedTime,omitempty"`

	// effective has the fields in which the run differs from its spec, after events of
	// its worker or requests over REST.
	//
	// +optional
	Effective *Effective `json:"effective,omitempty"`

	// inputTaskRunIDs are the ids over REST of the TaskRuns that spec.taskInputs names
	// by taskRunName, at most 32: one for each source with taskRunName, in the order of
	// spec.taskInputs. The id is that of the first TaskRun of this name. It stays when
	// that object is deleted, or created again. A source with - was not found yet: REST
	// leaves it out until its TaskRun is created. Set by the operator.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	InputTaskRunIDs []ResolvedID `json:"inputTaskRunIDs,omitempty"`

	// decisions are the final verdicts on StateProposals for this run, oldest
	// first. The operator keeps the newest 8 and never evaluates a proposal of one
	// of these names again.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Decisions []Decision `json:"decisions,omitempty"`

	// expirationTime is when the operator deletes the finished run: after
	// spec.ttlSecondsAfterFinished, or else after the default TTL of the namespace.
	// Set by the operator when the run finishes, and again when the TTL or the
	// default changes. Not set: the run is kept.
	//
	// +optional
	ExpirationTime *MicroTime `json:"expirationTime,omitempty"`

	// delivery has the worker that holds a background run. Set by the operator before
	// it sends the run to a worker, so that no two live workers hold one run. Not set
	// before the first delivery, and for other runs. A run that was created for a
	// worker has its first delivery in spec.origin.delivery. A worker holds a run until the
	// run has finished or the worker is lost: without a connection to the operator for
	// longer than --worker-grace-period. Then a run that was not started waits for
	// another worker. A run that was started becomes SCHEDULED if its policy has
	// retries left, and CRASHED otherwise. An Event on the run has the result.
	//
	// +optional
	Delivery *Delivery `json:"delivery,omitempty"`
}

// UUID returns the run's id as a client sees it: spec.id, else the object's uid.
func (t *TaskRun) UUID() string {
	if t.Spec.ID != "" {
		return t.Spec.ID
	}
	return string(t.UID)
}
