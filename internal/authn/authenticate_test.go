package authn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestAuthenticate_returnsTheUserOfTheTokenReview(t *testing.T) {
	t.Parallel()
	token := expiring(10 * time.Minute)
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{
		token:    accepted("system:serviceaccount:a:b", "elsewhere", "second"),
		"opaque": accepted("ann", "taskrun.dev"),
	}}
	d, _ := newReviewer(t, c)
	for name, test := range map[string]struct {
		token string
		want  Caller
	}{
		"a token with an expiry is valid until then and the clock skew": {token, Caller{
			Name: "system:serviceaccount:a:b", UID: "uid of system:serviceaccount:a:b", Groups: []string{"system:authenticated"},
			Extra: map[string][]string{"pod": {"p"}}, Until: start.Add(10*time.Minute + 10*time.Second),
		}},
		"an opaque token has no known expiry": {"opaque", Caller{
			Name: "ann", UID: "uid of ann", Groups: []string{"system:authenticated"}, Extra: map[string][]string{"pod": {"p"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // reviewed, then cached
				got, err := d.Authenticate(t.Context(), test.token)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("caller (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestAuthenticate_rejectedTokens(t *testing.T) {
	t.Parallel()
	expired := expiring(-10 * time.Second)
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{
		"rejected": {Error: "signature is invalid"},
		// The response of an API server that ignores audiences.
		"no-audience":    accepted("a"),
		"other-audience": accepted("a", "https://kubernetes.default.svc"),
		"contradiction":  {Authenticated: false, Audiences: []string{"taskrun.dev"}, User: accepted("a").User},
		"nameless":       {Authenticated: true, Audiences: []string{"taskrun.dev"}},
		expired:          accepted("a", "taskrun.dev"),
	}}
	d, _ := newReviewer(t, c)
	for name, test := range map[string]struct {
		token, says string
		cause       string
	}{
		"a token that the API server rejects":        {"rejected", "is not good", "signature is invalid"},
		"a token that the API server does not know":  {"unheard-of", "is not good", ""},
		"a review without audiences":                 {"no-audience", "another audience", "none of the audiences"},
		"a review with another audience":             {"other-audience", "another audience", "none of the audiences"},
		"a rejected token with our audience":         {"contradiction", "is not good", ""},
		"a token without a user":                     {"nameless", "is not good", ""},
		"a token that expired before the clock skew": {expired, "expired at 2026-05-01T11:59:50Z", "clocks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := d.Authenticate(t.Context(), test.token)
			wantKind(t, err, ErrUnauthenticated, test.says, "kubectl create token NAME --audience=taskrun.dev")
			if diff := cmp.Diff(Caller{}, got); diff != "" {
				t.Errorf("caller (-want +got):\n%s", diff)
			}
			refusal, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error is a %T, want *Error", err)
			}
			if cause := fmt.Sprint(refusal.Cause()); test.cause != "" && !strings.Contains(cause, test.cause) {
				t.Errorf("cause = %q, want one that says %q", cause, test.cause)
			}
			if strings.Contains(err.Error()+fmt.Sprint(refusal.Cause()), test.token) && test.token != "rejected" {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestAuthenticate_malformedTokenIsRejectedWithoutReview(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{
		"nothing":                    "",
		"a trailing line break":      "token\n",
		"a space":                    "a b",
		"a NUL":                      "a\x00b",
		"a DEL":                      "a\x7fb",
		"a letter outside of ASCII":  "tökén",
		"invalid UTF-8":              "a\xffb",
		"more than 16 KiB":           strings.Repeat("a", 16<<10+1),
		"a header within the header": "a\r\nX-Remote-User: root",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{}
			d, _ := newReviewer(t, c)
			_, err := d.Authenticate(t.Context(), token)
			wantKind(t, err, ErrUnauthenticated, "audience taskrun.dev")
			if tokens, _ := c.asked(); tokens != 0 {
				t.Errorf("the API server was asked about it %d times", tokens)
			}
		})
	}
}

func TestAuthenticate_longestTokenIsReviewed(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("a", 16<<10)
	d, _ := newReviewer(t, &cluster{users: map[string]authenticationv1.TokenReviewStatus{token: accepted("a", "taskrun.dev")}})
	if _, err := d.Authenticate(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func TestAuthenticate_cacheTTL(t *testing.T) {
	t.Parallel()
	large := accepted("a", "taskrun.dev")
	large.User.Groups = []string{strings.Repeat("g", maxCallerBytes)}
	for name, test := range map[string]struct {
		token string
		user  authenticationv1.TokenReviewStatus
		// wait is the time between two requests, wantAsked the number of reviews.
		wait      time.Duration
		wantAsked int
	}{
		"an accepted token until the end of the TTL":                 {"t", accepted("a", "taskrun.dev"), time.Minute, 1},
		"an accepted token no longer than the TTL":                   {"t", accepted("a", "taskrun.dev"), time.Minute + 1, 2},
		"a token that expires earlier, until just before its expiry": {expiring(20 * time.Second), accepted("a", "taskrun.dev"), 20*time.Second - 1, 1},
		"a token that expires earlier, not at its expiry":            {expiring(20 * time.Second), accepted("a", "taskrun.dev"), 20 * time.Second, 2},
		"a token that expired within the clock skew is not cached":   {expiring(-time.Second), accepted("a", "taskrun.dev"), 0, 2},
		"a rejected token for the shorter TTL":                       {"t", authenticationv1.TokenReviewStatus{}, 5 * time.Second, 1},
		"a rejected token no longer than its TTL":                    {"t", authenticationv1.TokenReviewStatus{}, 5*time.Second + 1, 2},
		"a token of a caller that is too large is not cached":        {"t", large, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{test.token: test.user}}
			d, clock := newReviewer(t, c)
			_, first := d.Authenticate(t.Context(), test.token)
			clock.Step(test.wait)
			_, second := d.Authenticate(t.Context(), test.token)
			if (first == nil) != test.user.Authenticated || (second == nil) != test.user.Authenticated {
				t.Errorf("errors = %v and %v", first, second)
			}
			if tokens, _ := c.asked(); tokens != test.wantAsked {
				t.Errorf("the API server was asked %d times, want %d", tokens, test.wantAsked)
			}
		})
	}
}

func TestAuthenticate_revokedTokenIsRemovedFromTheCache(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{"t": accepted("a", "taskrun.dev")}}
	d, clock := newReviewer(t, c)
	if _, err := d.Authenticate(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	delete(c.users, "t")
	clock.Step(time.Minute + 1)
	_, err := d.Authenticate(t.Context(), "t")
	wantKind(t, err, ErrUnauthenticated)
}

func TestAuthenticate_rejectedTokensDoNotEvictAcceptedOnes(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{"good": accepted("a", "taskrun.dev")}}
	d, _ := newReviewer(t, c)
	_, _ = d.Authenticate(t.Context(), "good")
	for i := range 10 * testOptions().CacheSize {
		_, err := d.Authenticate(t.Context(), fmt.Sprint("bad", i))
		wantKind(t, err, ErrUnauthenticated)
	}
	before, _ := c.asked()
	if _, err := d.Authenticate(t.Context(), "good"); err != nil {
		t.Error(err)
	}
	if after, _ := c.asked(); after != before {
		t.Error("the good token was asked about again")
	}
	if n := len(d.tokenCache.rejected.Keys()); n != testOptions().CacheSize {
		t.Errorf("%d bad tokens are remembered, want %d", n, testOptions().CacheSize)
	}
}

func TestAuthenticate_acceptedTokensAreLimited(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{}}
	d, _ := newReviewer(t, c)
	for i := range 2 * testOptions().CacheSize {
		token := fmt.Sprint("t", i)
		c.users[token] = accepted("a", "taskrun.dev")
		if _, err := d.Authenticate(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.tokenCache.accepted.Keys()); n != testOptions().CacheSize {
		t.Errorf("%d good tokens are remembered, want %d", n, testOptions().CacheSize)
	}
}

func TestCache_containsNoTokens(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{"good-token": accepted("a", "taskrun.dev")}}
	one, _ := newReviewer(t, c)
	other, _ := newReviewer(t, c)
	for _, token := range []string{"good-token", "bad-token"} {
		_, _ = one.Authenticate(t.Context(), token)
		_, _ = other.Authenticate(t.Context(), token)
	}
	for _, d := range []*Reviewer{one, other} {
		for _, key := range append(d.tokenCache.accepted.Keys(), d.tokenCache.rejected.Keys()...) {
			if text := fmt.Sprint(key); len(text) != 32 || strings.Contains(text, "token") {
				t.Errorf("a key of memory is %q", text)
			}
		}
	}
	if cmp.Equal(one.tokenCache.accepted.Keys(), other.tokenCache.accepted.Keys()) {
		t.Error("two reviewers have the same key for a token: it does not depend on a secret")
	}
}

func TestAuthenticate_errorsAreNotCached(t *testing.T) {
	t.Parallel()
	reviews := schema.GroupResource{Group: "authentication.k8s.io", Resource: "tokenreviews"}
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"no connection":                     {errors.New("dial tcp 127.0.0.1:1: connection refused"), "does not answer now: try again"},
		"an internal error":                 {apierrors.NewInternalError(errors.New("etcd")), "does not answer now: try again"},
		"too many requests":                 {apierrors.NewTooManyRequests("slow down", 1), "does not answer now: try again"},
		"a timeout":                         {context.DeadlineExceeded, "does not answer now: try again"},
		"no permission for reviews":         {apierrors.NewForbidden(reviews, "", errors.New("no")), "verb create on tokenreviews.authentication.k8s.io"},
		"the operator is not authenticated": {apierrors.NewUnauthorized("no"), "does not answer now: try again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{"t": accepted("a", "taskrun.dev")}, err: test.err}
			d, _ := newReviewer(t, c)
			_, err := d.Authenticate(t.Context(), "t")
			wantKind(t, err, ErrUnavailable, test.says)
			if !errors.Is(err, test.err) {
				t.Error("the error does not lead to its cause")
			}
			c.fail(nil)
			if _, err := d.Authenticate(t.Context(), "t"); err != nil {
				t.Errorf("after the outage: %v", err)
			}
		})
	}
}

func TestAuthenticate_cachedTokenIsAcceptedDuringAnOutage(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{"t": accepted("a", "taskrun.dev")}}
	d, clock := newReviewer(t, c)
	_, _ = d.Authenticate(t.Context(), "t")
	c.fail(errors.New("down"))
	if _, err := d.Authenticate(t.Context(), "t"); err != nil {
		t.Error(err)
	}
	clock.Step(time.Minute + 1)
	_, err := d.Authenticate(t.Context(), "t")
	wantKind(t, err, ErrUnavailable)
}

