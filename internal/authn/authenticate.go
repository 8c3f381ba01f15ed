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
	// maxTokenBytes bounds what the API server is asked about. Tokens of ServiceAccounts have about 1 KiB.
	maxTokenBytes = 16 << 10
	// maxCallerBytes bounds what is remembered of a caller; of a larger one the API server is asked each time.
	maxCallerBytes = 32 << 10
)

// Authenticate returns the caller of a token. It returns ErrUnauthenticated if the token is invalid, expired or not for
// one of our audiences, ErrUnavailable if the API server could not be asked.
//
// The API server is not asked about a JWT whose unverified claims say that it would be rejected, nor about a token of an
// address (WithAddress) of which it rejected too many recently, unless it accepted this token within the last hour.
//
// A token that the API server accepts is good until its expiry, if it tells one, and Options.ClockSkew longer: our clock
// may be ahead of the API server's, which knows better. It is remembered until its expiry only.
func (d *Door) Authenticate(ctx context.Context, token string) (Caller, error) {
	if err := d.checkForm(token); err != nil {
		return Caller{}, err
	}
	question := d.sealer.seal(token)
	if known, ok := d.identities.recall(question); ok {
		return known.value, known.err
	}
	if err := d.checkClaims(token); err != nil {
		return Caller{}, err
	}
	from := d.rejections.originOf(ctx, question)
	if !d.rejections.allowed(from.address) {
		return Caller{}, tooManyRejected()
	}
	return d.identities.ask(ctx, question, from.sender, func(ctx context.Context) answer[Caller] {
		if !d.rejections.take(from.address) {
			return answer[Caller]{err: tooManyRejected()}
		}
		start := d.clock.Now()
		a := d.reviewToken(ctx, token)
		d.rejections.settle(from, question, a.err)
		d.reviewed("token", outcome(a.err, "accepted", "rejected"), start)
		return a
	})
}

// checkForm refuses what can be no token, without asking.
func (d *Door) checkForm(token string) error {
	switch {
	case token == "":
		return refuse(ErrUnauthenticated, nil, "no token was sent: %s", d.howToGetOne())
	case len(token) > maxTokenBytes:
		return refuse(ErrUnauthenticated, nil, "the token is longer than %d bytes: %s", maxTokenBytes, d.howToGetOne())
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refuse(ErrUnauthenticated, nil, "the token has characters that no token has, such as a line break at its end: %s",
			d.howToGetOne())
	default:
		return nil
	}
}

func (d *Door) howToGetOne() string {
	return "send a ServiceAccount token of audience " + d.options.Audiences[0] +
		", from a projected volume or `kubectl create token NAME --audience=" + d.options.Audiences[0] + "`"
}

func (d *Door) reviewToken(ctx context.Context, token string) answer[Caller] {
	review := &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: slices.Clone(d.options.Audiences)},
	}
	reviewed, err := d.tokens.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return answer[Caller]{err: d.identities.fail(err)}
	}
	if err := d.judge(&reviewed.Status); err != nil {
		return answer[Caller]{err: err, keep: d.options.rejectedTTL()}
	}
	return d.accept(callerOf(&reviewed.Status.User), expiry(token))
}

// judge says what is wrong with a token of which the API server said status. A token that it could not check, say for a
// fault of etcd, looks like a bad one: the API server has no other word for it.
func (d *Door) judge(status *authenticationv1.TokenReviewStatus) error {
	switch {
	case !status.Authenticated || status.User.Username == "":
		return refuse(ErrUnauthenticated, causeOf(status.Error),
			"the token is not good: it has expired, was revoked, is for another audience or was never one: %s", d.howToGetOne())
	case !slices.ContainsFunc(status.Audiences, func(a string) bool { return slices.Contains(d.options.Audiences, a) }):
		// It is for the API server itself, or that looks at no audiences: any service that was shown such a token
		// could show it to us.
		return refuse(ErrUnauthenticated, errors.New("the API server accepts the token but names none of our audiences"),
			"the token is for another audience: %s", d.howToGetOne())
	default:
		return nil
	}
}

// accept is the answer about a good token.
func (d *Door) accept(c Caller, expires time.Time) answer[Caller] {
	a := answer[Caller]{value: c, keep: d.options.CacheTTL, expires: expires}
	if c.bytes() > maxCallerBytes {
		a.keep = 0
	}
	if expires.IsZero() {
		return a
	}
	a.value.Until = expires.Add(d.options.ClockSkew)
	if err := d.checkExpiry(expires); err != nil { // while it was reviewed
		return answer[Caller]{err: err, keep: d.options.rejectedTTL()}
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

// outcome is the word for an answer that is err.
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
