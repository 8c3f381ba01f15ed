package v1alpha1

// Transition proposes a state; its shape is the body of set_state.
//
// +structType=atomic
type Transition struct {
	// state is the state proposed. {"type": "CANCELLED"} is enough to cancel.
	//
	// +required
	State ProposedState `json:"state,omitzero"`

	// force skips the rules: every state is accepted. Default: false.
	//
	// +optional
	Force bool `json:"force,omitempty"`
}

// TransitionStatus is the verdict on the last spec.transition that was judged.
//
// +structType=atomic
type TransitionStatus struct {
	// digest of the proposal that was judged: letters, digits and the signs
	// :+/=_- , at most 128 characters. An equal proposal is not judged again.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9:+/=_-]+$`
	Digest string `json:"digest,omitempty"`

	// verdict of the rules: ACCEPT, the state proposed is the run's; REJECT,
	// another state took its place, or none; ABORT, nothing changed; WAIT, it is
	// judged again at retryTime.
	//
	// +required
	// +kubebuilder:validation:Enum=ACCEPT;REJECT;ABORT;WAIT
	Verdict string `json:"verdict,omitempty"`

	// reason of the verdict, in words, at most 1024 characters.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`

	// judgedAt is when the verdict was reached, to the microsecond.
	//
	// +required
	JudgedAt MicroTime `json:"judgedAt"` //nolint:kubeapilinter // a text in JSON, though a struct here

	// retryTime is when the proposal is judged again, after WAIT.
	//
	// +optional
	RetryTime *MicroTime `json:"retryTime,omitempty"`
}

// The verdicts.
const (
	VerdictAccept = "ACCEPT"
	VerdictReject = "REJECT"
	VerdictAbort  = "ABORT"
	VerdictWait   = "WAIT"
)

// Delivery says which worker holds a background run. It is written before the
// run is sent, so that no two live workers hold one run.
//
// +structType=atomic
type Delivery struct {
	// holder is the worker that holds the run, by the client id that it gave itself,
	// usually host name and process id; at most 256 characters. Default: none, for
	// the run has ended or waits for a worker. Example: host-7-4711.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Holder string `json:"holder,omitempty"`

	// leaseNamespace is the namespace in which the operator that the worker is
	// connected to keeps a Lease with its workers. Set by the operator, when it sends
	// the run and when the worker connects to another operator. Another operator takes
	// the run from its worker only if it can read these Leases and the worker is in
	// none. The value "-" means that the operator cannot keep a Lease: no other
	// operator takes the run. Empty means that the run was sent by an earlier version.
	// At most 63 characters. Example: taskrun-system.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	LeaseNamespace string `json:"leaseNamespace,omitempty"`

	// previousHolder is the worker that held the run before holder, by its client
	// id; at most 256 characters. If it is the same one, its work on the earlier
	// delivery still counts. Default: none. Set by the operator. Example: host-7-4711.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	PreviousHolder string `json:"previousHolder,omitempty"`

	// since is when the run was last sent to a worker, to the microsecond; it stays
	// when that worker holds it no more.
	//
	// +required
	Since MicroTime `json:"since"` //nolint:kubeapilinter // a text in JSON, though a struct here

	// attempts counts how often the run was sent to any worker. One that no worker
	// starts is CRASHED when --worker-max-attempts is reached and its last worker is
	// gone.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Attempts int32 `json:"attempts,omitempty"`
}
