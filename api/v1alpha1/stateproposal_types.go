package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// StateProposal asks the operator to change the state of a run. The operator
// evaluates it once, by the rules that apply to REST, and writes the verdict to
// status. To ask again, create another StateProposal:
//
//	kubectl create -f - <<EOF
//	apiVersion: taskrun.dev/v1alpha1
//	kind: StateProposal
//	metadata: {generateName: cancel-load-users-}
//	spec:
//	  targetRef: {kind: TaskRun, name: load-users}
//	  state: {type: CANCELLED}
//	EOF
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=stateproposals,singular=stateproposal,shortName=trproposal,categories=prefect,scope=Namespaced
// +kubebuilder:selectablefield:JSONPath=`.spec.targetRef.name`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.spec.targetRef.name`,description="Name of the run"
// +kubebuilder:printcolumn:name="Proposed",type=string,JSONPath=`.spec.state.type`,description="Type of the proposed state"
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.verdict`,description="Result of the evaluation"
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.reason`,description="Explanation of the verdict"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Kind",type=string,priority=1,JSONPath=`.spec.targetRef.kind`,description="Kind of the run"
// +kubebuilder:printcolumn:name="Proposer",type=string,priority=1,JSONPath=`.spec.proposer`,description="User that created the proposal"
// +kubebuilder:printcolumn:name="Force",type=boolean,priority=1,JSONPath=`.spec.force`,description="Whether the rules are skipped"
// +kubebuilder:validation:XValidation:rule=`size(self.metadata.name) <= 63`,message="the name of a StateProposal has at most 63 characters"
type StateProposal struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata. A run evaluates each name once:
	// use generateName.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the proposal. Immutable.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule=`self == oldSelf`,message="a proposal is immutable: create another StateProposal"
	Spec StateProposalSpec `json:"spec,omitzero"`

	// status is the result of the evaluation. Set by the operator.
	//
	// +optional
	Status StateProposalStatus `json:"status,omitzero"` //nolint:kubeapilinter // a status is never written empty
}

// StateProposalList is a list of StateProposals.
//
// +kubebuilder:object:root=true
type StateProposalList struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard list metadata.
	//
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items is the list of StateProposals.
	Items []StateProposal `json:"items"`
}

// StateProposalSpec is a state that a user proposes for a run.
type StateProposalSpec struct {
	// targetRef is the run, an object in the namespace of the proposal.
	//
	// +required
	TargetRef ProposalTarget `json:"targetRef,omitzero"`

	// state is the proposed state. Example: {type: CANCELLED}.
	//
	// +required
	State ProposedState `json:"state,omitzero"`

	// force skips the rules: the operator accepts every state. The admission policy
	// of the operator requires the verb "force" on stateproposals for it. Defaults
	// to false.
	//
	// +optional
	Force bool `json:"force,omitempty"`

	// ifStateID is the UUID of a state. If the current state of the run is another
	// one, the verdict is Aborted. Defaults to any state.
	//
	// +optional
	IfStateID UUID `json:"ifStateID,omitempty"`

	// proposer is the name of the user that creates the proposal, at most 256
	// characters. The admission policy of the operator requires that it equals the
	// authenticated user. Defaults to unknown.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Proposer string `json:"proposer,omitempty"`
}

// ProposalTarget refers to the run that a proposal is for.
//
// +structType=atomic
type ProposalTarget struct {
	// kind is the kind of the run: TaskRun or FlowRun.
	//
	// +required
	// +kubebuilder:validation:Enum=TaskRun;FlowRun
	Kind string `json:"kind,omitempty"`

	// name is the name of the object.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// uid is the UID of the object. If the object has another one, because it was
	// deleted and created again, the verdict is Aborted. Defaults to any UID.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// StateProposalStatus is the result of the evaluation.
//
// +structType=atomic
type StateProposalStatus struct {
	// observedGeneration is the metadata.generation that was evaluated.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions has the type Evaluated: True once the verdict is final. Its reason
	// is the verdict.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// verdict is the result: Accepted, the run has the proposed state; Rejected, the
	// rules put another state in its place, or kept the current one; Aborted, nothing
	// changed; Waiting, the operator evaluates the proposal again.
	//
	// +optional
	// +kubebuilder:validation:Enum=Accepted;Rejected;Aborted;Waiting
	Verdict string `json:"verdict,omitempty"`

	// reason explains the verdict, in at most 1024 characters.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`

	// evaluatedTime is the time of the verdict, with microseconds.
	//
	// +optional
	EvaluatedTime *MicroTime `json:"evaluatedTime,omitempty"`

	// retryTime is the time at which the run may enter the state. Set while the
	// verdict is Waiting, unless the proposal waits for a slot of a concurrency
	// limit, which can be free at any moment.
	//
	// +optional
	RetryTime *MicroTime `json:"retryTime,omitempty"`

	// waitingStateID is the UUID of the state that the run is in while the verdict is
	// Waiting. The operator evaluates the proposal again at once if the run enters
	// another state.
	//
	// +optional
	WaitingStateID UUID `json:"waitingStateID,omitempty"`

	// stateID is the UUID of the state that the evaluation wrote to the run. Not set
	// if the run kept its state.
	//
	// +optional
	StateID UUID `json:"stateID,omitempty"`
}

// AnnotationEvaluated is set on a StateProposal before its final verdict, to the UID
// of the object. A copy of the object has another UID, and is not evaluated.
const AnnotationEvaluated = "taskrun.dev/evaluated"

// The kinds of this group.
const (
	KindTaskRun          = "TaskRun"
	KindConcurrencyLimit = "ConcurrencyLimit"
	KindStateProposal    = "StateProposal"
	KindFlowRun          = "FlowRun"
	KindRegisteredFlow   = "RegisteredFlow"
	KindRunData          = "RunData"
)

// Kinds returns the kinds of this group.
func Kinds() []string {
	return []string{KindTaskRun, KindConcurrencyLimit, KindStateProposal, KindFlowRun, KindRegisteredFlow, KindRunData}
}

// ConditionEvaluated is the condition of a StateProposal: True once its verdict
// is final, as in
//
//	kubectl wait --for=condition=Evaluated stateproposal/NAME
const ConditionEvaluated = "Evaluated"

// The verdicts on a StateProposal; they are the reasons of ConditionEvaluated too.
const (
	VerdictAccepted = "Accepted"
	VerdictRejected = "Rejected"
	VerdictAborted  = "Aborted"
	VerdictWaiting  = "Waiting"
)

// Decision is the final verdict on a StateProposal, recorded in the status of its
// run in the write that changes the state.
//
// +structType=atomic
type Decision struct {
	// proposal is the name of the StateProposal. The operator never evaluates this
	// name again for this run.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Proposal string `json:"proposal,omitempty"`

	// uid is the UID of the StateProposal.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`

	// verdict is the result of the evaluation: Accepted, Rejected or Aborted.
	//
	// +required
	// +kubebuilder:validation:Enum=Accepted;Rejected;Aborted
	Verdict string `json:"verdict,omitempty"`

	// reason explains the verdict, in at most 128 characters.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Reason string `json:"reason,omitempty"`

	// proposer is the user that created the StateProposal, at most 128 characters.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Proposer string `json:"proposer,omitempty"`

	// evaluatedTime is the time of the verdict, with microseconds.
	//
	// +required
	EvaluatedTime MicroTime `json:"evaluatedTime"` //nolint:kubeapilinter // a text in JSON, though a struct here

	// stateID is the UUID of the state that the evaluation wrote. Not set if the run
	// kept its state.
	//
	// +optional
	StateID UUID `json:"stateID,omitempty"`
}