func TestAuthenticate_concurrentRequestsWithOneTokenShareAReview(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		c := &cluster{
			users: map[string]authenticationv1.TokenReviewStatus{"t": accepted("a", "taskrun.dev")},
			hold: func(ctx context.Context) error {
				select {
				case <-open:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		}
		d, _ := newReviewer(t, c)
		// The first caller disconnects.
		gone, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := d.Authenticate(gone, "t")
			if !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("the caller that disconnected got %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() {
				if got, err := d.Authenticate(t.Context(), "t"); err != nil || got.Name != "a" {
					t.Errorf("caller = %v, error = %v", got, err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(open)
		wg.Wait()
		if tokens, _ := c.asked(); tokens != 1 {
			t.Errorf("the API server was asked %d times, want once", tokens)
		}
	})
}

func TestAuthenticate_timesOutWithoutAResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{hold: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		d, _ := newReviewer(t, c)
		began := time.Now()
		_, err := d.Authenticate(t.Context(), "t")
		wantKind(t, err, ErrUnavailable)
		if took := time.Since(began); took != testOptions().Timeout {
			t.Errorf("it took %s, want %s", took, testOptions().Timeout)
		}
	})
}

func TestAuthenticate_limitsConcurrentReviews(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{hold: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		d, _ := newReviewer(t, c)
		// A cached accepted token does not wait.
		d.tokenCache.add(d.hasher.key("known"), result[Caller]{value: Caller{Name: "a"}, ttl: time.Minute})
		limit := testOptions().MaxReviews
		flood := limit*(1+waitingPerReview) + 10
		said := make(chan error, flood)
		for i := range flood {
			go func() {
				_, err := d.Authenticate(t.Context(), fmt.Sprint("t", i))
				said <- err
			}()
		}
		synctest.Wait()
		if tokens, _ := c.asked(); tokens != limit {
			t.Errorf("the API server is asked about %d tokens at a time, want %d", tokens, limit)
		}
		if n := len(said); n != 10 {
			t.Errorf("%d were refused at once, want 10", n)
		}
		if _, err := d.Authenticate(t.Context(), "known"); err != nil {
			t.Errorf("the known token: %v", err)
		}
		for range flood {
			wantKind(t, <-said, ErrUnavailable)
		}
		synctest.Wait()
		if n := d.tokenCache.queue.size(); n != 0 {
			t.Errorf("%d places are still taken", n)
		}
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token string
		want  time.Time
	}{
		"whole seconds":                      {jwt(`{"exp":1777636800}`), time.Unix(1777636800, 0)},
		"a fraction is truncated":            {jwt(`{"exp":1777636800.9}`), time.Unix(1777636800, 0)},
		"none":                               {jwt(`{"sub":"a"}`), time.Time{}},
		"not a number":                       {jwt(`{"exp":"1777636800"}`), time.Time{}},
		"before the first time":              {jwt(`{"exp":-1}`), time.Time{}},
		"after the last time":                {jwt(`{"exp":1e300}`), time.Time{}},
		"the last second":                    {jwt(`{"exp":253402300799}`), time.Unix(253402300799, 0)},
		"not JSON":                           {jwt(`exp`), time.Time{}},
		"not base64":                         {"a.!.c", time.Time{}},
		"two parts":                          {"a.e30", time.Time{}},
		"opaque":                             {"0123456789abcdef", time.Time{}},
		"a list":                             {jwt(`[1777636800]`), time.Time{}},
		"padding, which a JWT does not have": {"e30.eyJleHAiOjF9Cg==.c2ln", time.Time{}},
		"null":                               {jwt(`{"exp":null}`), time.Time{}},
		"a claim of the same name within a claim": {jwt(`{"a":{"exp":1}}`), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := expiry(test.token); !got.Equal(test.want) {
				t.Errorf("expiry = %s, want %s", got, test.want)
			}
		})
	}
}
