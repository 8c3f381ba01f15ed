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

	// message for people, at most 4096 characters; a longer one was cut, with a
	// mark that tells its full length.
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

	// cacheEntry tells that later runs with the cacheKey of these stateDetails are
	// given this state's result instead of being run, until cacheExpiration. Set by
	// the operator when a run completed by the rules, not by force.
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
	// it, with microseconds, where timestamp was moved to fit the order of the states.
	// Set by the operator. Default: timestamp.
	//
	// +optional
	OccurredTime *MicroTime `json:"occurredTime,omitempty"`

	// follows is the id of the state that the worker's event names as the one before
	// this one, a UUID. Set by the operator as long as the order of the states does
	// not show it, because that state is not recorded.
	//
	// +optional
	Follows UUID `json:"follows,omitempty"`
}

// ProposedState is a state that somebody asks for.
//
// +structType=atomic
type ProposedState struct {
	// type is the kind of state asked for: SCHEDULED, PENDING, RUNNING,
	// COMPLETED, FAILED, CANCELLED, CRASHED, PAUSED or CANCELLING.
	//
	// +required
	Type StateType `json:"type,omitempty"`

	// name of the state, at most 256 characters. Default: the type with only its
	// first letter in upper case, such as Completed.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name *string `json:"name,omitempty"`

	// message for people, at most 4096 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message *string `json:"message,omitempty"`

	// dataJSON is the result, or a reference to it: the text of one JSON value, at
	// most 8192 characters. A text that cannot be JSON is rejected. If it turns out
	// not to be JSON later, an initial state has no data and its message says so,
	// and a proposal is aborted. Example: '{"answer": 42}'; a string is '"done"'.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	// +kubebuilder:validation:Pattern=`^\s*(\{\s*("[\s\S]*["\]}0-9el]\s*)?\}|\[\s*(["\[{tfn0-9-]([\s\S]*["\]}0-9el])?\s*)?\]|"([^"\\\x00-\x1f]|\\["\\/bfnrtu])*"|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null)\s*$`
	DataJSON *string `json:"dataJSON,omitempty"`

	// stateDetails are the documented details of the state; the commonest is
	// scheduledTime, with type SCHEDULED.
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

	// scheduledTime is when a SCHEDULED run is to start, to the microsecond. A
	// run that is proposed RUNNING before this time waits. Default: the time of
	// the state. Example: 2031-02-03T04:05:06Z.
	//
	// +optional
	ScheduledTime *MicroTime `json:"scheduledTime,omitempty"`

	// cacheKey finds or keeps the result in the cache, at most 4096 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	CacheKey *string `json:"cacheKey,omitempty"`

	// cacheExpiration is when the cached result is no longer used, to the
	// microsecond. Default: never.
	//
	// +optional
	CacheExpiration *MicroTime `json:"cacheExpiration,omitempty"`

	// deferred is true for a background run, which waits for a worker. Where it is
	// missing, clients see null, which means false.
	//
	// +optional
	Deferred *bool `json:"deferred,omitempty"`

	// untrackableResult is true if the result cannot be traced to this run.
	// Default: false.
	//
	// +optional
	UntrackableResult bool `json:"untrackableResult,omitempty"`

	// pauseTimeout is when a PAUSED run gives up waiting, to the microsecond.
	//
	// +optional
	PauseTimeout *MicroTime `json:"pauseTimeout,omitempty"`

	// pauseReschedule is true if a PAUSED run ends and is started anew when it is
	// resumed. Default: false.
	//
	// +optional
	PauseReschedule bool `json:"pauseReschedule,omitempty"`

	// pauseKey tells one pause of a run from another, at most 512 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	PauseKey *string `json:"pauseKey,omitempty"`

	// runInputKeyset names the keys under which a paused run reads its input. At
	// most 16 entries; keys and values have at most 256 characters. An empty map
	// differs from none.
	//
	// +optional
	RunInputKeyset Keyset `json:"runInputKeyset,omitzero"` //nolint:kubeapilinter // an empty map and none differ over REST

	// refreshCache is true if the run must not take its result from the cache.
	//
	// +optional
	RefreshCache *bool `json:"refreshCache,omitempty"`

	// retriable is false if this failure must not be tried again, whatever
	// empiricalPolicy says. Default: it may be.
	//
	// +optional
	Retriable *bool `json:"retriable,omitempty"`

	// transitionID is a client's own name of the change to this state, a UUID.
	//
	// +optional
	TransitionID UUID `json:"transitionID,omitempty"`

	// taskParametersID is where the parameters of a background run are kept, a
	// UUID.
	//
	// +optional
	TaskParametersID UUID `json:"taskParametersID,omitempty"`

	// traceparent is the W3C trace context the run belongs to, at most 256
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
