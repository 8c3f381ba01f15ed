// Package controller keeps TaskRun objects in step with what was asked of them
// and with time: it writes the initial state down, judges spec.transition, comes
// back when a WAIT is due, and deletes finished runs whose time is over. One
// replica at a time runs it; nothing rests on that.
//
// The markers below are what the program as a whole may do in a cluster, REST
// included, but for asking about callers (package authn); config/rbac/role.yaml is
// generated from both.
package controller

// +kubebuilder:rbac:groups=taskrun.dev,resources=taskruns,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=taskrun.dev,resources=taskruns/status,verbs=update
// +kubebuilder:rbac:groups=taskrun.dev,resources=concurrencylimits,verbs=get;list;watch;create;update;delete
// +kubebuilder:rbac:groups=taskrun.dev,resources=concurrencylimits/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
