// Package controller has the controllers of TaskRuns and StateProposals. The first
// writes initial states to the status, resolves inputs that are named by TaskRuns, and
// deletes finished runs after their TTL, or after that of their namespace.
// The second evaluates proposals, retries those that wait, and deletes them after
// --proposal-ttl. One replica at a time runs them; correctness does not depend on
// that.
//
// The markers below are the permissions of the whole operator, including REST, but
// without the reviews of callers (package authn). config/rbac/role.yaml is generated
// from both.
package controller

// +kubebuilder:rbac:groups=taskrun.dev,resources=taskruns,verbs=get;list;watch;create;patch;delete;set-data
// +kubebuilder:rbac:groups=taskrun.dev,resources=taskruns/status,verbs=update
// +kubebuilder:rbac:groups=taskrun.dev,resources=stateproposals,verbs=list;watch;patch;delete
// +kubebuilder:rbac:groups=taskrun.dev,resources=stateproposals/status,verbs=update
// +kubebuilder:rbac:groups=taskrun.dev,resources=flowruns,verbs=get;list;watch;create;delete;set-data
// +kubebuilder:rbac:groups=taskrun.dev,resources=flowruns/status,verbs=update
// +kubebuilder:rbac:groups=taskrun.dev,resources=registeredflows,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=taskrun.dev,resources=registeredflows/status,verbs=update
// +kubebuilder:rbac:groups=taskrun.dev,resources=rundata,verbs=get;list;create;patch;delete
// +kubebuilder:rbac:groups=taskrun.dev,resources=concurrencylimits,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=taskrun.dev,resources=concurrencylimits/status,verbs=update
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
