package authn

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// group is the API group of what callers do something with.
const group = "taskrun.dev"

// Authorize is nil if the caller may do that. ErrForbidden, ErrUnavailable.
func (d *Door) Authorize(ctx context.Context, c Caller, a Access) error {
	key, err := questionOf(c, a)
	if err != nil {
		return err
	}
	if known, ok := d.verdicts.Get(key); ok {
		d.metrics.Reviewed(KindAccess, OutcomeCached, 0)
		err, _ := known.(error)
		return err
	}
	verdict, err := ask(ctx, d, "access "+key, func(ctx context.Context) (verdict, error) { return d.judge(ctx, c, a) })
	if err != nil {
		return err
	}
	ttl := d.options.AllowedTTL
	if verdict.refused != nil {
		ttl = d.options.DeniedTTL
	}
	d.verdicts.Add(key, verdict.refused, ttl)
	return verdict.refused
}

// verdict is what the API server says.
type verdict struct{ refused error }

// questionOf is a short text that is the same for equal questions only.
func questionOf(c Caller, a Access) (string, error) {
	c.Until = time.Time{} // the next token of a caller has the same rights
	text, err := json.Marshal(struct {
		Caller Caller
		Access Access
	}{c, a})
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	digest := sha256.Sum256(text)
	return string(digest[:]), nil
}

func (d *Door) judge(ctx context.Context, c Caller, a Access) (verdict, error) {
	began := d.clock.Now()
	review, err := d.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, reviewOf(c, a), metav1.CreateOptions{})
	took := d.clock.Now().Sub(began)
	switch {
	case err != nil:
		d.metrics.Reviewed(KindAccess, OutcomeError, took)
		return verdict{}, fmt.Errorf("%w: asking what %s may do: %w", ErrUnavailable, c.Name, err)
	case review.Status.Allowed:
		d.metrics.Reviewed(KindAccess, OutcomeAllowed, took)
		return verdict{}, nil
	default:
		d.metrics.Reviewed(KindAccess, OutcomeDenied, took)
		return verdict{fmt.Errorf("%w: %s may not %s", ErrForbidden, c.Name, a)}, nil
	}
}

func reviewOf(c Caller, a Access) *authorizationv1.SubjectAccessReview {
	spec := authorizationv1.SubjectAccessReviewSpec{User: c.Name, UID: c.UID, Groups: c.Groups}
	if len(c.Extra) > 0 {
		spec.Extra = make(map[string]authorizationv1.ExtraValue, len(c.Extra))
		for key, values := range c.Extra {
			spec.Extra[key] = values
		}
	}
	if a.Path != "" {
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: a.Path, Verb: a.Verb}
	} else {
		spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
			Group: group, Version: "*", Namespace: a.Namespace, Verb: a.Verb, Resource: a.Resource, Subresource: a.Subresource, Name: a.Name,
		}
	}
	return &authorizationv1.SubjectAccessReview{Spec: spec}
}

// String says it as in: may not create taskruns in namespace "a".
func (a Access) String() string {
	if a.Path != "" {
		return a.Verb + " " + a.Path
	}
	what := a.Resource
	if a.Subresource != "" {
		what += "/" + a.Subresource
	}
	if a.Namespace == "" {
		return fmt.Sprintf("%s %s (%s) in all namespaces", a.Verb, what, group)
	}
	return fmt.Sprintf("%s %s (%s) in namespace %q: bind a role such as taskrun-worker-role there", a.Verb, what, group, a.Namespace)
}
