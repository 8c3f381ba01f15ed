package v1alpha1

// State is one state of a run, as status holds it. A state never changes once
// it was written.
//
// +structType=atomic
type State struct {
	// id of the state, a UUID. Made by the operator unless a client brought it.
	//
	// +required
	ID UUID `json:"id,omitempty"`

	// type is the kind of state: SCHEDULED, PENDING, RUNNING, COMPLETED, FAILED,
	// CANCELLED, CRASHED, PAUSED or CANCELLING.
	//
	// +required
	Type StateType `json:"type,omitempty"`

	// name is the name of the state, at most 256 characters. Example: AwaitingRetry.
	//
	// +required
	// +kubebuilder:validation:MaxLength=256
	Name *string `json:"name,omitempty"`

	// timestamp is when the run entered the state, to the microsecond.
	//
	// +required
	Timestamp MicroTime `json:"timestamp"` //nolint:kubeapilinter // the documented name; a text in JSON, though a struct here

	// message is a text for users, at most 4096 characters. A longer message was
	// truncated, with a mark that has its full length.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message *string `json:"message,omitempty"`

	// dataJSON is the result, or a reference to it: the text of one JSON value, at
	// most 8192 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	DataJSON *string `json:"dataJSON,omitempty"`

	// stateDetails are the documented details of the state.
	//
	// +optional
	StateDetails *StateDetails `json:"stateDetails,omitempty"`

	// cacheEntry is true if later runs with the cacheKey of these stateDetails get the
	// result of this state instead of running, until cacheExpiration. Set by the
	// operator when a run completed by the rules, not by force. Defaults to false.
	//
	// +optional
	CacheEntry bool `json:"cacheEntry,omitempty"`

	// source is Event if the worker entered the state by itself and reported it in an
	// event. Not set if the operator evaluated the state.
	//
	// +optional
	// +kubebuilder:validation:Enum=Event
	Source string `json:"source,omitempty"`

	// occurredTime is the time of the state by the clock of the worker that reported
	// it, with microseconds, if timestamp was changed to fit the order of the states.
	// Set by the operator. Default: timestamp.
	//
	// +optional
	OccurredTime *MicroTime `json:"occurredTime,omitempty"`

	// follows is the id of the previous state in the event of the worker, a UUID. Set
	// by the operator while that state is not recorded. Default: none.
	//
	// +optional
	Follows UUID `json:"follows,omitempty"`
}

// ProposedState is a requested state.
//
// +structType=atomic
type ProposedState struct {
	// type is the requested state type: SCHEDULED, PENDING, RUNNING, COMPLETED,
	// FAILED, CANCELLED, CRASHED, PAUSED or CANCELLING.
	//
	// +required
	Type StateType `json:"type,omitempty"`

	// name of the state, at most 256 characters. Default: the type with only its
	// first letter in upper case, such as Completed.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name *string `json:"name,omitempty"`

	// message is a text for users, at most 4096 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message *string `json:"message,omitempty"`

	// dataJSON is the result, or a reference to it: the text of one JSON value, at
	// most 8192 characters. A text that is obviously not JSON is rejected. If the
	// operator finds that it is not JSON, an initial state has no data and a message
	// about that, and a proposal is aborted. Example: '{"answer": 42}'; a string is '"done"'.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	// +kubebuilder:validation:Pattern=`^\s*(\{\s*("[\s\S]*["\]}0-9el]\s*)?\}|\[\s*(["\[{tfn0-9-]([\s\S]*["\]}0-9el])?\s*)?\]|"([^"\\\x00-\x1f]|\\["\\/bfnrtu])*"|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null)\s*$`
	DataJSON *string `json:"dataJSON,omitempty"`

	// stateDetails are the documented details of the state, such as scheduledTime for
	// the type SCHEDULED.
	//
	// +optional
	StateDetails *StateDetails `json:"stateDetails,omitempty"`
}

// StateDetails are the documented details of a state.
//
// +structType=atomic
type StateDetails struct {
	// childFlowRunID is the flow run that this run stands for, a UUID.
	//
	// +optional
	ChildFlowRunID UUID `json:"childFlowRunID,omitempty"`

	// scheduledTime is the time at which a SCHEDULED run is due, to the microsecond.
	// A proposal of RUNNING waits until this time. Default: the time of the state.
	// Example: 2031-02-03T04:05:06Z.
	//
	// +optional
	ScheduledTime *MicroTime `json:"scheduledTime,omitempty"`

	// cacheKey is the key of the result in the cache, at most 4096 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	CacheKey *string `json:"cacheKey,omitempty"`

	// cacheExpiration is the time at which the cached result expires, to the
	// microsecond. Default: never.
	//
	// +optional
	CacheExpiration *MicroTime `json:"cacheExpiration,omitempty"`

	// deferred is true for a background run, which waits for a worker. Defaults to
	// null over REST, which means false.
	//
	// +optional
	Deferred *bool `json:"deferred,omitempty"`

	// untrackableResult is true if the result cannot be traced to this run.
	// Default: false.
	//
	// +optional
	UntrackableResult bool `json:"untrackableResult,omitempty"`

	// pauseTimeout is the time at which the wait of a PAUSED run ends, to the
	// microsecond.
	//
	// +optional
	PauseTimeout *MicroTime `json:"pauseTimeout,omitempty"`

	// pauseReschedule is true if the process of a PAUSED run ends, and the run starts
	// again when it is resumed. Default: false.
	//
	// +optional
	PauseReschedule bool `json:"pauseReschedule,omitempty"`

	// pauseKey identifies a pause of the run, at most 512 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	PauseKey *string `json:"pauseKey,omitempty"`

	// runInputKeyset names the keys under which a paused run reads its input. At
	// most 16 entries; keys and values have at most 256 characters. An empty map
	// and a missing one differ over REST.
	//
	// +optional
	RunInputKeyset Keyset `json:"runInputKeyset,omitzero"` //nolint:kubeapilinter // an empty map and none differ over REST

	// refreshCache is true if the run must not take its result from the cache.
	//
	// +optional
	RefreshCache *bool `json:"refreshCache,omitempty"`

	// retriable is false if the run must not be retried after this failure. It takes
	// precedence over empiricalPolicy. Defaults to true.
	//
	// +optional
	Retriable *bool `json:"retriable,omitempty"`

	// transitionID is the id of the transition to this state, chosen by the client, a
	// UUID.
	//
	// +optional
	TransitionID UUID `json:"transitionID,omitempty"`

	// taskParametersID is the key of the stored parameters of a background run, a
	// UUID.
	//
	// +optional
	TaskParametersID UUID `json:"taskParametersID,omitempty"`

	// traceparent is the W3C trace context of the run, at most 256
	// characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Traceparent *string `json:"traceparent,omitempty"`

	// deploymentConcurrencyLeaseID is the lease of a slot of a deployment, a
	// UUID; for flows.
	//
	// +optional
	DeploymentConcurrencyLeaseID UUID `json:"deploymentConcurrencyLeaseID,omitempty"`
}
