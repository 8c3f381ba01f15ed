package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConcurrencyLimit limits how many slots can be taken at once. A limit with
// spec.tag keeps task runs with that tag from entering RUNNING while all its slots
// are taken. Other limits are for programs that ask for slots over REST.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=concurrencylimits,singular=concurrencylimit,shortName=trlimit,categories=prefect,scope=Namespaced
// +kubebuilder:selectablefield:JSONPath=`.spec.tag`
// +kubebuilder:selectablefield:JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="Tag",type=string,JSONPath=`.spec.tag`,description="Tag of the task runs that are limited"
// +kubebuilder:printcolumn:name="Limit name",type=string,JSONPath=`.spec.name`,description="Name of a limit without a tag"
// +kubebuilder:printcolumn:name="Slots",type=integer,JSONPath=`.spec.slots`,description="Number of slots"
// +kubebuilder:printcolumn:name="Taken",type=integer,JSONPath=`.status.activeSlots`,description="Number of slots that are taken"
// +kubebuilder:printcolumn:name="Active",type=boolean,JSONPath=`.spec.active`,description="Whether the limit denies slots"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether the operator applies the limit"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Decay",type=string,priority=1,JSONPath=`.spec.slotDecayPerSecond`,description="Slots that become free per second"
// +kubebuilder:printcolumn:name="Denied",type=integer,priority=1,JSONPath=`.status.deniedSlots`,description="Number of denied slot requests"
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Stalled")].message`,description="Why the limit does not apply"
type ConcurrencyLimit struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata. The name of a limit created over
	// REST is its id.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is the requested limit.
	//
	// +required
	Spec ConcurrencyLimitSpec `json:"spec,omitzero"`

	// status is the observed state, with the holders of slots. Set by the operator.
	//
	// +optional
	Status ConcurrencyLimitStatus `json:"status,omitzero"` //nolint:kubeapilinter // a status is never written empty
}

// ConcurrencyLimitSpec is a requested limit.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.tag) && has(self.name))",message="a limit has tag or name, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.name) || !self.name.startsWith('tag:')",message="name cannot begin with tag:; to limit task runs with a tag, set tag",fieldPath=".name"
// +kubebuilder:validation:XValidation:rule="has(self.origin) ? has(oldSelf.origin) && self.origin == oldSelf.origin : !has(oldSelf.origin)",message="origin is immutable: it cannot be changed, added or removed",fieldPath=".origin"
type ConcurrencyLimitSpec struct {
	// tag limits the task runs with this tag, at most 252 characters. Over REST the
	// limit is named tag:<tag>. Set tag or name, not both. Default: none.
	// Example: database.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=252
	Tag *string `json:"tag,omitempty"`

	// name of a limit that programs use over REST, at most 256 characters. Set tag
	// or name, not both. If two limits have one name or tag, the younger one is
	// Stalled. Default: metadata.name, if tag is not set. Example: api calls.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`

	// slots is the number of slots, at least 0. With 0, a RUNNING proposed for a
	// task run with the tag is aborted. Holders keep their slots when the number
	// decreases.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Slots *int32 `json:"slots,omitempty"`

	// active is false for a limit that denies nothing. Default: true.
	//
	// +optional
	// +default=true
	Active *bool `json:"active,omitempty"`

	// slotDecayPerSecond is the number of taken slots that become free per second,
	// at least 0, as a number or a text. It makes the limit a rate limit: its slots
	// have no holder, and the end of a lease frees none. Default: none.
	// Example: 0.5.
	//
	// +optional
	SlotDecayPerSecond Number `json:"slotDecayPerSecond,omitzero"` //nolint:kubeapilinter // has no type; hack/tools/crdschema adds the limits

	// origin describes how the limit was created. Set by the REST API. Immutable.
	// Default: none, for a limit created with kubectl.
	//
	// +optional
	Origin *LimitOrigin `json:"origin,omitempty"`
}

// LimitOrigin is what the REST API stores of the creation of a limit.
type LimitOrigin struct {
	// createdTime is the creation time, to the microsecond. Set by the REST API.
	//
	// +required
	CreatedTime MicroTime `json:"createdTime"` //nolint:kubeapilinter // a text in JSON, though a struct here
}

