package authn

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func allowing(yes bool) func(*authorizationv1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewStatus {
	return func(*authorizationv1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewStatus {
		return authorizationv1.SubjectAccessReviewStatus{Allowed: yes}
	}
}

func TestAuthorize_reviewHasTheWholeCallerAndAccess(t *testing.T) {
	t.Parallel()
	caller := Caller{Name: "ann", UID: "1", Groups: []string{"g", "h"}, Extra: map[string][]string{"k": {"v", "w"}}}
	user := authorizationv1.SubjectAccessReviewSpec{
		User: "ann", UID: "1", Groups: []string{"g", "h"}, Extra: map[string]authorizationv1.ExtraValue{"k": {"v", "w"}},
	}
	for name, test := range map[string]struct {
		access       Access
		wantResource *authorizationv1.ResourceAttributes
		wantPath     *authorizationv1.NonResourceAttributes
	}{
		"an object's subresource": {
			access: Access{Verb: "update", Namespace: "n", Resource: "taskruns", Subresource: "status", Name: "r"},
			wantResource: &authorizationv1.ResourceAttributes{
				Verb: "update", Namespace: "n", Group: "taskrun.dev", Resource: "taskruns", Subresource: "status", Name: "r",
			},
		},
		"all namespaces": {
			access:       Access{Verb: "list", Resource: "taskruns"},
			wantResource: &authorizationv1.ResourceAttributes{Verb: "list", Group: "taskrun.dev", Resource: "taskruns"},
		},
		"a path": {
			access:   Access{Verb: "get", Path: "/metrics"},
			wantPath: &authorizationv1.NonResourceAttributes{Verb: "get", Path: "/metrics"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{allowed: allowing(true)}
			d, _ := newReviewer(t, c)
			if err := d.Authorize(t.Context(), caller, test.access); err != nil {
				t.Fatal(err)
			}
			want := user
			want.ResourceAttributes, want.NonResourceAttributes = test.wantResource, test.wantPath
			if diff := cmp.Diff([]authorizationv1.SubjectAccessReviewSpec{want}, c.accesses); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuthorize_denialNamesTheMissingPermission(t *testing.T) {
	t.Parallel()
	d, _ := newReviewer(t, &cluster{allowed: allowing(false)})
	for want, access := range map[string]Access{
		`a may not create taskruns in namespace "x": ask for a role such as taskrun-editor-role there`: {
			Verb: "create", Namespace: "x", Resource: "taskruns",
		},
		`a may not get taskruns "r" in namespace "x": ask for a role such as taskrun-viewer-role there`: {
			Verb: "get", Namespace: "x", Resource: "taskruns", Name: "r",
		},
		`a may not update taskruns/status in namespace "x": ask for a role with the verb update on taskruns/status of taskrun.dev there`: {
			Verb: "update", Namespace: "x", Resource: "taskruns", Subresource: "status",
		},
		`a may not list taskruns in all namespaces: ask for a role such as taskrun-viewer-role for the whole cluster, or name a namespace`: {
			Verb: "list", Resource: "taskruns",
		},
		`a may not get /metrics: ask for a ClusterRole that has the nonResourceURL /metrics with the verb get`: {Verb: "get", Path: "/metrics"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			err := d.Authorize(t.Context(), Caller{Name: "a"}, access)
			wantKind(t, err, ErrForbidden)
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAuthorize_onlyAllowedWithoutErrorIsAllowed(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]authorizationv1.SubjectAccessReviewStatus{
		"neither allowed nor denied": {},
		"allowed and denied":         {Allowed: true, Denied: true},
		"not allowed with an error":  {EvaluationError: `role "gone" not found`},
		"not allowed with a reason":  {Denied: true, Reason: "not today"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := newReviewer(t, &cluster{
				allowed: func(*authorizationv1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewStatus {
					return status
				},
			})
			err := d.Authorize(t.Context(), Caller{Name: "a"}, Access{Verb: "get", Resource: "taskruns"})
			wantKind(t, err, ErrForbidden)
		})
	}
}

func TestAuthorize_rejectsInvalidCallers(t *testing.T) {
	t.Parallel()
	for name, caller := range map[string]Caller{
		"a caller without a name":          {Groups: []string{"system:masters"}},
		"a caller whose token has expired": {Name: "a", Until: start},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{allowed: allowing(true)}
			d, _ := newReviewer(t, c)
			wantKind(t, d.Authorize(t.Context(), caller, Access{Verb: "get", Resource: "taskruns"}), ErrUnauthenticated)
			if _, accesses := c.asked(); accesses != 0 {
				t.Error("the API server was asked")
			}
		})
	}
}

func TestAuthorize_cacheTTL(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		allowed   bool
		wait      time.Duration
		wantAsked int
	}{
		"a granted permission until the end of the TTL": {true, 40 * time.Second, 1},
		"a granted permission no longer than the TTL":   {true, 40*time.Second + 1, 2},
		"a denied permission for the shorter TTL":       {false, 5 * time.Second, 1},
		"a denied permission no longer than its TTL":    {false, 5*time.Second + 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{allowed: allowing(test.allowed)}
			d, clock := newReviewer(t, c)
			// A caller with a newer token of the same user is the same caller.
			for _, until := range []time.Duration{time.Hour, 2 * time.Hour} {
				err := d.Authorize(t.Context(), Caller{Name: "a", Until: start.Add(until)}, Access{Verb: "get", Resource: "taskruns"})
				if (err == nil) != test.allowed {
					t.Errorf("error = %v", err)
				}
				clock.Step(test.wait)
			}
			if _, accesses := c.asked(); accesses != test.wantAsked {
				t.Errorf("the API server was asked %d times, want %d", accesses, test.wantAsked)
			}
		})
	}
}

// Each differs from the others in one value, or in the boundary between two values.
func TestAuthorize_eachDifferenceIsReviewedSeparately(t *testing.T) {
	t.Parallel()
	c := &cluster{allowed: allowing(true)}
	d, _ := newReviewer(t, c)
	ask := func(caller Caller, access Access) {
		t.Helper()
		if err := d.Authorize(t.Context(), caller, access); err != nil {
			t.Fatal(err)
		}
	}
	get := Access{Verb: "get", Resource: "taskruns"}
	for _, caller := range []Caller{
		{Name: "a"},
		{Name: "b"},
		{Name: "a", UID: "1"},
		{Name: "a", Groups: []string{"g"}},
		{Name: "a", Groups: []string{"g", "h"}},
		{Name: "a", Groups: []string{"gh"}},
		{Name: "a", Groups: []string{"k", "1", "v"}},
		{Name: "a", Extra: map[string][]string{"k": {"v"}}},
		{Name: "a", Extra: map[string][]string{"k": {"v", "w"}}},
		{Name: "a", Extra: map[string][]string{"k": {"v"}, "w": {}}},
		{Name: "a", Extra: map[string][]string{"k": {}, "v": {}}},
	} {
		ask(caller, get)
	}
	for _, access := range []Access{
		{Verb: "list", Resource: "taskruns"},
		{Verb: "get", Resource: "concurrencylimits"},
		{Verb: "get", Resource: "taskruns", Subresource: "status"},
		{Verb: "get", Resource: "taskruns", Namespace: "x"},
		{Verb: "get", Resource: "taskruns", Name: "x"},
		{Verb: "get", Path: "x"},
	} {
		ask(Caller{Name: "a"}, access)
	}
	if _, accesses := c.asked(); accesses != 17 {
		t.Errorf("the API server was asked %d times, want 17", accesses)
	}
}

func TestAuthorize_denialsDoNotEvictGrantedPermissions(t *testing.T) {
	t.Parallel()
	c := &cluster{
		allowed: func(s *authorizationv1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewStatus {
			return authorizationv1.SubjectAccessReviewStatus{Allowed: s.ResourceAttributes.Namespace == "mine"}
		},
	}
	d, _ := newReviewer(t, c)
	mine := Access{Verb: "get", Resource: "taskruns", Namespace: "mine"}
	_ = d.Authorize(t.Context(), Caller{Name: "a"}, mine)
	for i := range 10 * testOptions().CacheSize {
		wantKind(t, d.Authorize(t.Context(), Caller{Name: "a"}, Access{Verb: "get", Resource: "taskruns", Namespace: strconv.Itoa(i)}), ErrForbidden)
	}
	_, before := c.asked()
	if err := d.Authorize(t.Context(), Caller{Name: "a"}, mine); err != nil {
		t.Error(err)
	}
	if _, after := c.asked(); after != before {
		t.Error("what is allowed was asked again")
	}
}

func TestAuthorize_errorsAreNotCached(t *testing.T) {
	t.Parallel()
	reviews := schema.GroupResource{Group: "authorization.k8s.io", Resource: "subjectaccessreviews"}
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"no connection":             {errors.New("connection refused"), "does not answer now: try again"},
		"no permission for reviews": {apierrors.NewForbidden(reviews, "", errors.New("no")), "verb create on subjectaccessreviews.authorization.k8s.io"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{allowed: allowing(true), err: test.err}
			d, _ := newReviewer(t, c)
			access := Access{Verb: "get", Resource: "taskruns"}
			wantKind(t, d.Authorize(t.Context(), Caller{Name: "a"}, access), ErrUnavailable, test.says)
			c.fail(nil)
			if err := d.Authorize(t.Context(), Caller{Name: "a"}, access); err != nil {
				t.Errorf("after the outage: %v", err)
			}
		})
	}
}

func TestAuthorize_concurrentRequestsForOneAccessShareAReview(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c := &cluster{allowed: allowing(true), hold: func(context.Context) error { <-open; return nil }}
		d, _ := newReviewer(t, c)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := d.Authorize(t.Context(), Caller{Name: "a"}, Access{Verb: "get", Resource: "taskruns"}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(open)
		wg.Wait()
		if _, accesses := c.asked(); accesses != 1 {
			t.Errorf("the API server was asked %d times, want once", accesses)
		}
	})
}
