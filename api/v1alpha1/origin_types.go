package v1alpha1

// Origin is what the REST API records about the creation of a run. Manifests do
// not need it.
//
// +structType=atomic
type Origin struct {
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
	// microseconds.
	// Defaults to createdTime.
	//
	// +optional
	StateTime *MicroTime `json:"stateTime,omitempty"`

	// source is Event if an event of the worker of the run created this object.
	// Not set if the run was created by a request.
	//
	// +optional
	// +kubebuilder:validation:Enum=Event
	Source string `json:"source,omitempty"`

	// delivery is the worker that the run was delivered to when it was created.
	// It has no effect unless the initial state is SCHEDULED with deferred: true and
	// is due, and none once status.delivery or status.state is set. Not set if no
	// worker of the task was idle.
	//
	// +optional
	Delivery *FirstDelivery `json:"delivery,omitempty"`

	// wire is the JSON text of the values that the other fields of spec cannot hold
	// as they were sent, by their names over REST. It takes precedence over them. At
	// most 12288 characters. Example: '{"labels":{"ratio":5.0},"retry_delay":4}'.
	//
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=12288
	Wire string `json:"wire,omitempty"`
}

// SourceEvent is the source of a run that was created from an event, and of a state
// that was reported by one.
const SourceEvent = "Event"
