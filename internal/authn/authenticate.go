package authn

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
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

// Authenticate says whose the token is. It returns ErrUnauthenticated if it is nobody's, expired or not for one of our
// audiences, ErrUnavailable if the API server could not be asked.
//
// A token that the API server accepts is good until its expiry, if it tells one, and Options.ClockSkew longer: our clock
// may be ahead of the API server's, which knows better. It is remembered until its expiry only.
func (d *Door) Authenticate(ctx context.Context, token string) (Caller, error) {
	if err := d.checkForm(token); err != nil {
		return Caller{}, err
	}
	return d.identities.ask(ctx, d.sealer.seal(token), func(ctx context.Context) answer[Caller] {
		start := d.clock.Now()
		a := d.reviewToken(ctx, token)
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
	now := d.clock.Now()
	if !now.Before(a.value.Until) {
		return answer[Caller]{
			err: refuse(ErrUnauthenticated, errors.New("the API server accepts it: the clocks of the two differ"),
				"the token expired at %s, and it is %s here: %s",
				expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), d.howToGetOne()),
			keep: d.options.rejectedTTL(),
		}
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

// expiry returns when an authentic token expires, by its claim exp, and zero if it is no JWT or says nothing. It proves
// nothing by itself: ask the API server first.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Expires *float64 `json:"exp"`
	}
	err = json.NewDecoder(bytes.NewReader(payload)).Decode(&claims)
	// No later than the year 9999, which is all that a time can be written as.
	if err != nil || claims.Expires == nil || *claims.Expires < 0 || *claims.Expires > 253402300799 {
		return time.Time{}
	}
	return time.Unix(int64(*claims.Expires), 0)
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
