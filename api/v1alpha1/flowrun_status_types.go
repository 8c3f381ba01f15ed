package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// FlowRunStatus is the observed state of a flow run. All texts of the current and
// the past states together have at most 12288 characters: the oldest states lose
// message and data first, and then are dropped.
//
// +structType=atomic
type FlowRunStatus struct {
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
	// metadata.name without one, unless the run was renamed over REST.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// flowID is the id over REST of the flow of the run: spec.flowID, or the id of the
	// RegisteredFlow that spec.flowName names.
	//
	// +optional
	FlowID UUID `json:"flowID,omitempty"`

	// conditions are Succeeded (True when COMPLETED; False when FAILED, CANCELLED
	// or CRASHED; else Unknown) and Finished (True in each of these four). Their
	// reason is the name of the state, or its type if the name is not one word.
	// Stalled is there and True if the object is not a run, because spec.id belongs
	// to another FlowRun, or because the RegisteredFlow in spec.flowName does not exist.
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

	// runCount is how often the run became RUNNING. An entry while resuming is true is
	// not counted.
	//
	// +optional
	// +default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	RunCount int64 `json:"runCount,omitempty"`

	// nonCountingAttempts is how many of the entries into RUNNING that runCount counts
	// continued an attempt after a pause. They consume no retry.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	NonCountingAttempts int64 `json:"nonCountingAttempts,omitempty"`

	// expectedStartTime is when the run was first to start, to the microsecond.
	//
	// +optional
	ExpectedStartTime *MicroTime `json:"expectedStartTime,omitempty"`

	// nextScheduledStartTime is the scheduled start of a SCHEDULED run, to the
	// microsecond. Not set in other states.
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

	// pauseKeys are the keys of the latest pauses of the run, at most 64 with at most
	// 1024 characters together. A pause with one of these keys is not entered again.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=512
	PauseKeys []string `json:"pauseKeys,omitempty"`

	// resuming is true if the next entry into RUNNING continues a paused run, and is not
	// counted in runCount. Default: false.
	//
	// +optional
	Resuming bool `json:"resuming,omitempty"`

	// retryType is how the run is tried again: in_process, by the process that
	// executes it; reschedule, by a new one. Default: not set, the run is not retried.
	//
	// +optional
	// +kubebuilder:validation:Enum=in_process;reschedule
	RetryType string `json:"retryType,omitempty"`

	// answers are the latest decisions on proposals over REST that had a transition id,
	// oldest first, at most 16. A client that repeats such a proposal gets the same
	// decision, and nothing changes.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Answers []Answer `json:"answers,omitempty"`

	// decisions are the final verdicts on StateProposals for this run, oldest
	// first. The operator keeps the newest 8 and never evaluates a proposal of one
	// of these names again.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Decisions []Decision `json:"decisions,omitempty"`

	// effective has the fields in which the run differs from its spec, after requests
	// over REST.
	//
	// +optional
	Effective *FlowRunEffective `json:"effective,omitempty"`

	// expirationTime is when the operator deletes the finished run: after
	// spec.ttlSecondsAfterFinished, or else after the default TTL of the namespace.
	// Set by the operator when the run finishes, and again when the TTL or the
	// default changes. Not set: the run is kept.
	//
	// +optional
	ExpirationTime *MicroTime `json:"expirationTime,omitempty"`

	// updatedTime is the time of the last change of the status, with microseconds.
	//
	// +optional
	UpdatedTime *MicroTime `json:"updatedTime,omitempty"`
}
