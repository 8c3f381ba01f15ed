package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The rules on immutable fields and on all texts together are too long for a
// marker: hack/tools/crdschema makes them from lists of fields.

// FlowRun is one run of a Prefect flow. spec is the requested run, status is the
// observed state:
//
//	kubectl create -f - <<EOF
//	apiVersion: taskrun.dev/v1alpha1
//	kind: FlowRun
//	metadata: {generateName: etl-}
//	spec:
//	  flowName: etl
//	  parameters: {day: "2031-02-03"}
//	EOF
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=flowruns,singular=flowrun,shortName=frun,categories=prefect,scope=Namespaced
// +kubebuilder:selectablefield:JSONPath=`.spec.flowName`
// +kubebuilder:selectablefield:JSONPath=`.status.flowID`
// +kubebuilder:selectablefield:JSONPath=`.status.id`
// +kubebuilder:selectablefield:JSONPath=`.status.state.type`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state.type`,description="Type of the current state"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.state.name`,description="Name of the current state"
// +kubebuilder:printcolumn:name="Flow",type=string,JSONPath=`.spec.flowName`,description="RegisteredFlow of the run"
// +kubebuilder:printcolumn:name="Run-Name",type=string,JSONPath=`.status.name`,description="Name of the run"
// +kubebuilder:printcolumn:name="Runs",type=integer,JSONPath=`.status.runCount`,description="How often the run was started"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="ID",type=string,priority=1,JSONPath=`.status.id`,description="ID of the run over REST"
// +kubebuilder:printcolumn:name="Flow-ID",type=string,priority=1,JSONPath=`.status.flowID`,description="ID of the flow over REST"
// +kubebuilder:printcolumn:name="Next-Start",type=string,priority=1,JSONPath=`.status.nextScheduledStartTime`,description="Scheduled start of the current state"
// +kubebuilder:printcolumn:name="Duration",type=string,priority=1,JSONPath=`.status.totalRunTimeSeconds`,description="Seconds in RUNNING, without the current attempt"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.state.message`,description="Message of the current state"
// +kubebuilder:printcolumn:name="Stalled",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Stalled")].message`,description="Why the object is not a run"
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || size(dyn(self.spec).?labels.orValue({})) == 0 || dyn(self.spec).labels.all(k, size(k) <= 128)`,message="the keys of labels have at most 128 characters",fieldPath=".spec.labels",optionalOldSelf=true
type FlowRun struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata. The name of a run created over REST
	// is its id.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the requested run. name, tags, parameters (also parametersJSON and
	// parametersDataName), empiricalPolicy and ttlSecondsAfterFinished can be changed
	// later. The other fields are immutable.
	//
	// +required
	Spec FlowRunSpec `json:"spec,omitzero"` //nolint:kubeapilinter // never empty: a rule requires flowName or flowID

	// status is the observed state of the run. Until it is set, the run is in the
	// state of spec.initialState, or PENDING. Set by the operator.
	//
	// +optional
	Status FlowRunStatus `json:"status,omitzero"` //nolint:kubeapilinter // a status is never written empty
}

// FlowRunList is a list of FlowRuns.
//
// +kubebuilder:object:root=true
type FlowRunList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	//
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the FlowRuns.
	Items []FlowRun `json:"items"`
}

// FlowRunSpec is the requested run. All its texts together have at most 7168
// characters. What is in parameters, context and jobVariables does not count.
type FlowRunSpec struct {
	// id is the id of the run over REST, a UUID. Immutable. Default: metadata.uid.
	// Example: 0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// name is the display name of the run, at most 1024 characters. Can be changed.
	// Default: metadata.name. Example: watchful-otter.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// flowName is the name of the RegisteredFlow object that the run belongs to, in
	// the same namespace. Set flowName or flowID, exactly one. Until the RegisteredFlow
	// exists, REST does not return the run. Immutable. Example: etl.
	//
	// +optional
	FlowName ObjectName `json:"flowName,omitempty"`

	// flowID is the id over REST of the flow that the run belongs to, a UUID. Set
	// flowName or flowID, exactly one. Immutable.
	//
	// +optional
	FlowID UUID `json:"flowID,omitempty"`

	// flowVersion is the version of the flow, at most 256 characters. Immutable.
	// Example: 3b1f0d7f0a6b0c5f.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	FlowVersion *string `json:"flowVersion,omitempty"`

	// parameters are the arguments of the flow, by name. Kubernetes does not keep the
	// spelling of numbers: 5.0 becomes 5. Where that matters, set parametersJSON. Can be
	// changed. Default: none. Example: {day: "2031-02-03", limit: 10}.
	//
	// +optional
	Parameters *JSONObject `json:"parameters,omitempty"`

	// parametersJSON are the arguments of the flow as the text of one JSON object, at
	// most 4096 characters. Instead of parameters. Can be changed.
	// Example: '{"day": "2031-02-03", "ratio": 5.0}'.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:Pattern=`^\s*\{[\s\S]*\}\s*$`
	ParametersJSON *string `json:"parametersJSON,omitempty"`

	// parametersDataName is the name of a RunData object in the same namespace, of type
	// Parameters, that has the arguments of the flow. Instead of parameters, for a text of
	// up to 524288 bytes. Create it before the run. Can be changed.
	//
	// +optional
	ParametersDataName ObjectName `json:"parametersDataName,omitempty"`

	// context has values that the run is given besides its parameters. Immutable.
	// Default: none. Example: {trigger: manual}.
	//
	// +optional
	Context *JSONObject `json:"context,omitempty"`

	// contextJSON is context as the text of one JSON object, at most 4096 characters.
	// Instead of context. Immutable.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:Pattern=`^\s*\{[\s\S]*\}\s*$`
	ContextJSON *string `json:"contextJSON,omitempty"`

	// contextDataName is the name of a RunData object in the same namespace, of type
	// Context, that has the context. Instead of context. Immutable.
	//
	// +optional
	ContextDataName ObjectName `json:"contextDataName,omitempty"`

	// jobVariables are settings for the infrastructure of the run, by name. Immutable.
	// Default: null over REST. Example: {image: "example.com/etl:1.4"}.
	//
	// +optional
	JobVariables *JSONObject `json:"jobVariables,omitempty"`

	// jobVariablesJSON is jobVariables as the text of one JSON object, at most 4096
	// characters. Instead of jobVariables. Immutable.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:Pattern=`^\s*\{[\s\S]*\}\s*$`
	JobVariablesJSON *string `json:"jobVariablesJSON,omitempty"`

	// jobVariablesDataName is the name of a RunData object in the same namespace, of
	// type JobVariables, that has the job variables. Instead of jobVariables. Immutable.
	//
	// +optional
	JobVariablesDataName ObjectName `json:"jobVariablesDataName,omitempty"`

	// empiricalPolicy has the number of retries after failures, and their delay. Can be
	// changed. Default: no retries. Example: {retries: 2, retryDelay: 60}.
	//
	// +optional
	EmpiricalPolicy *FlowRunPolicy `json:"empiricalPolicy,omitempty"`

	// tags are labels of the run for filters. At most 128, with at most 256 characters
	// each. Order and duplicates are kept. Can be changed. Example: [nightly, team-a].
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

	// idempotencyKey makes creates over REST with the same key and flow one run, at most
	// 1024 characters. Immutable. Default: none. Example: etl-2031-02-03.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	IdempotencyKey *string `json:"idempotencyKey,omitempty"`

	// parentTaskRunID is the id of the task run that stands for this run in its parent
	// flow run, a UUID. Immutable. Default: none, the run is not a subflow.
	//
	// +optional
	ParentTaskRunID UUID `json:"parentTaskRunID,omitempty"`

	// deploymentID is the id of the deployment that the run belongs to, a UUID.
	// Immutable. Default: none.
	//
	// +optional
	DeploymentID UUID `json:"deploymentID,omitempty"`

	// deploymentVersion is the version of the deployment, at most 256 characters.
	// Immutable.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	DeploymentVersion *string `json:"deploymentVersion,omitempty"`

	// workQueueName is the work queue of the run, at most 256 characters. It is stored
	// for clients only. Immutable.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	WorkQueueName *string `json:"workQueueName,omitempty"`

	// infrastructurePID identifies what executes the run, such as a process, at most 256
	// characters. A SCHEDULED run without it that is to become CANCELLING becomes
	// CANCELLED. Immutable; a client can set it later over REST. Example: host-7:4711.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	InfrastructurePID *string `json:"infrastructurePID,omitempty"`

	// autoScheduled is true for a run that was created from a schedule. Immutable.
	// Default: false.
	//
	// +optional
	AutoScheduled bool `json:"autoScheduled,omitempty"`

	// createdBy is what created the run, such as an automation. Set by the REST API.
	// Immutable. Default: none.
	//
	// +optional
	CreatedBy *FlowRunCreator `json:"createdBy,omitempty"`

	// initialState is the first state of the run. Every type is allowed.
	// Immutable. Defaults to PENDING.
	// Example: {type: SCHEDULED, stateDetails: {scheduledTime: "2031-02-03T04:05:06Z"}}.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="initialState is immutable. It is the first state of the run; status.state is the current one."
	InitialState *ProposedState `json:"initialState,omitempty"`

	// ttlSecondsAfterFinished is the lifetime of the run after it has finished, in
	// seconds. 0 deletes it at once. Its task runs have lifetimes of their own. Can be
	// changed. Default: the annotation taskrun.dev/finished-ttl of the namespace, or else
	// the flag --finished-ttl of the operator. Without either, finished runs are kept.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`

	// origin has data about the creation of the run over REST. Set by the
	// REST API. Immutable.
	//
	// +optional
	Origin *FlowRunOrigin `json:"origin,omitempty"`
}

// UUID returns the run's id as a client sees it: spec.id, else the object's uid.
func (r *FlowRun) UUID() string {
	if r.Spec.ID != "" {
		return r.Spec.ID
	}
	return string(r.UID)
}
