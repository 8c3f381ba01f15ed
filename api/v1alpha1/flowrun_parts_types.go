package v1alpha1

// FlowRunPolicy says how often, and after which time, a flow run that fails is
// tried again. Prefect calls it empirical_policy.
//
// +structType=atomic
type FlowRunPolicy struct {
	// retries is how many times the run is tried again after a failure: 3 means
	// at most four attempts. A run that may be tried again does not become
	// FAILED but SCHEDULED, named AwaitingRetry. Defaults to 0.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	Retries *int64 `json:"retries,omitempty"`

	// retryDelay is how long to wait before each retry, in whole seconds. Defaults to
	// no wait. Example: 60.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	RetryDelay *int64 `json:"retryDelay,omitempty"`
}

// FlowRunCreator is what created a flow run.
//
// +structType=atomic
type FlowRunCreator struct {
	// id of the creator, a UUID. For an automation, the id of the automation.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// type of the creator, at most 256 characters. Example: AUTOMATION.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Type *string `json:"type,omitempty"`

	// displayValue is the name of the creator for users, at most 256 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	DisplayValue *string `json:"displayValue,omitempty"`
}

// FlowRunOrigin is what the REST API records about the creation of a flow run.
// Manifests do not need it.
//
// +structType=atomic
type FlowRunOrigin struct {
	// createdTime is when the run was created, with microseconds. Defaults to
	// metadata.creationTimestamp.
	//
	// +optional
	CreatedTime *MicroTime `json:"createdTime,omitempty"`

	// stateID is the UUID of the initial state. Defaults to a UUID that follows from
	// metadata.uid.
	//
	// +optional
	StateID UUID `json:"stateID,omitempty"`

	// stateTime is the time at which the run entered the initial state, with
	// microseconds. Defaults to createdTime.
	//
	// +optional
	StateTime *MicroTime `json:"stateTime,omitempty"`

	// flowID is the id over REST of the flow that spec.flowName names, a UUID. Defaults
	// to the id of that RegisteredFlow.
	//
	// +optional
	FlowID UUID `json:"flowID,omitempty"`

	// wire is the JSON text of the values that the other fields of spec cannot hold
	// as they were sent, by their names over REST. Its labels take precedence over
	// spec.labels, spec.empiricalPolicy over the rest. At most 7168 characters.
	// Example: '{"labels":{"ratio":5.0},"retries":-1}'.
	//
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=7168
	Wire string `json:"wire,omitempty"`
}

// FlowRunEffective holds the fields in which a flow run differs from its spec,
// because a request over REST changed them. REST returns these. A field that is not
// set is as spec says.
//
// +structType=atomic
type FlowRunEffective struct {
	// nameReplaces is the hash of the name that status.name takes precedence over:
	// spec.name, or metadata.name without one. Set if the run was renamed over REST.
	// When spec.name changes, status.name follows it again.
	//
	// +optional
	NameReplaces FieldHash `json:"nameReplaces,omitempty"`

	// tagsReplaces is the hash of the spec.tags that tags take precedence over. When
	// spec.tags change, they apply again.
	//
	// +optional
	TagsReplaces FieldHash `json:"tagsReplaces,omitempty"`

	// parametersReplaces is the hash of the parameters of spec that parametersJSON and
	// parametersDataName take precedence over. When those of spec change, they apply
	// again.
	//
	// +optional
	ParametersReplaces FieldHash `json:"parametersReplaces,omitempty"`

	// policyReplaces is the hash of the spec.empiricalPolicy that empiricalPolicy takes
	// precedence over. When that of spec changes, it applies again.
	//
	// +optional
	PolicyReplaces FieldHash `json:"policyReplaces,omitempty"`

	// flowVersion is the version of the flow, at most 256 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	FlowVersion *string `json:"flowVersion,omitempty"`

	// parametersJSON are the parameters as the text of one JSON object, at most 4096
	// characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	ParametersJSON *string `json:"parametersJSON,omitempty"`

	// parametersDataName is the RunData with the parameters, if they are longer.
	//
	// +optional
	ParametersDataName ObjectName `json:"parametersDataName,omitempty"`

	// empiricalPolicy is the whole policy.
	//
	// +optional
	EmpiricalPolicy *FlowRunPolicy `json:"empiricalPolicy,omitempty"`

	// tags are the tags, at most 128. An empty list means none.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Tags []Tag `json:"tags,omitzero"` //nolint:kubeapilinter // an empty list replaces the tags of spec

	// infrastructurePID identifies what executes the run, at most 256 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	InfrastructurePID *string `json:"infrastructurePID,omitempty"`

	// jobVariablesJSON are the job variables as the text of one JSON object, at most
	// 4096 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	JobVariablesJSON *string `json:"jobVariablesJSON,omitempty"`

	// jobVariablesDataName is the RunData with the job variables, if they are longer.
	//
	// +optional
	JobVariablesDataName ObjectName `json:"jobVariablesDataName,omitempty"`

	// wire is the JSON text of the labels where they differ, and of those numbers of the
	// policy that empiricalPolicy cannot hold, by their names over REST and as they were
	// sent. At most 4096 characters. Example: '{"labels":{"ratio":5.0}}'.
	//
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=4096
	Wire string `json:"wire,omitempty"`

	// cleared are the names of those fields of spec that are null over REST.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	Cleared []ClearedFlowRunField `json:"cleared,omitempty"`
}

// ClearedFlowRunField is the name of a field of spec.
//
// +kubebuilder:validation:Enum=flowVersion;infrastructurePID;jobVariables;labels
type ClearedFlowRunField = string

// FieldHash is a hash of the value of a field: 16 hexadecimal digits.
//
// +kubebuilder:validation:MinLength=16
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:Pattern=`^[0-9a-f]{16}$`
type FieldHash = string

// Answer is the decision on one proposal that a client made over REST.
//
// +structType=atomic
type Answer struct {
	// transitionID is the id of the transition, which the client chose for the proposal,
	// a UUID.
	//
	// +required
	TransitionID UUID `json:"transitionID,omitempty"`

	// verdict is the decision: Accepted, the run has the proposed state; Rejected, the
	// rules put another state in its place, or kept the current one; Aborted, nothing
	// changed; Waiting, the client has to propose the state again later.
	//
	// +required
	// +kubebuilder:validation:Enum=Accepted;Rejected;Aborted;Waiting
	Verdict string `json:"verdict,omitempty"`

	// reason explains the verdict, in at most 128 characters.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Reason string `json:"reason,omitempty"`

	// stateID is the UUID of the state that the client received: the one that was
	// written, else the current one of that time.
	//
	// +optional
	StateID UUID `json:"stateID,omitempty"`
}
