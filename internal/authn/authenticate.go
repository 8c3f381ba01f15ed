package authn

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// maxTokenBytes is the maximum size of a token. Tokens of ServiceAccounts have about 1 KiB.
	maxTokenBytes = 16 << 10
	// maxCallerBytes is the maximum size of a cached caller. The token of a larger one is reviewed each time.
	maxCallerBytes = 32 << 10
)

// Authenticate returns the caller of a token. It returns ErrUnauthenticated if the token is invalid, expired or not for
// one of the audiences, ErrUnavailable if the API server could not be reached.
//
// A JWT whose unverified claims show that the API server would reject it is rejected without a review. So is a token from
// an address (WithAddress) with too many recently rejected tokens, unless this token was accepted within the last hour.
//
// An accepted token is valid until its expiry, if it has one, and Options.ClockSkew longer, because the clock of this
// machine may be ahead of the API server's. It is cached until its expiry only.
func (r *Reviewer) Authenticate(ctx context.Context, token string) (Caller, error) {
	if err := r.checkForm(token); err != nil {
		return Caller{}, err
	}
	key := r.hasher.key(token)
	if known, ok := r.tokenCache.get(key); ok {
		return known.value, known.err
	}
	if err := r.checkClaims(token); err != nil {
		return Caller{}, err
	}
	from := r.rejections.originOf(ctx, key)
	if !r.rejections.allowed(from.address) {
		return Caller{}, newTooManyRejectedError()
	}
	return r.tokenCache.review(ctx, key, from.sender, func(ctx context.Context) result[Caller] {
		if !r.rejections.reserve(from.address) {
			return result[Caller]{err: newTooManyRejectedError()}
		}
		start := r.clock.Now()
		a := r.reviewToken(ctx, token)
		r.rejections.record(from, key, a.err)
		r.reviewed("token", outcome(a.err, "accepted", "rejected"), start)
		return a
	})
}

// checkForm rejects texts that cannot be a token, without a review.
func (r *Reviewer) checkForm(token string) error {
	switch {
	case token == "":
		return newError(ErrUnauthenticated, nil, "no token was sent: %s", r.tokenHint())
	case len(token) > maxTokenBytes:
		return newError(ErrUnauthenticated, nil, "the token is longer than %d bytes: %s", maxTokenBytes, r.tokenHint())
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return newError(ErrUnauthenticated, nil, "the token has characters that no token has, such as a line break at its end: %s",
			r.tokenHint())
	default:
		return nil
	}
}

func (r *Reviewer) tokenHint() string {
	return "send a ServiceAccount token of audience " + r.options.Audiences[0] +
		", from a projected volume or `kubectl create token NAME --audience=" + r.options.Audiences[0] + "`"
}

func (r *Reviewer) reviewToken(ctx context.Context, token string) result[Caller] {
	review := &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: slices.Clone(r.options.Audiences)},
	}
	reviewed, err := r.tokens.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return result[Caller]{err: r.tokenCache.fail(err)}
	}
	if err := r.checkReview(&reviewed.Status); err != nil {
		return result[Caller]{err: err, ttl: r.options.rejectedTTL()}
	}
	return r.accept(callerOf(&reviewed.Status.User), expiry(token))
}

// checkReview returns the reason to reject a token with this status. A token that the API server could not check, for
// instance because of a fault of etcd, has the status of an invalid one.
func (r *Reviewer) checkReview(status *authenticationv1.TokenReviewStatus) error {
	switch {
	case !status.Authenticated || status.User.Username == "":
		return newError(ErrUnauthenticated, causeOf(status.Error),
			"the token is not good: it has expired, was revoked, is for another audience or was never one: %s", r.tokenHint())
	case !slices.ContainsFunc(status.Audiences, func(a string) bool { return slices.Contains(r.options.Audiences, a) }):
		// The token is for the API server, or the API server ignores audiences. Any service that receives such a token
		// could send it to this one.
		return newError(ErrUnauthenticated, errors.New("the API server accepts the token but names none of the audiences"),
			"the token is for another audience: %s", r.tokenHint())
	default:
		return nil
	}
}

// accept returns the result for a token that the API server accepts.
func (r *Reviewer) accept(c Caller, expires time.Time) result[Caller] {
	a := result[Caller]{value: c, ttl: r.options.CacheTTL, expires: expires}
	if c.size() > maxCallerBytes {
		a.ttl = 0
	}
	if expires.IsZero() {
		return a
	}
	a.value.Until = expires.Add(r.options.ClockSkew)
	if err := r.checkExpiry(expires); err != nil { // while it was reviewed
		return result[Caller]{err: err, ttl: r.options.rejectedTTL()}
	}
	return a
}

func callerOf(u *authenticationv1.UserInfo) Caller {
	c := Caller{Name: u.Username, UID: u.UID, Groups: u.Groups}
	if len(u.Extra) > 0 {
		c.Extra = make(map[string][]string, len(u.Extra))
		for key, values := range u.Extra {
			c.Extra[key] = values
		}
	}
	return c
}

// outcome returns the metric label of a result with this error.
func outcome(err error, yes, no string) string {
	switch {
	case err == nil:
		return yes
	case errors.Is(err, ErrUnavailable):
		return "error"
	default:
		return no
	}
}

func causeOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

func sortedKeys(m map[string][]string) []string { return slices.Sorted(maps.Keys(m)) }
