package v1alpha1

// TaskArgument is an argument of the task and its sources.
//
// +structType=atomic
type TaskArgument struct {
	// name of the argument, at most 128 characters.
	//
	// +required
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name"` //nolint:kubeapilinter // an empty name is one: clients may send it

	// sources of the argument's value, at most 256. Empty for an argument that has
	// no other run and no parameter in it. Defaults to none.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Sources []TaskInput `json:"sources,omitempty"`
}

// TaskInput is one source of an argument of the run. Which other field it has
// follows from inputType: id for task_run and flow_run, name for parameter, type
// for constant.
//
// +kubebuilder:validation:XValidation:rule="has(self.id) == (self.inputType in ['task_run', 'flow_run'])",message="id must be set if inputType is task_run or flow_run, and only then",fieldPath=".id"
// +kubebuilder:validation:XValidation:rule="has(self.name) == (self.inputType == 'parameter')",message="name must be set if inputType is parameter, and only then",fieldPath=".name"
// +kubebuilder:validation:XValidation:rule="has(self.type) == (self.inputType == 'constant')",message="type must be set if inputType is constant, and only then",fieldPath=".type"
// +structType=atomic
type TaskInput struct {
	// inputType is the kind of source: task_run, the result of another run;
	// flow_run, that of a flow run; parameter, a parameter of the flow;
	// constant, a value of the program.
	//
	// +required
	// +kubebuilder:validation:Enum=task_run;flow_run;parameter;constant
	InputType string `json:"inputType,omitempty"`

	// id of the run or flow run the argument comes from, a UUID. For task_run
	// and flow_run only.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// name of the flow's parameter, at most 256 characters. For parameter only.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Name *string `json:"name,omitempty"`

	// type of the constant, at most 256 characters. For constant only.
	// Example: int.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Type *string `json:"type,omitempty"`
}
