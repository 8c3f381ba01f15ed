package authn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// apiGroup is that of all resources of an Access.
const apiGroup = "taskrun.dev"

// Access is a requested operation in the terms of Kubernetes. The API group is taskrun.dev, unless Path is set.
type Access struct {
	// Verb is get, list, create, update, delete and so on.
	Verb string
	// Namespace is empty for all of them.
	Namespace             string
	Resource, Subresource string
	// Name is that of one object, and empty for all of them.
	Name string
	// Path is a path that is no resource, such as /metrics. With it, all other fields but Verb are ignored.
	Path string
}

// Authorize returns nil if the caller has the permission. It returns ErrForbidden if not, ErrUnauthenticated if
// it has no name or its credentials have expired (Caller.Until), ErrUnavailable if the API server could not be reached.
func (r *Reviewer) Authorize(ctx context.Context, c Caller, a Access) error {
	switch {
	case c.Name == "":
		return newError(ErrUnauthenticated, nil, "the request names no caller: %s", r.tokenHint())
	case !c.Until.IsZero() && !r.clock.Now().Before(c.Until):
		return newError(ErrUnauthenticated, nil, "the token has expired: %s", r.tokenHint())
	}
	key := r.hasher.key(append([]string{a.Verb, a.Namespace, a.Resource, a.Subresource, a.Name, a.Path}, c.fields()...)...)
	_, err := r.accessCache.review(ctx, key, c.Name, func(ctx context.Context) result[struct{}] {
		start := r.clock.Now()
		answer := r.reviewAccess(ctx, &c, &a)
		r.reviewed("access", outcome(answer.err, "allowed", "denied"), start)
		return answer
	})
	return err
}

func (r *Reviewer) reviewAccess(ctx context.Context, c *Caller, a *Access) result[struct{}] {
	review := &authorizationv1.SubjectAccessReview{Spec: specOf(c, a)}
	reviewed, err := r.accesses.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return result[struct{}]{err: r.accessCache.fail(err)}
	}
	if status := &reviewed.Status; !status.Allowed || status.Denied {
		// An evaluation error, such as a binding to a role that does not exist, does not allow the access.
		cause := errors.Join(causeOf(status.Reason), causeOf(status.EvaluationError))
		return result[struct{}]{err: newError(ErrForbidden, cause, "%s", a.denial(c.Name)), ttl: r.options.DeniedTTL}
	}
	return result[struct{}]{ttl: r.options.AllowedTTL}
}

func specOf(c *Caller, a *Access) authorizationv1.SubjectAccessReviewSpec {
	spec := authorizationv1.SubjectAccessReviewSpec{User: c.Name, UID: c.UID, Groups: c.Groups}
	if len(c.Extra) > 0 {
		spec.Extra = make(map[string]authorizationv1.ExtraValue, len(c.Extra))
		for key, values := range c.Extra {
			spec.Extra[key] = values
		}
	}
	if a.Path != "" {
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: a.Path, Verb: a.Verb}
		return spec
	}
	spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
		Group: apiGroup, Resource: a.Resource, Subresource: a.Subresource,
		Verb: a.Verb, Namespace: a.Namespace, Name: a.Name,
	}
	return spec
}

// denial returns the error text for a caller of that name that lacks the permission.
func (a *Access) denial(caller string) string {
	if a.Path != "" {
		return fmt.Sprintf("%s may not %s %s: ask for a ClusterRole that has the nonResourceURL %s with the verb %s",
			caller, a.Verb, a.Path, a.Path, a.Verb)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s may not %s %s", caller, a.Verb, a.resource())
	if a.Name != "" {
		fmt.Fprintf(&text, " %q", a.Name)
	}
	if a.Namespace == "" {
		fmt.Fprintf(&text, " in all namespaces: ask for %s for the whole cluster, or name a namespace", a.role())
	} else {
		fmt.Fprintf(&text, " in namespace %q: ask for %s there", a.Namespace, a.role())
	}
	return text.String()
}

func (a *Access) resource() string {
	if a.Subresource == "" {
		return a.Resource
	}
	return a.Resource + "/" + a.Subresource
}

// role names a role that allows the access. taskrun-editor-role allows users to create runs and change their states with
// kubectl. A subresource may need more, so its permission is named instead.
func (a *Access) role() string {
	switch {
	case a.Subresource != "":
		return fmt.Sprintf("a role with the verb %s on %s of %s", a.Verb, a.resource(), apiGroup)
	case a.Verb == "get" || a.Verb == "list" || a.Verb == "watch":
		return "a role such as taskrun-viewer-role"
	default:
		return "a role such as taskrun-editor-role"
	}
}
