package authn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
)

// Unverified claims can only lead to a rejection that the API server would make, too.
func TestAuthenticate_rejectsByUnverifiedClaimsWithoutReview(t *testing.T) {
	t.Parallel()
	const account = `"sub":"system:serviceaccount:a:b",`
	past, future := start.Add(-time.Hour).Unix(), start.Add(time.Hour).Unix()
	for name, test := range map[string]struct {
		token      string
		wantReview bool
		says       string // error if there is no review
	}{
		"of a ServiceAccount, for us":           {jwt(fmt.Sprintf(`{%s"aud":["taskrun.dev"],"exp":%d}`, account, future)), true, ""},
		"for us and another":                    {jwt(`{` + account + `"aud":["other","second"]}`), true, ""},
		"with one audience as a text":           {jwt(`{` + account + `"aud":"second"}`), true, ""},
		"for another":                           {jwt(`{` + account + `"aud":["https://kubernetes.default.svc"]}`), false, "another audience"},
		"for another, as a text":                {jwt(`{` + account + `"aud":"other"}`), false, "another audience"},
		"for another, without a subject":        {jwt(`{"aud":["other"]}`), false, "another audience"},
		"for an empty list of audiences":        {jwt(`{` + account + `"aud":[]}`), false, "another audience"},
		"without audiences":                     {jwt(`{` + account + `"exp":` + strconv.FormatInt(future, 10) + `}`), true, ""},
		"of another issuer, for its own client": {jwt(`{"sub":"ann","aud":["client"]}`), true, ""},
		"of another issuer, expired":            {jwt(fmt.Sprintf(`{"sub":"ann","aud":["client"],"exp":%d}`, past)), false, "expired"},
		"expired":                               {jwt(fmt.Sprintf(`{"aud":["taskrun.dev"],"exp":%d}`, past)), false, "expired at 2026-05-01T11:00:00Z"},
		"expired within the clock skew":         {expiring(-9 * time.Second), true, ""},
		"expired before the clock skew":         {expiring(-10 * time.Second), false, "expired"},
		"without a signature":                   {jwt(`{` + account + `"aud":["taskrun.dev"]}`)[:len(jwt(`{`+account+`"aud":["taskrun.dev"]}`))-4], false, "signature"},
		"opaque":                                {"0123456789abcdef", true, ""},
		"opaque, with two dots":                 {"a.b.c", true, ""},
		"with a header that is not an object":   {"W10.eyJleHAiOjF9.c2ln", true, ""},
		"with the payload null":                 {"e30.bnVsbA.c2ln", true, ""},
		"with claims of wrong types":            {jwt(`{"aud":7,"exp":"x"}`), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cluster{}
			d, _ := newReviewer(t, c)
			_, err := d.Authenticate(t.Context(), test.token)
			wantKind(t, err, ErrUnauthenticated, test.says, "--audience=taskrun.dev")
			if tokens, _ := c.asked(); (tokens == 1) != test.wantReview {
				t.Errorf("the API server was asked %d times, want a review: %t", tokens, test.wantReview)
			}
		})
	}
}

func TestAuthenticate_cachedTokenIsAcceptedWhateverItsClaims(t *testing.T) {
	t.Parallel()
	token := jwt(`{"sub":"ann","aud":"client"}`)
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{token: accepted("ann", "taskrun.dev")}}
	d, _ := newReviewer(t, c)
	for range 2 {
		if _, err := d.Authenticate(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if tokens, _ := c.asked(); tokens != 1 {
		t.Errorf("the API server was asked %d times, want once", tokens)
	}
}

func TestAuthenticate_tokenThatExpiresDuringItsReviewIsRejected(t *testing.T) {
	t.Parallel()
	token := expiring(time.Second)
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{token: accepted("ann", "taskrun.dev")}}
	d, clock := newReviewer(t, c)
	c.hold = func(context.Context) error { clock.Step(time.Minute); return nil }
	_, err := d.Authenticate(t.Context(), token)
	if !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("error = %v, want %v", err, ErrUnauthenticated)
	}
}
