// Package authn identifies callers and checks their permissions. It has no users, passwords or roles of its own: the
// Kubernetes API server reviews tokens (TokenReview) and permissions (SubjectAccessReview, so RBAC), and vouches for
// callers that its aggregation layer forwards (FrontProxy).
//
// The package fails closed: while the API server cannot be reached, callers are rejected with ErrUnavailable.
//
// Results are cached for a limited time and in a limited number, accepted and rejected ones separately. A revoked token
// is accepted for at most Options.CacheTTL longer, and a revoked permission for at most Options.AllowedTTL.
//
// docs/decisions/0024-authentication.md says why k8s.io/apiserver is not used.
package authn

// The permissions for reviews. To read the ConfigMap of FrontProxy, the ServiceAccount needs a RoleBinding in kube-system
// to the Role extension-apiserver-authentication-reader, which every cluster has.
//
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
