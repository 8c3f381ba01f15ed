package v1alpha1

// FirstDelivery says which worker a background run was created for: the operator
// sends the run to it after the create. It counts as the first delivery, at the time
// at which the run was created. If the worker is not connected, the run waits for
// another worker after --worker-grace-period.
//
// +structType=atomic
type FirstDelivery struct {
	// holder is the worker that holds the run, by its client id; at most 256
	// characters. Example: host-7-4711.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Holder string `json:"holder,omitempty"`

	// leaseNamespace is the namespace of the Leases that list the worker while it is
	// connected, as in status.delivery. At most 63 characters. Example: taskrun-system.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	LeaseNamespace string `json:"leaseNamespace,omitempty"`
}

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

	// deliveredTime is the time at which the run was last sent to a worker, with
	// microseconds. It is kept when that worker no longer holds the run.
	//
	// +required
	DeliveredTime MicroTime `json:"deliveredTime"` //nolint:kubeapilinter // a text in JSON, though a struct here

	// attempts is the number of deliveries of the run to any worker. A run that no
	// worker starts becomes CRASHED when --worker-max-attempts is reached and its last
	// worker is lost. Set by the operator.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Attempts int32 `json:"attempts,omitempty"`
}
