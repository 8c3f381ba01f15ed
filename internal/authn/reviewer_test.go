package authn

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	testingclock "k8s.io/utils/clock/testing"
)

// start is the initial time of the clock in tests.
var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// cluster is an API server that supports only reviews. The clientset's own fake processes one request at a time,
// which hides concurrent requests.
type cluster struct {
	kubernetes.Interface

	mu       sync.Mutex
	tokens   []string                                      // reviewed tokens, in order
	accesses []authorizationv1.SubjectAccessReviewSpec     // reviewed accesses, in order
	users    map[string]authenticationv1.TokenReviewStatus // by token
	allowed  func(*authorizationv1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewStatus
	err      error                           // of every response
	hold     func(ctx context.Context) error // called before each response
}

func (c *cluster) AuthenticationV1() authenticationclient.AuthenticationV1Interface {
	return tokenDesk{cluster: c}
}

func (c *cluster) AuthorizationV1() authorizationclient.AuthorizationV1Interface {
	return accessDesk{cluster: c}
}

func (c *cluster) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *cluster) asked() (tokens, accesses int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.tokens), len(c.accesses)
}

func (c *cluster) await(ctx context.Context) error {
	if c.hold != nil {
		return c.hold(ctx)
	}
	return nil
}

type tokenDesk struct {
	authenticationclient.AuthenticationV1Interface
	authenticationclient.TokenReviewInterface
	*cluster
}

func (d tokenDesk) TokenReviews() authenticationclient.TokenReviewInterface { return d }

func (d tokenDesk) Create(
	ctx context.Context, review *authenticationv1.TokenReview, _ metav1.CreateOptions,
) (*authenticationv1.TokenReview, error) {
	d.mu.Lock()
	d.tokens = append(d.tokens, review.Spec.Token)
	err := d.err
	d.mu.Unlock()
	if err := errors.Join(d.await(ctx), err); err != nil {
		return nil, err
	}
	if diff := cmp.Diff([]string{"taskrun.dev", "second"}, review.Spec.Audiences); diff != "" {
		return nil, fmt.Errorf("audiences asked for (-want +got):\n%s", diff)
	}
	answered := review.DeepCopy()
	answered.Status = d.users[review.Spec.Token]
	return answered, nil
}

type accessDesk struct {
	authorizationclient.AuthorizationV1Interface
	authorizationclient.SubjectAccessReviewInterface
	*cluster
}

func (d accessDesk) SubjectAccessReviews() authorizationclient.SubjectAccessReviewInterface { return d }

func (d accessDesk) Create(
	ctx context.Context, review *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions,
) (*authorizationv1.SubjectAccessReview, error) {
	d.mu.Lock()
	d.accesses = append(d.accesses, review.Spec)
	err := d.err
	d.mu.Unlock()
	if err := errors.Join(d.await(ctx), err); err != nil {
		return nil, err
	}
	answered := review.DeepCopy()
	answered.Status = d.allowed(&review.Spec)
	return answered, nil
}

// testOptions differ from the defaults, and from each other, in each number.
func testOptions() Options {
	return Options{
		Audiences: []string{"taskrun.dev", "second"}, CacheTTL: time.Minute, AllowedTTL: 40 * time.Second, DeniedTTL: 5 * time.Second,
		Timeout: 3 * time.Second, ClockSkew: 10 * time.Second, CacheSize: 8, MaxReviews: 2,
	}
}

func newReviewer(t *testing.T, c *cluster) (*Reviewer, *testingclock.FakeClock) {
	t.Helper()
	clock := testingclock.NewFakeClock(start)
	d, err := New(testOptions(), c, clock)
	if err != nil {
		t.Fatal(err)
	}
	return d, clock
}

// accepted is the status of an accepted token.
func accepted(name string, audiences ...string) authenticationv1.TokenReviewStatus {
	return authenticationv1.TokenReviewStatus{
		Authenticated: true, Audiences: audiences,
		User: authenticationv1.UserInfo{
			Username: name, UID: "uid of " + name, Groups: []string{"system:authenticated"},
			Extra: map[string]authenticationv1.ExtraValue{"pod": {"p"}},
		},
	}
}

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// expiring returns a token that expires this long after the start.
func expiring(after time.Duration) string {
	return jwt(fmt.Sprintf(`{"exp":%d}`, start.Add(after).Unix()))
}

func wantKind(t *testing.T, err, kind error, says ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error = %v, want one that is %v", err, kind)
	}
	for _, other := range []error{ErrUnauthenticated, ErrForbidden, ErrUnavailable} {
		if !errors.Is(other, kind) && errors.Is(err, other) {
			t.Errorf("error %v is %v too", err, other)
		}
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error = %q, want one that says %q", err, text)
		}
	}
}

// hearer records the calls of Metrics.
type hearer struct {
	mu    sync.Mutex
	calls []string
}

func (h *hearer) Reviewed(kind, outcome string, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, fmt.Sprintf("%s %s %s", kind, outcome, took))
}

func TestMetrics_countReviewsButNotCachedResults(t *testing.T) {
	t.Parallel()
	c := &cluster{
		users: map[string]authenticationv1.TokenReviewStatus{"good": accepted("a", "taskrun.dev")},
		allowed: func(s *authorizationv1.SubjectAccessReviewSpec) authorizationv1.SubjectAccessReviewStatus {
			return authorizationv1.SubjectAccessReviewStatus{Allowed: s.ResourceAttributes.Verb == "get"}
		},
	}
	d, clock := newReviewer(t, c)
	c.hold = func(context.Context) error { clock.Step(time.Second); return nil }
	var h hearer
	d.Metrics = &h
	for range 2 {
		_, _ = d.Authenticate(t.Context(), "good")
		_, _ = d.Authenticate(t.Context(), "bad")
		_ = d.Authorize(t.Context(), Caller{Name: "a"}, Access{Verb: "get"})
		_ = d.Authorize(t.Context(), Caller{Name: "a"}, Access{Verb: "list"})
	}
	c.fail(errors.New("down"))
	_, _ = d.Authenticate(t.Context(), "another")
	_ = d.Authorize(t.Context(), Caller{Name: "a"}, Access{Verb: "watch"})
	want := []string{
		"token accepted 1s", "token rejected 1s", "access allowed 1s", "access denied 1s", "token error 1s", "access error 1s",
	}
	if diff := cmp.Diff(want, h.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
