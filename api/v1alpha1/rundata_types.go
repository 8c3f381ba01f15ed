package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RunData is a text that belongs to a run and that the run cannot hold itself: long
// parameters, or an input. It has no spec and no status, as a ConfigMap. It is
// immutable. The operator creates RunData for clients of REST, and deletes it with its
// run. A manifest can bring the parameters of a FlowRun:
//
//	kubectl create -f - <<EOF
//	apiVersion: taskrun.dev/v1alpha1
//	kind: RunData
//	metadata: {name: etl-2031}
//	type: Parameters
//	text: '{"day": "2031-02-03"}'
//	EOF
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:path=rundata,singular=rundata,shortName=trdata,categories=prefect,scope=Namespaced
// +kubebuilder:selectablefield:JSONPath=`.type`
// +kubebuilder:selectablefield:JSONPath=`.runID`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.type`,description="What the text is"
// +kubebuilder:printcolumn:name="Key",type=string,JSONPath=`.key`,description="Key of an input"
// +kubebuilder:printcolumn:name="Run-ID",type=string,JSONPath=`.runID`,description="ID over REST of the run"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Sender",type=string,priority=1,JSONPath=`.sender`,description="Sender of an input"
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || size(bytes(self.text)) <= 786432`,message="text has at most 786432 bytes",fieldPath=".text",optionalOldSelf=true
type RunData struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata. RunData that the operator created has the
	// id of the run in its name, and the run as owner.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// type is what the text is: Parameters, Context or JobVariables of a FlowRun, or an
	// Input that was sent to a run.
	//
	// +required
	// +kubebuilder:validation:Enum=Parameters;Context;JobVariables;Input
	Type string `json:"type,omitempty"`

	// text is the data, at most 786432 bytes. For Parameters, Context and JobVariables,
	// it is one JSON object.
	//
	// +required
	// +kubebuilder:validation:MaxLength=786432
	Text *string `json:"text,omitempty"`

	// key is the key of an Input, unique within its run, at most 512 characters. The
	// operator sets it for other types, too. Default: none. Example: paused-1-response.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Key *string `json:"key,omitempty"`

	// runID is the id over REST of the run that the data belongs to, a UUID. Set by the
	// operator. Default: none.
	//
	// +optional
	RunID UUID `json:"runID,omitempty"`

	// id is the id of an Input over REST, a UUID. Set by the operator. Default:
	// metadata.uid.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// sender is who sent an Input, as the client says, at most 1024 characters. Default:
	// none. Example: prefect.flow-run.0196c1f0-3f8e-7c51-9a2b-6a5de1a0c9b4.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Sender *string `json:"sender,omitempty"`

	// createdTime is when the data was created, with microseconds. Set by the operator.
	// Default: metadata.creationTimestamp.
	//
	// +optional
	CreatedTime *MicroTime `json:"createdTime,omitempty"`
}

// The types of a RunData.
const (
	DataParameters   = "Parameters"
	DataContext      = "Context"
	DataJobVariables = "JobVariables"
	DataInput        = "Input"
)

// RunDataList is a list of RunData.
//
// +kubebuilder:object:root=true
type RunDataList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	//
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the RunData.
	Items []RunData `json:"items"`
}

// LabelUnowned is on a RunData that the operator created for a run that does not own it
// yet. The operator removes it when it sets the owner.
const LabelUnowned = "taskrun.dev/unowned"
