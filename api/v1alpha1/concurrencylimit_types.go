package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConcurrencyLimit says how many may do something at once. A limit named
// tag:<tag> keeps task runs with that tag from entering RUNNING while all its
// slots are taken; limits of other names are for programs that ask for slots over
// REST.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=concurrencylimits,singular=concurrencylimit,shortName=trlimit
// +kubebuilder:printcolumn:name="LIMIT NAME",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="SLOTS",type=integer,JSONPath=`.spec.limit`
// +kubebuilder:printcolumn:name="TAKEN",type=integer,JSONPath=`.status.activeSlots`
// +kubebuilder:printcolumn:name="ACTIVE",type=boolean,JSONPath=`.spec.active`,priority=1
// +kubebuilder:printcolumn:name="DENIED",type=integer,JSONPath=`.status.deniedSlots`,priority=1
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
type ConcurrencyLimit struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's own. A limit made over REST has its id as its name.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what was asked.
	//
	// +required
	Spec ConcurrencyLimitSpec `json:"spec,omitzero"`

	// status is what is so: who holds slots. The operator writes it.
	//
	// +optional
	Status ConcurrencyLimitStatus `json:"status,omitzero"` //nolint:kubeapilinter // a status is never written empty
}

// ConcurrencyLimitSpec is what was asked of a limit.
//
// +kubebuilder:validation:MinProperties=1
type ConcurrencyLimitSpec struct {
	// name of the limit as clients see it, at most 256 characters; tag:<tag> limits
	// the task runs with that tag. Of two limits of one name the older one counts.
	// Default: metadata.name. Example: tag:database.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`

	// limit is how many slots there are, at least 0. With 0, task runs with the tag
	// are told to give up. Lowering it takes slots from nobody.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Limit *int32 `json:"limit,omitempty"`

	// active tells whether the limit keeps anybody from anything. Default: true.
	//
	// +optional
	// +default=true
	Active *bool `json:"active,omitempty"`

	// slotDecayPerSecond is how many of the slots taken become free by themselves in
	// a second, as a decimal number: it makes a rate limit. Slots of such a limit
	// belong to nobody, leases of them end nothing. Default: none. Example: "0.5".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`
	SlotDecayPerSecond *string `json:"slotDecayPerSecond,omitempty"`

	// created is when the limit was made, to the microsecond. Written by the REST
	// door. Default: metadata.creationTimestamp.
	//
	// +optional
	Created *MicroTime `json:"created,omitempty"`
}

// ConcurrencyLimitStatus tells who holds slots of a limit.
type ConcurrencyLimitStatus struct {
	// activeSlots is how many slots were taken when the status was written last. A
	// task run that left RUNNING holds none from that moment on, though it may still
	// be listed for a second.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	ActiveSlots *int32 `json:"activeSlots,omitempty"`

	// holders are those who hold slots, at most 1024.
	//
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=1024
	Holders []SlotHolder `json:"holders,omitempty"`

	// looseSlots are slots taken by nobody in particular, as a decimal number; at
	// looseSlotsTime there were so many.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`
	LooseSlots *string `json:"looseSlots,omitempty"`

	// looseSlotsTime is when looseSlots were counted; they decay since.
	//
	// +optional
	LooseSlotsTime *MicroTime `json:"looseSlotsTime,omitempty"`

	// deniedSlots counts slots that were asked for in vain.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	DeniedSlots *int32 `json:"deniedSlots,omitempty"`

	// avgSlotOccupancySeconds is how long a slot was held of late, on average, as a
	// decimal number.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`
	AvgSlotOccupancySeconds *string `json:"avgSlotOccupancySeconds,omitempty"`

	// updated is when the status was written last, to the microsecond.
	//
	// +optional
	Updated *MicroTime `json:"updated,omitempty"`
}

// SlotHolder is somebody who holds slots.
//
// +structType=atomic
type SlotHolder struct {
	// id of the lease, or of a task run's claim, at most 128 characters.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ID string `json:"id,omitempty"`

	// slots is how many it holds.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Slots int32 `json:"slots,omitempty"`

	// type of the holder: task_run, flow_run or deployment. Default: not told.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Type string `json:"type,omitempty"`

	// holder is the holder's id, a UUID. Default: not told.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Holder string `json:"holder,omitempty"`

	// stateID is the RUNNING state for which a task run claimed the slot: it holds
	// the slot from that state on until it leaves RUNNING and CANCELLING.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	StateID string `json:"stateID,omitempty"`

	// since is when the slots were taken, to the microsecond.
	//
	// +required
	Since MicroTime `json:"since"` //nolint:kubeapilinter // a text in JSON, though a struct here

	// until is when a lease runs out, or until when a claimed state has to be
	// written. Default: until it is given back.
	//
	// +optional
	Until *MicroTime `json:"until,omitempty"`

	// names are those of all limits of a lease over several, at most 32.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=256
	Names []string `json:"names,omitempty"`
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
