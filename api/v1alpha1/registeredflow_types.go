package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RegisteredFlow is a Prefect flow that has a name. FlowRuns belong to it. Clients
// register a flow over REST when they run it for the first time. A manifest is needed
// only to have it earlier:
//
//	kubectl create -f - <<EOF
//	apiVersion: taskrun.dev/v1alpha1
//	kind: RegisteredFlow
//	metadata: {name: etl}
//	spec: {tags: [nightly]}
//	EOF
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=registeredflows,singular=registeredflow,shortName=trflow,categories=prefect,scope=Namespaced
// +kubebuilder:selectablefield:JSONPath=`.spec.name`
// +kubebuilder:selectablefield:JSONPath=`.status.id`
// +kubebuilder:printcolumn:name="Flow-Name",type=string,JSONPath=`.status.name`,description="Name of the flow"
// +kubebuilder:printcolumn:name="ID",type=string,JSONPath=`.status.id`,description="ID of the flow over REST"
// +kubebuilder:printcolumn:name="Stalled",type=string,JSONPath=`.status.conditions[?(@.type=="Stalled")].reason`,description="Why the object is not a flow, in one word"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Stalled")].message`,description="Why the object is not a flow"
// +kubebuilder:validation:XValidation:rule=`size(dyn(self.spec).?labels.orValue({})) == 0 || dyn(self.spec).labels.all(k, size(k) <= 128)`,message="the keys of labels have at most 128 characters",fieldPath=".spec.labels"
type RegisteredFlow struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata. The name of a flow that was registered
	// over REST is made of the letters and digits of its name and a hash of it.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the requested flow. tags and labels can be changed later. The other
	// fields are immutable.
	//
	// +required
	Spec RegisteredFlowSpec `json:"spec"` //nolint:kubeapilinter // can be empty: every field of it has a default

	// status is the observed flow. Set by the operator.
	//
	// +optional
	Status RegisteredFlowStatus `json:"status,omitzero"` //nolint:kubeapilinter // a status is never written empty
}

// RegisteredFlowList is a list of RegisteredFlows.
//
// +kubebuilder:object:root=true
type RegisteredFlowList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	//
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the RegisteredFlows.
	Items []RegisteredFlow `json:"items"`
}

// RegisteredFlowSpec is the requested flow. The texts of tags and labels have at
// most 4096 characters together.
type RegisteredFlowSpec struct {
	// id is the id of the flow over REST, a UUID. Immutable. Default: a UUID that
	// follows from the namespace and the name of the flow.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// name of the flow, at most 1024 characters: what @flow has for name. It is unique
	// in the namespace. If two RegisteredFlows have one name, the younger one is
	// Stalled. It cannot have the characters / % & > <. Immutable. Default:
	// metadata.name. Example: daily etl.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^[^/%&><]+$`
	Name string `json:"name,omitempty"`

	// tags are labels of the flow for filters. At most 128, with at most 256 characters
	// each. Order and duplicates are kept. Can be changed. Example: [nightly, team-a].
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Tags []Tag `json:"tags,omitempty"`

	// labels are Prefect labels, by keys, with texts, numbers or booleans as values;
	// they are not metadata.labels. New runs of the flow get them, too. At most 64; a
	// key has at most 128 characters, a text at most 64. Can be changed.
	// Example: {team: data}.
	//
	// +optional
	// +mapType=atomic
	// +kubebuilder:validation:MaxProperties=64
	Labels map[string]LabelValue `json:"labels,omitzero"` //nolint:kubeapilinter // the documented map; an empty one and none differ over REST

	// origin has data about the registration of the flow over REST. Set by the REST
	// API. Immutable.
	//
	// +optional
	Origin *RegisteredFlowOrigin `json:"origin,omitempty"`
}

// RegisteredFlowOrigin is what the REST API records about the registration of a flow.
// Manifests do not need it.
//
// +structType=atomic
type RegisteredFlowOrigin struct {
	// createdTime is when the flow was registered, with microseconds. Defaults to
	// metadata.creationTimestamp.
	//
	// +optional
	CreatedTime *MicroTime `json:"createdTime,omitempty"`

	// wire is the JSON text of the labels that spec.labels cannot hold as they were
	// sent. They take precedence. At most 4096 characters.
	// Example: '{"labels":{"ratio":5.0}}'.
	//
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=4096
	Wire string `json:"wire,omitempty"`
}

// RegisteredFlowStatus is the observed flow.
//
// +structType=atomic
type RegisteredFlowStatus struct {
	// observedGeneration is the metadata.generation of this status.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions has the type Stalled, True, if the object is not a flow, because another
	// RegisteredFlow has the same name or id.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=4
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// id is the id of the flow over REST: spec.id, or the UUID that follows from the
	// namespace and the name.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// name is the name of the flow over REST, at most 1024 characters: spec.name, or
	// metadata.name without one.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name,omitempty"`

	// effective has the tags, if a request over REST changed them.
	//
	// +optional
	Effective *RegisteredFlowEffective `json:"effective,omitempty"`

	// updatedTime is the time of the last change of the flow over REST, with
	// microseconds.
	//
	// +optional
	UpdatedTime *MicroTime `json:"updatedTime,omitempty"`
}

// RegisteredFlowEffective holds the fields in which a flow differs from its spec,
// because a request over REST changed them.
//
// +structType=atomic
type RegisteredFlowEffective struct {
	// tagsReplaces is the hash of the spec.tags that tags take precedence over. When
	// spec.tags change, they apply again.
	//
	// +optional
	TagsReplaces FieldHash `json:"tagsReplaces,omitempty"`

	// tags are the tags, at most 128. An empty list means none.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Tags []Tag `json:"tags,omitzero"` //nolint:kubeapilinter // an empty list replaces the tags of spec
}