// ConcurrencyLimitStatus is the observed state of a limit. The operator creates it
// within a second, and rewrites it as a whole when slots are taken or released.
//
// +structType=atomic
type ConcurrencyLimitStatus struct {
	// observedGeneration is the metadata.generation that the conditions are based
	// on. Set by the operator.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready (True if the operator applies the limit) and Stalled
	// (True, with the reason DuplicateName, if an older limit has the same tag or
	// name). Set by the operator.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// activeSlots is the number of taken slots at the last status write. The slot
	// of a task run that left RUNNING is free at once, and is still counted here for
	// up to a second. Set by the operator.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	ActiveSlots *int32 `json:"activeSlots,omitempty"`

	// holders have slots, at most 1024. Set by the operator.
	//
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=1024
	Holders []SlotHolder `json:"holders,omitempty"`

	// anonymousSlots is the number of slots that were taken without a holder, at
	// anonymousSlotsTime, as a decimal number. Set by the operator. Default: 0.
	// Example: "2.5".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`
	AnonymousSlots *string `json:"anonymousSlots,omitempty"`

	// anonymousSlotsTime is when anonymousSlots was computed, to the microsecond.
	// From then on it decreases by slotDecayPerSecond. Set by the operator.
	//
	// +optional
	AnonymousSlotsTime *MicroTime `json:"anonymousSlotsTime,omitempty"`

	// deniedSlots is the number of denied slot requests. Set by the operator.
	// Default: 0.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	DeniedSlots *int32 `json:"deniedSlots,omitempty"`

	// avgSlotOccupancySeconds is the moving average of slot occupancy, in seconds,
	// as a decimal number. Set by the operator. Example: "90.5".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`
	AvgSlotOccupancySeconds *string `json:"avgSlotOccupancySeconds,omitempty"`

	// updatedTime is when slots last changed, to the microsecond. Set by the
	// operator.
	//
	// +optional
	UpdatedTime *MicroTime `json:"updatedTime,omitempty"`
}

// SlotHolder holds slots of a limit.
type SlotHolder struct {
	// id of the slot lease or of a task run's claim, at most 128 characters. Set by
	// the operator.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`

	// slots is the number of slots it holds. Set by the operator.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Slots int32 `json:"slots,omitempty"`

	// ref is the object of the holder, in the namespace of the limit. Set by the
	// operator if the holder is a task run that it knows. Default: none.
	//
	// +optional
	Ref *HolderReference `json:"ref,omitempty"`

	// holderType is what the holder is, as the client reported it: task_run,
	// flow_run or deployment. Set by the operator, if there is no ref. Default: none.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	HolderType string `json:"holderType,omitempty"`

	// holderID is the holder's id over REST, a UUID. Set by the operator. Default:
	// ref.name, or none without a ref.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	HolderID string `json:"holderID,omitempty"`

	// stateID is the RUNNING state for which a task run claimed the slot. The task
	// run holds the slot from that state on until it leaves RUNNING and CANCELLING.
	// Set by the operator. Default: none.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	StateID string `json:"stateID,omitempty"`

	// acquireTime is when the slots were taken, to the microsecond. Set by the
	// operator.
	//
	// +required
	AcquireTime MicroTime `json:"acquireTime"` //nolint:kubeapilinter // a text in JSON, though a struct here

	// expirationTime is when the slot lease expires if it is not renewed, or the
	// time by which the claimed state must be written. Set by the operator. Default:
	// none, the slots are held until they are released.
	//
	// +optional
	ExpirationTime *MicroTime `json:"expirationTime,omitempty"`

	// names are those of all limits of a slot lease over several, at most 32. Set by
	// the operator.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=256
	Names []string `json:"names,omitempty"`
}

// HolderReference names the object of a holder.
type HolderReference struct {
	// kind of the object. Example: TaskRun.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind,omitempty"`

	// name of the object, in the namespace of the limit.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// uid of the object: another object can have the name later.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// IsStalled reports whether the operator does not apply the limit because an older
// one has the same tag or name.
func (l *ConcurrencyLimit) IsStalled() bool {
	for i := range l.Status.Conditions {
		if c := &l.Status.Conditions[i]; c.Type == ConditionStalled {
			return c.Status == metav1.ConditionTrue
		}
	}
	return false
}

// ConcurrencyLimitList is a list of limits.
//
// +kubebuilder:object:root=true
type ConcurrencyLimitList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's own.
	//
	// +optional
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`

	// items are the limits.
	Items []ConcurrencyLimit `json:"items"`
}
