// Package authn identifies callers and checks their permissions. It has no users, passwords or roles of its own: the
// Kubernetes API server reviews tokens (TokenReview) and permissions (SubjectAccessReview, so RBAC), and vouches for
// callers that its aggregation layer forwards (FrontProxy).
//
// A caller is refused while the API server cannot be asked: its silence is ErrUnavailable, never a yes.
//
// Answers are remembered for a bounded time and in a bounded number, good ones and bad ones apart. So a token that was
// revoked, or a right that was taken away, is good for at most Options.CacheTTL or Options.AllowedTTL longer.
//
// The caches of k8s.io/apiserver were not taken: that of tokens has no bound of its size and keeps a token past its
// expiry, that of access is one for yes and no with a fixed size, both read the clock of the machine and bring CEL,
// audit or metrics registries along. Its front proxy reads the authority and the names that it allows at two different
// times. What is here is a thin layer around the expiring LRU cache of k8s.io/apimachinery.
package authn

// What asking about others takes. The ConfigMap that FrontProxy reads is opened to a program by a RoleBinding in
// kube-system to the Role extension-apiserver-authentication-reader, which every cluster has.
//
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
