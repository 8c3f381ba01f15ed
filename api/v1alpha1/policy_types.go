package v1alpha1

// EmpiricalPolicy says how often, and after which time, a run that fails is
// tried again. Prefect calls it empirical_policy.
//
// +structType=atomic
type EmpiricalPolicy struct {
	// retries is how many times the run is tried again after a failure: 3 means
	// at most four attempts. A run that may be tried again does not become
	// FAILED but SCHEDULED, named AwaitingRetry. Defaults to 0.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	Retries *int64 `json:"retries,omitempty"`

	// retryDelay is how long to wait before each retry: seconds, as numbers or
	// decimal texts, one for each retry; the last one applies to all further
	// retries. At most 50. An empty list means no wait. Defaults to no wait.
	// Example: [1, 10, 60.5].
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	RetryDelay []Number `json:"retryDelay,omitzero"` //nolint:kubeapilinter // no wait and none given differ over REST

	// retryJitterFactor spreads the retries of many runs: the wait is a random
	// value between about (1 - factor/2) and (1 + factor) times the delay. 0 or
	// more, as a number or a decimal text. Defaults to no spread. Example: 0.3.
	//
	// +optional
	RetryJitterFactor *Number `json:"retryJitterFactor,omitempty"`
}
