package v1alpha1

// EmpiricalPolicy says how often, and after which time, a run that fails is
// tried again. Prefect calls it empirical_policy.
//
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || self.?retryDelayKind.orValue("") != "Single" || size(self.?retryDelay.orValue([])) == 1`,message="retryDelayKind Single needs exactly one entry in retryDelay",fieldPath=".retryDelayKind",optionalOldSelf=true
// +structType=atomic
type EmpiricalPolicy struct {
	// maxRetries is the older name of retries, deprecated by Prefect and kept
	// because its answers repeat it. It counts where retries is missing or 0.
	// Default: 0.
	//
	// +optional
	// +kubebuilder:validation:Minimum=-9007199254740991
	// +kubebuilder:validation:Maximum=9007199254740991
	MaxRetries *int64 `json:"maxRetries,omitempty"`

	// retryDelaySeconds is the older name of retryDelay, deprecated by Prefect
	// and kept because its answers repeat it. Seconds, as a decimal text. It
	// counts where retryDelay is missing. Default: "0.0".
	//
	// +optional
	RetryDelaySeconds *Decimal `json:"retryDelaySeconds,omitempty"`

	// retries is how many times the run is tried again after a failure: 3 means
	// at most four attempts. A run that may be tried again does not become
	// FAILED but SCHEDULED, named AwaitingRetry. Default: none.
	//
	// +optional
	// +kubebuilder:validation:Minimum=-9007199254740991
	// +kubebuilder:validation:Maximum=9007199254740991
	Retries *int64 `json:"retries,omitempty"`

	// retryDelay is how long to wait before each retry: seconds, as decimal
	// texts, one for each retry; the last one repeats. An empty list is no wait.
	// At most 50 entries of 32 characters. Default: no wait.
	// Example: ["1", "10", "60.5"].
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	RetryDelay []Decimal `json:"retryDelay,omitzero"` //nolint:kubeapilinter // no wait and none given differ over REST

	// retryDelayKind says how retry_delay is spelt over REST: List, as a list;
	// Single, as the one number that retryDelay then holds. It changes nothing
	// about the waiting. Default: List.
	//
	// +optional
	// +kubebuilder:validation:Enum=List;Single
	RetryDelayKind string `json:"retryDelayKind,omitempty"`

	// retryJitterFactor spreads the retries of many runs: the wait is drawn at
	// random from about (1 - factor/2) to (1 + factor) times the delay. 0 or
	// more, as a decimal text. Default: no spread. Example: "0.3".
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`
	RetryJitterFactor *string `json:"retryJitterFactor,omitempty"`
}

// The ways retryDelay is spelt over REST.
const (
	RetryDelayList   = "List"
	RetryDelaySingle = "Single"
)
