package v1alpha1

// Effective holds the fields in which a run differs from its spec, because the
// events of its worker or a request over REST say so. REST returns these. A field
// that is not set is as spec says.
//
// +structType=atomic
type Effective struct {
	// nameReplaces is the hash of the name that status.name takes precedence over:
	// spec.name, or metadata.name without one. Set if the run was renamed by its
	// worker or over REST. When spec.name changes, status.name follows it again.
	//
	// +optional
	// +kubebuilder:validation:MinLength=16
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{16}$`
	NameReplaces string `json:"nameReplaces,omitempty"`

	// flowRunID is the UUID of the flow run.
	//
	// +optional
	FlowRunID *UUID `json:"flowRunID,omitempty"`

	// taskKey is the key of the task, at most 2048 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	TaskKey *string `json:"taskKey,omitempty"`

	// dynamicKey is the key of the run among those of its task, at most 2048
	// characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	DynamicKey *string `json:"dynamicKey,omitempty"`

	// cacheKey is the key of the result, at most 2048 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	CacheKey *string `json:"cacheKey,omitempty"`

	// cacheExpiration is the time at which the result expires, with microseconds.
	//
	// +optional
	CacheExpiration *MicroTime `json:"cacheExpiration,omitempty"`

	// taskVersion is the version of the task, at most 2048 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	TaskVersion *string `json:"taskVersion,omitempty"`

	// tags are the tags, at most 1024. An empty list means none.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MaxLength=2048
	Tags []string `json:"tags,omitzero"` //nolint:kubeapilinter // an empty list replaces the tags of spec

	// wire is the JSON text of labels, empirical_policy and task_inputs where they
	// differ, by their names over REST and as they were sent. At most 2048
	// characters. Example: '{"labels":{"ratio":5.0}}'.
	//
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=2048
	Wire string `json:"wire,omitempty"`

	// cleared are the names of those fields of spec that are null over REST.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	Cleared []ClearedField `json:"cleared,omitempty"`
}

// ClearedField is the name of a field of spec.
//
// +kubebuilder:validation:Enum=flowRunID;taskKey;dynamicKey;cacheKey;cacheExpiration;taskVersion;empiricalPolicy;tags;labels;taskInputs
type ClearedField = string
