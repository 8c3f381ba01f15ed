package authn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/client-go/kubernetes"
)

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Metrics hear of each question of who or whether, and how it was answered.
type Metrics interface {
	Reviewed(kind Kind, outcome Outcome, took time.Duration)
}

// Kind is what was asked.
type Kind string

// The kinds.
const (
	KindToken  Kind = "token"
	KindAccess Kind = "access"
)

// Outcome is how it was answered.
type Outcome string

// The outcomes.
const (
	OutcomeAllowed Outcome = "allowed"
	OutcomeDenied  Outcome = "denied"
	OutcomeError   Outcome = "error"  // nobody could be asked
	OutcomeCached  Outcome = "cached" // nobody had to be asked
)

// maxToken is the length of the longest token that is looked at, in bytes.
const maxToken = 16 << 10

// Door asks the API server who a caller is, and whether he may. What it was
// answered it remembers for a while, within bounds; what it could not be answered
// it does not: then nobody is let in.
type Door struct {
	options Options
	client  kubernetes.Interface
	clock   Clock
	metrics Metrics

	secret   []byte                // tokens are remembered by what this makes of them
	accepted *cache.LRUExpireCache // Caller by token
	rejected *cache.LRUExpireCache // error by token: apart, so that a flood of bad tokens drives out no good one
	verdicts *cache.LRUExpireCache // error or nil by caller and access
	asking   singleflight.Group
}

// New returns a Door. metrics may be nil: then nobody counts.
func New(o Options, client kubernetes.Interface, clock Clock, metrics Metrics) (*Door, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	secret := make([]byte, sha256.Size)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	if metrics == nil {
		metrics = nobody{}
	}
	lru := func() *cache.LRUExpireCache { return cache.NewLRUExpireCacheWithClock(o.CacheSize, clock) }
	return &Door{
		options: o, client: client, clock: clock, metrics: metrics,
		secret: secret, accepted: lru(), rejected: lru(), verdicts: lru(),
	}, nil
}

type nobody struct{}

func (nobody) Reviewed(Kind, Outcome, time.Duration) {}

// Authenticate tells whose token this is. ErrUnauthenticated, ErrUnavailable.
func (d *Door) Authenticate(ctx context.Context, token string) (Caller, error) {
	if len(token) > maxToken || !isPlain(token) {
		return Caller{}, fmt.Errorf("%w: this is no ServiceAccount token", ErrUnauthenticated)
	}
	key := d.digest(token)
	if known, ok := d.accepted.Get(key); ok {
		caller, _ := known.(Caller)
		if d.good(caller) {
			d.metrics.Reviewed(KindToken, OutcomeCached, 0)
			return caller, nil
		}
		d.accepted.Remove(key)
	}
	if known, ok := d.rejected.Get(key); ok {
		err, _ := known.(error)
		d.metrics.Reviewed(KindToken, OutcomeCached, 0)
		return Caller{}, err
	}
	caller, err := ask(ctx, d, "token "+key, func(ctx context.Context) (Caller, error) { return d.review(ctx, token) })
	switch {
	case err == nil:
		d.accepted.Add(key, caller, d.options.CacheTTL)
	case errors.Is(err, ErrUnauthenticated):
		d.rejected.Add(key, err, d.options.DeniedTTL)
	}
	return caller, err
}

// isPlain tells whether a token is made of what tokens are made of (RFC 6750 §2.1).
func isPlain(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// digest stands for a token where tokens are remembered: who reads memory finds none.
func (d *Door) digest(token string) string {
	mac := hmac.New(sha256.New, d.secret)
	mac.Write([]byte(token))
	return string(mac.Sum(nil))
}

// good tells whether what a caller showed has not ended. Whoever made the token
// may have a clock that is behind.
func (d *Door) good(c Caller) bool {
	return c.Until.IsZero() || d.clock.Now().Before(c.Until.Add(d.options.ClockSkew))
}

// ask asks the API server; of equal questions at one time, one is asked. The
// first of those who ask may leave: the others wait for the answer.
func ask[T any](ctx context.Context, d *Door, question string, put func(context.Context) (T, error)) (T, error) {
	answered := d.asking.DoChan(question, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.options.Timeout)
		defer cancel()
		return put(ctx)
	})
	var none T
	select {
	case <-ctx.Done():
		return none, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case result := <-answered:
		answer, _ := result.Val.(T)
		return answer, result.Err
	}
}

// review has a token judged.
func (d *Door) review(ctx context.Context, token string) (Caller, error) {
	began := d.clock.Now()
	review, err := d.client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: d.options.Audiences},
	}, metav1.CreateOptions{})
	caller, outcome := Caller{}, OutcomeAllowed
	switch {
	case err != nil:
		outcome, err = OutcomeError, fmt.Errorf("%w: reviewing a token: %w", ErrUnavailable, err)
	case !review.Status.Authenticated, !d.isForUs(review.Status.Audiences):
		outcome, err = OutcomeDenied, fmt.Errorf("%w: the token is not good, or not of the audience %s: "+
			"make one with `kubectl create token <serviceaccount> --audience %s`", ErrUnauthenticated,
			strings.Join(d.options.Audiences, ", "), d.options.Audiences[0])
	default:
		caller = callerOf(&review.Status.User, expiry(token))
	}
	if err == nil && !d.good(caller) {
		outcome, err = OutcomeDenied, fmt.Errorf("%w: the token has expired", ErrUnauthenticated)
	}
	d.metrics.Reviewed(KindToken, outcome, d.clock.Now().Sub(began))
	return caller, err
}

// isForUs tells whether a token was made for one of our audiences. An API server
// that does not know audiences names none: then the token could be for anybody.
func (d *Door) isForUs(audiences []string) bool {
	return slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(d.options.Audiences, a) })
}

func callerOf(user *authenticationv1.UserInfo, until time.Time) Caller {
	caller := Caller{Name: user.Username, UID: user.UID, Groups: user.Groups, Until: until}
	if len(user.Extra) > 0 {
		caller.Extra = make(map[string][]string, len(user.Extra))
		for key, values := range user.Extra {
			caller.Extra[key] = values
		}
	}
	return caller
}

// expiry is when a token ends, as it says itself (RFC 7519 §4.1.4): the API
// server has found it authentic. Zero for a token that is no JWT.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Expiry float64 `json:"exp"`
	}
	if json.Unmarshal(text, &claims) != nil || claims.Expiry <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expiry), 0)
}
