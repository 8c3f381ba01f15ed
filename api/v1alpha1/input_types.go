package v1alpha1

// MaxNamedInputs is how many sources of a run can have taskRunName.
const MaxNamedInputs = 32

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
// follows from inputType: id or taskRunName for task_run, id for flow_run, name for
// parameter, type for constant.
//
// +kubebuilder:validation:XValidation:rule="self.inputType == 'task_run' ? has(self.id) != has(self.taskRunName) : has(self.id) == (self.inputType == 'flow_run')",message="id must be set if inputType is flow_run, id or taskRunName if it is task_run, and only then",fieldPath=".id"
// +kubebuilder:validation:XValidation:rule="!has(self.taskRunName) || self.inputType == 'task_run'",message="taskRunName must be set only if inputType is task_run",fieldPath=".taskRunName"
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
	// and flow_run only; a task_run has either id or taskRunName.
	//
	// +optional
	ID UUID `json:"id,omitempty"`

	// taskRunName is the name of a TaskRun object in the same namespace that the
	// argument comes from, at most 253 characters. For task_run only, instead of id.
	// The object can be created later. As soon as it exists, the operator records its
	// id in status.inputTaskRunIDs. Until then REST returns the argument without this
	// source. The run does not wait for the other one. Example: extract-users.
	//
	// +optional
	TaskRunName ObjectName `json:"taskRunName,omitempty"`

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
